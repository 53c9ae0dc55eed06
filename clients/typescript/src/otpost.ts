import { Accounts, Me, Sessions } from './accounts.js';
import { ApiKeys, Audit } from './administration.js';
import { Audiences, Broadcasts } from './audiences.js';
import { Calls, type OtpostOptions } from './calls.js';
import { OneTimeCodes, Verifications } from './codes.js';
import { Emails, Uploads } from './emails.js';
import { Suppressions } from './suppressions.js';
import { Templates } from './templates.js';
import { type Identity, Tokens } from './tokens.js';
import { Webhooks } from './webhooks.js';

/**
 * A client of one Otpost. It tries again what can do nothing twice, under an Idempotency-Key of its own, and waits as
 * long as `Retry-After` says. It throws `Problem` where the service refuses, and `ConnectionError` where no answer
 * comes.
 *
 * In the examples `otpost` has a key, `ada` is `otpost.as(…)` of somebody who is signed in, and `ask` is your page, on
 * which a person types the code of the mail that shows this reference.
 *
 * @example
 * const client = new Otpost({ baseUrl, apiKey });
 * const { id } = await client.emails.send({ to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' });
 * console.log((await client.emails.get(id)).status);
 */
export class Otpost {
  readonly emails: Emails;
  readonly uploads: Uploads;
  readonly templates: Templates;
  readonly suppressions: Suppressions;
  readonly verifications: Verifications;
  readonly audiences: Audiences;
  readonly broadcasts: Broadcasts;
  readonly webhooks: Webhooks;
  readonly accounts: Accounts;
  readonly otp: OneTimeCodes;
  readonly sessions: Sessions;
  readonly me: Me;
  readonly apiKeys: ApiKeys;
  readonly audit: Audit;
  private readonly calls: Calls;
  private tokens: Tokens | undefined;

  constructor(options: OtpostOptions) {
    const calls = new Calls(options);
    this.calls = calls;
    this.emails = new Emails(calls);
    this.uploads = new Uploads(calls);
    this.templates = new Templates(calls);
    this.suppressions = new Suppressions(calls);
    this.verifications = new Verifications(calls);
    this.audiences = new Audiences(calls);
    this.broadcasts = new Broadcasts(calls);
    this.webhooks = new Webhooks(calls);
    this.accounts = new Accounts(calls);
    this.otp = new OneTimeCodes(calls);
    this.sessions = new Sessions(calls);
    this.me = new Me(calls);
    this.apiKeys = new ApiKeys(calls);
    this.audit = new Audit(calls);
  }

  /**
   * The same client for somebody who is signed in, in place of the key.
   *
   * @example
   * const { challenge } = await otpost.accounts.register({ email: 'ada@example.com' });
   * const { accessToken } = await otpost.otp.verify(challenge.id, { code: await ask(challenge.reference) });
   * console.log((await otpost.as(accessToken).me.get()).email);
   */
  as(accessToken: string): Otpost {
    return new Otpost({ ...this.calls.options, apiKey: accessToken });
  }

  /**
   * Whose access token that is, by the public keys of the service. A session that was ended goes on here until its
   * token runs out, 15 minutes at most; what must not wait asks `otpost.as(token).me.get()`. Keep one client: it keeps
   * the keys.
   *
   * @example
   * const { challenge } = await otpost.accounts.register({ email: 'ada@example.com' });
   * const { accessToken } = await otpost.otp.verify(challenge.id, { code: await ask(challenge.reference) });
   * const { accountId, sessionId } = await otpost.verifyToken(accessToken);
   * console.log(accountId, sessionId);
   * @throws InvalidToken, ConnectionError where the keys cannot be had, which says nothing about the token
   */
  verifyToken(token: string): Promise<Identity> {
    this.tokens ??= new Tokens(this.calls.baseUrl, this.calls.issuer, this.calls.fetch);
    return this.tokens.verify(token);
  }
}
