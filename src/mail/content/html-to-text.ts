import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';
import { PlainTextWriter } from './plain-text.js';

const PARAGRAPHS = new Set('p h1 h2 h3 h4 h5 h6 table blockquote pre ul ol dl hr fieldset figure'.split(' '));
const LINES = new Set(
  'div tr li dt dd section article header footer main nav aside address center caption thead tbody tfoot form option figcaption body html'.split(
    ' ',
  ),
);
/** Nobody reads what is in them. */
const UNREAD = new Set(['script', 'style', 'title', 'template', 'iframe']);
const VOID = new Set('area base br col embed hr img input link meta source track wbr'.split(' '));
/** Marks stand this deep at most: deeper ones would make a long text of a short one. */
const MAX_DEPTH = 8;

interface Link {
  href: string;
  words: string;
  beginsLine: boolean;
}

interface List {
  /** The number of the next item; undefined in a list without an order. */
  next: number | undefined;
}

export interface ReadingOptions {
  /** Each row of a table that is there for the look alone is a paragraph, as in what MJML makes. */
  rowsApart?: boolean;
  /** Addresses of templates: variables, and told behind a colon where their words begin a line. */
  ownLinks?: RegExp;
}

/**
 * What a reader without HTML should see of a mail. Goes through the tokens once and builds no tree: whoever sends tags
 * in tags in tags gets them read in the time that their length takes (measured: 1 MiB of any kind in less than 0.5 s),
 * and so nothing is cut off.
 */
export function htmlToText(html: string, options: ReadingOptions = {}): string {
  const reader = new Reader(html, options);
  const tokenizer = new Tokenizer({ decodeEntities: true }, reader);
  tokenizer.write(html);
  tokenizer.end();
  return reader.text();
}

class Reader implements TokenizerCallbacks {
  private readonly writer = new PlainTextWriter();
  private readonly lists: List[] = [];
  private link: Link | undefined;
  /** Of the tables that are open: whether each is there for the look alone. */
  private readonly layouts: boolean[] = [];
  private quotes = 0;
  private pre = 0;
  private isRaised = false;
  /** Inside something that nobody sees: its name, and how many of that name are open. */
  private unseen: { name: string; open: number } | undefined;

  private tag = '';
  private attribute = '';
  private attributeText = '';
  private attributes: Record<string, string> = {};

  constructor(
    private readonly html: string,
    private readonly options: ReadingOptions,
  ) {}

  text(): string {
    this.endLink();
    return this.writer.toString();
  }

  ontext(start: number, end: number): void {
    this.say(this.html.slice(start, end));
  }

  ontextentity(codepoint: number): void {
    this.say(String.fromCodePoint(codepoint));
  }

  onopentagname(start: number, end: number): void {
    this.tag = this.html.slice(start, end).toLowerCase();
    this.attributes = {};
  }

  onattribname(start: number, end: number): void {
    this.attribute = this.html.slice(start, end).toLowerCase();
    this.attributeText = '';
  }

  onattribdata(start: number, end: number): void {
    this.attributeText += this.html.slice(start, end);
  }

  onattribentity(codepoint: number): void {
    this.attributeText += String.fromCodePoint(codepoint);
  }

  onattribend(): void {
    if (READ_ATTRIBUTES.has(this.attribute)) this.attributes[this.attribute] ??= this.attributeText;
  }

  onopentagend(): void {
    this.open(this.tag, this.attributes);
  }

  /** In HTML the slash means nothing (HTML §13.1.2.1); `<br/>` is as void as `<br>`. */
  onselfclosingtag(): void {
    this.open(this.tag, this.attributes);
  }

  onclosetag(start: number, end: number): void {
    this.close(this.html.slice(start, end).toLowerCase());
  }

  oncdata(): void {}
  oncomment(): void {}
  ondeclaration(): void {}
  onprocessinginstruction(): void {}
  onend(): void {}

  private open(name: string, attributes: Record<string, string>): void {
    // A paragraph ends where a block begins, whether it was closed or not (HTML §13.2.6.4.7).
    if (this.unseen?.name === 'p' && (PARAGRAPHS.has(name) || LINES.has(name))) this.unseen = undefined;
    if (this.unseen) {
      if (this.unseen.name === name) this.unseen.open++;
      return;
    }
    if (!VOID.has(name) && (UNREAD.has(name) || isHidden(attributes))) {
      this.unseen = { name, open: 1 };
      return;
    }
    this.breakAround(name);
    if (this.options.rowsApart) this.openRow(name, attributes);
    switch (name) {
      case 'br':
        return this.writer.newline();
      case 'hr':
        this.writer.words('-'.repeat(20));
        return this.writer.break('paragraph');
      case 'img':
        return this.say(` ${attributes['alt'] ?? ''} `);
      case 'td':
      case 'th':
        return this.writer.gap();
      case 'a':
        this.endLink();
        this.link = { href: attributes['href']?.trim() ?? '', words: '', beginsLine: this.writer.atLineStart };
        return;
      case 'pre':
        this.pre++;
        return;
      case 'blockquote':
        return this.quote(1);
      case 'ul':
        return void this.lists.push({ next: undefined });
      case 'ol':
        return void this.lists.push({ next: firstNumber(attributes['start']) });
      case 'li':
        return this.item(attributes['value']);
      case 'area':
        return this.area(attributes);
      case 'sup':
        this.isRaised = true;
        return;
      case 'q':
        return this.say('"');
    }
  }

  private close(name: string): void {
    if (this.unseen) {
      if (this.unseen.name === name && --this.unseen.open === 0) this.unseen = undefined;
      return;
    }
    switch (name) {
      case 'a':
        this.endLink();
        break;
      case 'sup':
        this.isRaised = false;
        break;
      case 'q':
        this.say('"');
        break;
      case 'pre':
        this.pre = Math.max(0, this.pre - 1);
        break;
      case 'blockquote':
        this.quote(-1);
        break;
      case 'ul':
      case 'ol':
        this.lists.pop();
        break;
      case 'td':
      case 'th':
        this.writer.gap();
        break;
    }
    this.breakAround(name);
    if (this.options.rowsApart) this.closeRow(name);
  }

  private openRow(name: string, { role }: Record<string, string>): void {
    if (name === 'table') this.layouts.push(role === 'presentation');
    if (name === 'tr' && this.layouts.at(-1)) this.writer.break('paragraph');
  }

  private closeRow(name: string): void {
    if (name === 'tr' && this.layouts.at(-1)) this.writer.break('paragraph');
    if (name === 'table') this.layouts.pop();
  }

  private breakAround(name: string): void {
    // A list in a list goes on where it is.
    const inList = (name === 'ul' || name === 'ol') && this.lists.length > 0;
    if (PARAGRAPHS.has(name)) this.writer.break(inList ? 'line' : 'paragraph');
    else if (LINES.has(name)) this.writer.break('line');
  }

  private say(text: string): void {
    if (this.unseen) return;
    if (this.pre > 0) return this.sayAsItStands(text);
    // Blanks run together (CSS Text §4.1), but for those that do not break.
    for (const piece of text.match(/[ \t\n\r\f]+|[^ \t\n\r\f]+/g) ?? []) {
      if (/^[ \t\n\r\f]/.test(piece)) this.writer.blank();
      else this.sayWords(piece);
    }
  }

  private sayAsItStands(text: string): void {
    text.split(/\r\n?|\n/).forEach((line, index) => {
      if (index > 0) this.writer.newline();
      this.sayWords(line);
    });
  }

  private sayWords(piece: string): void {
    // A blank that does not break is one in plain text.
    let words = piece.replaceAll('\u00a0', ' ');
    // Ten squared is not 102.
    if (this.isRaised && /^\d/.test(words)) words = `^${words}`;
    this.isRaised = false;
    if (UNSEEN.test(words)) return this.writer.unseen(words);
    if (this.link) this.link.words += words;
    this.writer.words(words);
  }

  /** The address behind its words, unless they say the same. */
  private endLink(): void {
    const { link } = this;
    this.link = undefined;
    if (!link) return;
    const { href, words, beginsLine } = link;
    if (this.options.ownLinks?.test(href)) {
      // Ours stand on lines of their own, where nothing behind the address can be taken for a part of it.
      if (!href.endsWith(words)) this.writer.append(beginsLine ? `: ${href}` : ` [${href}]`);
    } else if (LINK.test(href)) {
      if (words.trim() === '') this.writer.words(href);
      else if (bare(words) !== bare(href)) this.writer.append(` [${href}]`);
    }
  }

  /** A place on a picture that leads somewhere. */
  private area({ alt = '', href = '' }: Record<string, string>): void {
    this.writer.break('line');
    this.open('a', { href });
    this.say(alt);
    this.endLink();
    this.writer.break('line');
  }

  /** @param value the number that an item has by itself */
  private item(value: string | undefined): void {
    const list = this.lists.at(-1);
    if (list?.next !== undefined && value !== undefined) list.next = firstNumber(value);
    const indent = '  '.repeat(Math.min(MAX_DEPTH, Math.max(0, this.lists.length - 1)));
    this.writer.mark(list?.next === undefined ? `${indent}- ` : `${indent}${list.next++}. `);
  }

  private quote(by: 1 | -1): void {
    this.quotes = Math.max(0, this.quotes + by);
    this.writer.prefix = '> '.repeat(Math.min(MAX_DEPTH, this.quotes));
  }
}

const READ_ATTRIBUTES = new Set(['alt', 'href', 'role', 'style', 'hidden', 'start', 'value']);
const LINK = /^(https?:\/\/|mailto:|tel:|sms:|webcal:|geo:|ftp:\/\/)./i;

/** With these, senders fill the line that the list of a mail program shows. */
const UNSEEN = /^[ \u00ad\u034f\u061c\u2007\u200b-\u200f\u2060\ufeff]*$/;

/** Such as the lines that only the list of a mail program shows. */
function isHidden({ style, hidden }: Record<string, string>): boolean {
  return hidden !== undefined || (style !== undefined && /(?:^|;)\s*display\s*:\s*none\b/i.test(style));
}

function firstNumber(start: string | undefined): number {
  return /^\s*-?\d{1,9}\s*$/.test(start ?? '') ? Number(start) : 1;
}

/** An address as people write it. */
function bare(text: string): string {
  return text
    .trim()
    .replace(/^(https?:\/\/|mailto:|tel:|sms:)/i, '')
    .replace(/\/$/, '')
    .toLowerCase();
}
