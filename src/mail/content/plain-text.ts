/** Blank lines that stand together are one. */
type Break = 'none' | 'line' | 'paragraph';

const STRENGTH: Record<Break, number> = { none: 0, line: 1, paragraph: 2 };

/**
 * Writes plain text piece by piece, in time that grows with the pieces alone. Blanks and breaks are owed until there
 * are words to be kept apart, so that none begins or ends a line or the text.
 */
export class PlainTextWriter {
  private readonly done: string[] = [];
  private line = '';
  private linePrefix = '';
  private owedBreak: Break = 'none';
  /** What keeps the next words from the last ones on the line. */
  private owedBlank = '';
  /** What stands before the next words once, such as the dot of a list. */
  private owedMark = '';

  /** Before each line, such as `> `. */
  prefix = '';

  /** @param text in which blanks are as they shall be */
  words(text: string): void {
    if (text === '') return;
    this.settle();
    this.line += text;
  }

  /** However many there are, they are one. */
  blank(): void {
    if (this.owedBlank === '') this.owedBlank = ' ';
  }

  /** Two cells want more between them than two words do. */
  gap(): void {
    this.owedBlank = '  ';
  }

  /** Blanks that stand as they are, and characters that cannot be seen: nothing on a line of their own. */
  unseen(text: string): void {
    if (this.owedBreak !== 'none' || this.line === '') return;
    if (text.trim() === '') this.owedBlank += text;
    else if (this.owedBlank === '') this.line += text;
  }

  /** Ends the line at the next words; a paragraph with an empty one. */
  break(kind: Break): void {
    if (STRENGTH[kind] > STRENGTH[this.owedBreak]) this.owedBreak = kind;
  }

  /** One line further down, as `<br>` asks. */
  newline(): void {
    this.owedBreak = this.owedBreak === 'none' ? 'line' : 'paragraph';
  }

  /** Whether the next words begin a line. */
  get atLineStart(): boolean {
    return this.owedBreak !== 'none' || this.line === this.linePrefix;
  }

  mark(text: string): void {
    this.owedMark = text;
  }

  /** Words that belong to the last ones, whatever is owed since. */
  append(text: string): void {
    this.line += text;
  }

  toString(): string {
    return [...this.done, this.line]
      .map((line) => line.trimEnd())
      .join('\n')
      .replace(/^\n+/, '');
  }

  private settle(): void {
    const isEmpty = this.line === '' && this.done.length === 0;
    if (this.owedBreak !== 'none' && !isEmpty) {
      this.done.push(this.line);
      // Between a quotation and what is none, the empty line belongs to neither.
      if (this.owedBreak === 'paragraph')
        this.done.push(this.prefix.length < this.linePrefix.length ? this.prefix : this.linePrefix);
      this.line = '';
    }
    if (this.line === '') {
      this.linePrefix = this.prefix;
      this.line = this.prefix + this.owedMark;
    } else {
      this.line += this.owedBlank + this.owedMark;
    }
    this.owedBreak = 'none';
    this.owedBlank = '';
    this.owedMark = '';
  }
}
