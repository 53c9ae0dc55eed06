import type { Schema } from './types.js';

/** Every error that the client itself throws. An AbortSignal of yours throws its own reason. */
export abstract class OtpostError extends Error {}

export type ProblemCode = Schema<'Problem'>['code'];

/**
 * The service refused: problem details (RFC 9457), with a code that stays the same, the fields at fault and a remedy.
 *
 * @example
 * try {
 *   await otpost.emails.send({ to: 'nobody', subject: 'Hello', text: 'Hello.' });
 * } catch (error) {
 *   if (!(error instanceof Problem)) throw error;
 *   console.log(error.code, error.errors[0]?.field, error.remedy); // validation_failed to …
 * }
 */
export class Problem extends OtpostError {
  override readonly name = 'Problem';
  readonly title: string;
  /** What a caller can do about it. */
  readonly remedy: string;
  /** By which the log of the service finds the request. */
  readonly requestId: string | undefined;
  /** Fields at fault. */
  readonly errors: NonNullable<Schema<'Problem'>['errors']>;
  /** Of `otp_invalid`: how many more wrong codes are let. */
  readonly attemptsLeft: number | undefined;

  /** @param retryAfter seconds to wait before the same may be asked again, where the service told them */
  constructor(
    readonly status: number,
    /** `unknown` where what refused was not Otpost: a proxy in front of it, most often. */
    readonly code: ProblemCode | 'unknown',
    readonly body: Partial<Schema<'Problem'>>,
    readonly retryAfter?: number,
  ) {
    const faults = (body.errors ?? []).map(({ field, message }) => ` ${field} ${message}.`).join('');
    super(`${body.detail ?? body.title ?? `The service answered ${status}.`}${faults}`);
    this.title = body.title ?? '';
    this.remedy = body.remedy ?? '';
    this.requestId = body.requestId;
    this.errors = body.errors ?? [];
    this.attemptsLeft = body.attemptsLeft;
  }

  /**
   * Whether an error is a problem, and has one of these codes where some are named.
   *
   * @example
   * const { challenge } = await otpost.accounts.register({ email: 'ada@example.com' });
   * const said = await otpost.otp.verify(challenge.id, { code: '000000' }).catch((error) => {
   *   if (Problem.is(error, 'otp_invalid')) return `wrong, ${error.attemptsLeft} tries left`;
   *   throw error;
   * });
   * console.log(said);
   */
  static is(error: unknown, ...codes: ProblemCode[]): error is Problem {
    return error instanceof Problem && (codes.length === 0 || (codes as string[]).includes(error.code));
  }
}

/**
 * No answer came: no connection, one that broke, or none in time (`timedOut`). The cause is what `fetch` threw. Whether
 * the request was carried out is unknown; the client has tried again already, where that can do nothing twice.
 */
export class ConnectionError extends OtpostError {
  override readonly name = 'ConnectionError';

  constructor(
    message: string,
    readonly timedOut: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A token that is none of ours, has expired, or was changed. The cause says which. */
export class InvalidToken extends OtpostError {
  override readonly name = 'InvalidToken';
}

/** A webhook that Otpost did not sign, or not in the last five minutes. */
export class InvalidWebhook extends OtpostError {
  override readonly name = 'InvalidWebhook';
}
