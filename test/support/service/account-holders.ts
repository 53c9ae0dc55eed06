import { codeIn, type Received, type SmtpSink } from '../smtp/smtp-sink.js';
import type { Answer, ProblemBody, SignedInBody } from './api.js';
import type { Otpost } from './otpost.js';

export const PASSWORD = 'correct horse battery staple';

export type Holder = SignedInBody & { deviceToken: string };

/** People with accounts of their own, as the API makes them. */
export class AccountHolders {
  private number = 0;

  constructor(
    private readonly otpost: Otpost,
    private readonly sink: SmtpSink,
    private readonly word = 'grace',
  ) {}

  /** An address that nobody has. */
  fresh(): string {
    return `${this.word}${++this.number}@example.com`;
  }

  /** Registers, reads the code, gives it back. */
  async signUp(
    more: { email?: string; name?: string; password?: string; locale?: string } = {},
    headers: Record<string, string> = {},
  ): Promise<Holder> {
    const { email = this.fresh(), ...rest } = more;
    const before = this.mailsTo(email).length;
    const { challenge } = await this.otpost.api.register(email, rest);
    const mails = await this.sink.waitForMailTo(email, before + 1);
    const { status, body } = await this.otpost.api.post<Holder>(
      `/v1/otp/${challenge.id}/verify`,
      { code: codeIn(mails[before]!.mail.text) },
      headers,
    );
    expect(status).toBe(200);
    return body;
  }

  signIn(email: string, password: string, headers: Record<string, string> = {}): Promise<Answer<Holder & ProblemBody>> {
    return this.otpost.api.post<Holder & ProblemBody>('/v1/sessions', { email, password }, headers);
  }

  /** With the password, which fits. */
  async signedIn(email: string, password = PASSWORD, headers: Record<string, string> = {}): Promise<Holder> {
    const { status, body } = await this.signIn(email, password, headers);
    expect([status, body.code]).toEqual([200, undefined]);
    return body;
  }

  /** A call of somebody who is signed in. */
  ask<Body = ProblemBody>(
    method: string,
    path: string,
    { accessToken }: { accessToken: string },
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<Body>> {
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    return this.otpost.api.send<Body>(
      method,
      path,
      { authorization: `Bearer ${accessToken}`, ...json, ...headers },
      body === undefined ? undefined : JSON.stringify(body),
    );
  }

  mailsTo(email: string): Received[] {
    return this.sink.received.filter(({ to }) => to.includes(email));
  }

  /** Templates of the mails that were accepted for an address; each is there once its call was answered. */
  async noticesFor(email: string): Promise<string[]> {
    const rows = await this.otpost.database.query<{ template: string }>(
      "SELECT template FROM outbound_emails WHERE to_address = $1 AND template LIKE 'notice-%' ORDER BY id",
      [email],
    );
    return rows.map(({ template }) => template);
  }

  /** `action result` of what was recorded about an account. */
  async auditOf(accountId: string): Promise<string[]> {
    const rows = await this.otpost.database.query<{ line: string }>(
      "SELECT action || ' ' || result AS line FROM audit_events WHERE target_id = $1 OR actor_id = $1 ORDER BY id",
      [accountId],
    );
    return rows.map(({ line }) => line);
  }
}
