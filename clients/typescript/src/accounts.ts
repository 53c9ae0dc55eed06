import type { Calls } from './calls.js';
import type { Listing } from './listing.js';
import type { CallOptions, Filter, Schema } from './types.js';

export type Account = Schema<'AccountView'>;

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
  list(filter: Filter<'/v1/accounts'> = {}, options?: CallOptions): Listing<Account> {
    return this.calls.list('/v1/accounts', filter, options);
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
   * Sends a code by SMS to a new number, which becomes theirs once it is given back by the session that asked.
   *
   * @example
   * const { challenge } = await ada.me.changePhone({ phone: '+639171234567' });
   * console.log(challenge.purpose, challenge.expiresAt); // change_phone …
   * @throws Problem `sms_not_configured`, `sms_country`, `sms_limited`, `reauthentication_required`, …
   */
  changePhone(body: Schema<'ChangePhoneRequest'>, options?: CallOptions): Promise<Schema<'IssuedView'>> {
    return this.calls.call('post', '/v1/me/phone', { body }, options);
  }

  /**
   * From then on the address alone is theirs. With a fresh proof.
   *
   * @example
   * await ada.me.removePhone();
   * console.log((await ada.me.get()).phone); // null
   * @throws Problem `reauthentication_required`, `wrong_password`
   */
  removePhone(body: Schema<'ProofRequest'> = {}, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/me/phone', { body }, options);
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
