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

/**
 * The code of a failed file operation, such as EACCES; undefined for any other error.
 * It looks at the shape, not the class: code that runs in a VM context has an `Error` of its own.
 */
export function fileErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('syscall' in error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
