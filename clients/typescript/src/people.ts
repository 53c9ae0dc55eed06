import type { Calls, CallOptions, SendOptions } from './calls.js';
import { follow } from './delivery-stream.js';
import { Listing } from './listing.js';
import type { Query, Schema } from './types.js';

export type Delivery = Schema<'DeliveryView'>;

/** Codes for a user table of your own. Scope `verifications`. */
export class Verifications {
  constructor(private readonly calls: Calls) {}

  /**
   * Sends a code to an address.
   *
   * @example
   * const { id, reference } = await otpost.verifications.create({ to: 'ada@example.com', purpose: 'checkout' });
   * const code = await ask(reference); // what the person types; the mail shows the same reference
   * const { status, to } = await otpost.verifications.check(id, { code });
   * console.log(status, to); // approved ada@example.com
   * @throws Problem `validation_failed`, `rate_limited`, …
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
   * @throws Problem `otp_invalid` with `attemptsLeft`, `otp_expired`, `otp_consumed`, `otp_locked`, `too_many_failures`, …
   */
  check(id: string, body: Schema<'CheckRequest'>, options?: CallOptions): Promise<Schema<'ApprovedView'>> {
    return this.calls.call('post', '/v1/verifications/{id}/check', { path: { id }, body }, options);
  }

  /**
   * Sends the same code again; not before `resendAfter`.
   *
   * @example
   * const { id, resendAfter } = await otpost.verifications.create({ to: 'ada@example.com', purpose: 'newsletter' });
   * if (new Date(resendAfter) < new Date()) await otpost.verifications.resend(id);
   */
  resend(id: string, options?: SendOptions): Promise<Schema<'VerificationView'>> {
    return this.calls.call('post', '/v1/verifications/{id}/resend', { path: { id }, keyed: true }, options);
  }

  /**
   * What is known of it, and what became of its mail.
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
   * Sends the same code again.
   *
   * @example
   * const { challenge } = await otpost.otp.request({ purpose: 'login', email: 'ada@example.com' });
   * if (new Date(challenge.resendAfter) < new Date()) await otpost.otp.resend(challenge.id);
   * @throws Problem `resend_too_soon` with `retryAfter`, `resend_exhausted`
   */
  resend(id: string, options?: CallOptions): Promise<Schema<'IssuedView'>> {
    return this.calls.call('post', '/v1/otp/{id}/resend', { path: { id } }, options);
  }

  /**
   * "This wasn't me": the code works no more.
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

/** Accounts: making one, and for the scope `admin` looking after all of them. */
export class Accounts {
  constructor(private readonly calls: Calls) {}

  /**
   * Sends a code to a new address; an address that has an account gets a mail, and the same answer. Needs no key.
   *
   * @example
   * const { challenge } = await otpost.accounts.register({ email: 'ada@example.com', name: 'Ada' });
   * await otpost.otp.verify(challenge.id, { code: await ask(challenge.reference) });
   */
  register(body: Schema<'RegisterRequest'>, options?: CallOptions): Promise<Schema<'IssuedView'>> {
    return this.calls.call('post', '/v1/accounts', { body }, options);
  }

  /**
   * Scope `admin`.
   *
   * @example
   * for await (const { email, role } of otpost.accounts.list()) console.log(email, role);
   */
  list(filter: Query<'/v1/accounts'> & { cursor?: string } = {}, options?: CallOptions): Listing<Account> {
    const { cursor, ...query } = filter;
    const page = (next: string | undefined, more?: CallOptions) =>
      this.calls.call('get', '/v1/accounts', { query: { ...query, cursor: next } }, more);
    return new Listing(page, cursor, options);
  }

  /**
   * Scope `admin`.
   *
   * @example
   * const { id } = await ada.me.get();
   * console.log((await otpost.accounts.get(id)).emailVerifiedAt);
   */
  get(id: string, options?: CallOptions): Promise<Account> {
    return this.calls.call('get', '/v1/accounts/{id}', { path: { id } }, options);
  }

  /**
   * Changes a role. Scope `admin`.
   *
   * @example
   * const { id } = await ada.me.get();
   * await otpost.accounts.update(id, { role: 'operator' });
   */
  update(id: string, body: Schema<'ChangeAccountRequest'>, options?: CallOptions): Promise<Account> {
    return this.calls.call('patch', '/v1/accounts/{id}', { path: { id }, body }, options);
  }

  /**
   * Where somebody is signed in. Scope `admin`.
   *
   * @example
   * const { id } = await ada.me.get();
   * for (const { device, lastUsedAt } of await otpost.accounts.sessions(id)) console.log(device, lastUsedAt);
   */
  async sessions(id: string, options?: CallOptions): Promise<Schema<'SessionView'>[]> {
    return (await this.calls.call('get', '/v1/accounts/{id}/sessions', { path: { id } }, options)).items;
  }

  /**
   * Signs somebody out everywhere. Scope `admin`.
   *
   * @example
   * const { id } = await ada.me.get();
   * await otpost.accounts.signOut(id);
   */
  signOut(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/accounts/{id}/sessions', { path: { id } }, options);
  }
}

export type Account = Schema<'AccountView'>;

/** Signing in with a password, staying signed in, signing out. */
export class Sessions {
  constructor(private readonly calls: Calls) {}

  /**
   * With a password. Needs no key.
   *
   * @example
   * const who = { email: 'ada@example.com', password: 'correct horse battery staple' };
   * const signedIn = await otpost.sessions.create(who).catch((error) => {
   *   if (Problem.is(error, 'invalid_credentials')) return undefined;
   *   throw error;
   * });
   * console.log(signedIn?.accessToken);
   */
  create(body: Schema<'SignInRequest'>, options?: CallOptions): Promise<Schema<'SignedInView'>> {
    return this.calls.call('post', '/v1/sessions', { body }, options);
  }

  /**
   * New tokens for a refresh token, which works once. Needs no key.
   *
   * @example
   * const { challenge } = await otpost.accounts.register({ email: 'ada@example.com' });
   * const { refreshToken } = await otpost.otp.verify(challenge.id, { code: await ask(challenge.reference) });
   * const { accessToken } = await otpost.sessions.refresh({ refreshToken });
   * console.log((await otpost.as(accessToken).me.get()).email);
   */
  refresh(body: Schema<'RefreshRequest'>, options?: CallOptions): Promise<Schema<'TokensView'>> {
    return this.calls.call('post', '/v1/sessions/refresh', { body }, options);
  }

  /**
   * Where they are signed in.
   *
   * @example
   * for (const session of await ada.sessions.list()) console.log(session.device, session.current);
   */
  async list(options?: CallOptions): Promise<Schema<'SessionView'>[]> {
    return (await this.calls.call('get', '/v1/sessions', {}, options)).items;
  }

  /**
   * Ends one of their sessions.
   *
   * @example
   * const others = (await ada.sessions.list()).filter(({ current }) => !current);
   * for (const { id } of others) await ada.sessions.end(id);
   */
  end(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/sessions/{id}', { path: { id } }, options);
  }

  /**
   * Signs out here.
   *
   * @example
   * await ada.sessions.signOut();
   */
  signOut(options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/sessions/current', {}, options);
  }

  /**
   * Signs out everywhere.
   *
   * @example
   * await ada.sessions.signOutEverywhere();
   */
  signOutEverywhere(options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/sessions', {}, options);
  }
}

/** The account of whoever the access token belongs to: `otpost.as(accessToken).me`. */
export class Me {
  constructor(private readonly calls: Calls) {}

  /**
   * @example
   * console.log((await ada.me.get()).email);
   */
  get(options?: CallOptions): Promise<Account> {
    return this.calls.call('get', '/v1/me', {}, options);
  }

  /**
   * @example
   * await ada.me.update({ name: 'Ada Lovelace', locale: 'en' });
   */
  update(body: Schema<'ChangeMeRequest'>, options?: CallOptions): Promise<Account> {
    return this.calls.call('patch', '/v1/me', { body }, options);
  }

  /**
   * Removes the account. It needs a fresh proof: a code that was just given back, or the password.
   *
   * @example
   * await ada.me.delete();
   * @throws Problem `reauthentication_required`, `wrong_password`
   */
  delete(body: Schema<'ProofRequest'> = {}, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/me', { body }, options);
  }

  /**
   * Sends a code to a new address, which becomes theirs once it is given back.
   *
   * @example
   * const { challenge } = await ada.me.changeEmail({ email: 'ada.lovelace@example.com' });
   * await ada.otp.verify(challenge.id, { code: await ask(challenge.reference) });
   */
  changeEmail(body: Schema<'ChangeEmailRequest'>, options?: CallOptions): Promise<Schema<'IssuedView'>> {
    return this.calls.call('post', '/v1/me/email', { body }, options);
  }

  /**
   * Sets or changes the password, with a fresh proof.
   *
   * @example
   * await ada.me.setPassword({ newPassword: 'correct horse battery staple' });
   */
  setPassword(body: Schema<'ChangePasswordRequest'>, options?: CallOptions): Promise<void> {
    return this.calls.call('post', '/v1/me/password', { body }, options);
  }

  /**
   * From then on codes alone sign in.
   *
   * @example
   * await ada.me.removePassword();
   */
  removePassword(body: Schema<'ProofRequest'> = {}, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/me/password', { body }, options);
  }
}
