/**
 * A reason why this process cannot start, told to an operator in one line.
 * `main.ts` prints `message` and `remedy` and exits 1; no stack is shown, because the operator is the one to act.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';

  constructor(
    message: string,
    readonly remedy: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  /** As it is told. One line, unless a subclass has lines of its own: the words of a server may be in it. */
  get lines(): string[] {
    return [`${this.message} ${this.remedy}`.trim()];
  }
}
