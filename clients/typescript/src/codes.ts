import type { Calls } from './calls.js';
import { follow } from './delivery-stream.js';
import type { CallOptions, Schema, SendOptions } from './types.js';

export type Delivery = Schema<'DeliveryView'>;

/** Codes for a user table of your own. Scope `verifications`. */
export class Verifications {
  constructor(private readonly calls: Calls) {}

  /**
   * Sends a code to an address, or by SMS to a number with its country (E.164): `{ to: '+639171234567' }`.
   *
   * @example
   * const { id, reference } = await otpost.verifications.create({ to: 'ada@example.com', purpose: 'checkout' });
   * const code = await ask(reference); // what the person types; the mail shows the same reference
   * const { status, to } = await otpost.verifications.check(id, { code });
   * console.log(status, to); // approved ada@example.com
   * @throws Problem `validation_failed`, `rate_limited`, … and of SMS `sms_not_configured`, `sms_country`,
   *   `sms_limited`
   */
  create(body: Schema<'VerificationRequest'>, options?: SendOptions): Promise<Schema<'VerificationView'>> {
    return this.calls.call('post', '/v1/verifications', { body, keyed: true }, options);
  }

  /**
   * Whether that is the code. It is approved once.
   *
   * @example
   * const { id, reference } = await otpost.verifications.create({ to: 'ada@example.com', purpose: 'signup' });
   * const { to } = await otpost.verifications.check(id, { code: await ask(reference) });
   * console.log(`${to} is theirs`);
   * @throws Problem `otp_invalid` with `attemptsLeft`, `otp_expired`, `otp_consumed`, `otp_locked`,
   *   `too_many_failures`, …
   */
  check(id: string, body: Schema<'CheckRequest'>, options?: CallOptions): Promise<Schema<'ApprovedView'>> {
    return this.calls.call('post', '/v1/verifications/{id}/check', { path: { id }, body }, options);
  }

  /**
   * Sends the same code again; not before `resendAfter`. With `to` it goes by the other channel: to an address where it
   * went to a number, and the other way round.
   *
   * @example
   * const { id, resendAfter } = await otpost.verifications.create({ to: '+639171234567', purpose: 'newsletter' });
   * if (new Date(resendAfter) < new Date()) await otpost.verifications.resend(id, { to: 'ada@example.com' });
   * @throws Problem `resend_too_soon` with `retryAfter`, `resend_exhausted`, `same_channel`, …
   */
  resend(id: string, body: Schema<'ResendRequest'> = {}, options?: SendOptions): Promise<Schema<'VerificationView'>> {
    return this.calls.call('post', '/v1/verifications/{id}/resend', { path: { id }, body, keyed: true }, options);
  }

  /**
   * What is known of it, and what became of its mail or text.
   *
   * @example
   * const { id } = await otpost.verifications.create({ to: 'ada@example.com', purpose: 'export' });
   * const { status, delivery } = await otpost.verifications.get(id);
   * console.log(status, delivery.status); // pending …
   */
  get(id: string, options?: CallOptions): Promise<Schema<'FollowedVerificationView'>> {
    return this.calls.call('get', '/v1/verifications/{id}', { path: { id } }, options);
  }
}

/** One-time codes of Otpost's own accounts. They need no key. */
export class OneTimeCodes {
  constructor(private readonly calls: Calls) {}

  /**
   * Sends a code to sign in, to set a password, to confirm an address; with somebody's own token, `reauthenticate`.
   * With SMS_SIGN_IN=on `phone` may stand in place of `email`.
   *
   * @example
   * const { challenge } = await otpost.otp.request({ purpose: 'login', email: 'ada@example.com' });
   * console.log(challenge.reference, challenge.expiresAt);
   */
  request(body: Schema<'CodeRequest'>, options?: CallOptions): Promise<Schema<'IssuedView'>> {
    return this.calls.call('post', '/v1/otp', { body }, options);
  }

  /**
   * Gives a code back, and signs in.
   *
   * @example
   * const { challenge } = await otpost.accounts.register({ email: 'ada@example.com' });
   * const { accessToken, account } = await otpost.otp.verify(challenge.id, { code: await ask(challenge.reference) });
   * console.log(account.email, await otpost.verifyToken(accessToken));
   * @throws Problem `otp_invalid` with `attemptsLeft`, `otp_expired`, `otp_consumed`, `otp_locked`, …
   */
  verify(id: string, body: Schema<'VerifyRequest'>, options?: CallOptions): Promise<Schema<'SignedInView'>> {
    return this.calls.call('post', '/v1/otp/{id}/verify', { path: { id }, body }, options);
  }

  /**
   * Sends the same code again; with `channel: 'email'` one that went to a number goes to the address of its account.
   *
   * @example
   * const { challenge } = await otpost.otp.request({ purpose: 'login', email: 'ada@example.com' });
   * if (new Date(challenge.resendAfter) < new Date()) await otpost.otp.resend(challenge.id);
   * @throws Problem `resend_too_soon` with `retryAfter`, `resend_exhausted`, `sms_limited`
   */
  resend(id: string, body: Schema<'ResendCodeRequest'> = {}, options?: CallOptions): Promise<Schema<'IssuedView'>> {
    return this.calls.call('post', '/v1/otp/{id}/resend', { path: { id }, body }, options);
  }

  /**
   * Taken back by whoever asked: the code works no more. The link in its mail still does.
   *
   * @example
   * const { challenge } = await otpost.otp.request({ purpose: 'login', email: 'ada@example.com' });
   * await otpost.otp.disown(challenge.id);
   */
  disown(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('post', '/v1/otp/{id}/disown', { path: { id } }, options);
  }

  /**
   * What became of the mail with the code; also of one of `verifications`.
   *
   * @example
   * const { challenge } = await otpost.otp.request({ purpose: 'login', email: 'ada@example.com' });
   * console.log((await otpost.otp.delivery(challenge.id)).status);
   */
  delivery(id: string, options?: CallOptions): Promise<Delivery> {
    return this.calls.call('get', '/v1/otp/{id}/delivery', { path: { id } }, options);
  }

  /**
   * The same as it changes, until there is no more to tell. It connects again by itself where the stream is cut.
   *
   * @example
   * const { challenge } = await otpost.accounts.register({ email: 'ada@example.com' });
   * for await (const { status } of otpost.otp.follow(challenge.id)) {
   *   console.log(status); // queued, sending, sent
   *   if (status === 'sent') break;
   * }
   * @throws Problem `too_many_streams`, `challenge_not_found`
   */
  follow(id: string, options: Pick<CallOptions, 'signal'> = {}): AsyncGenerator<Delivery, void> {
    return follow(this.calls, id, options.signal);
  }
}
