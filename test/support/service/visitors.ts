import { eventually } from '../signals/wait.js';
import { codeIn, type Received, type SmtpSink } from '../smtp/smtp-sink.js';
import type { Answer, IssuedBody, ProblemBody, SignedInBody } from './api.js';
import type { Otpost } from './otpost.js';

export type Session = SignedInBody & { deviceToken: string };
export type Verified = Answer<Session & ProblemBody>;

/** What people do with a service and their mailbox, step by step. */
export class Visitors {
  constructor(
    private readonly otpost: Pick<Otpost, 'api'>,
    private readonly sink: SmtpSink,
  ) {}

  /** The newest mail that shows the challenge's reference. */
  async mailOf({ challenge }: IssuedBody, copies = 1): Promise<Received> {
    const found = await eventually(() => {
      const mails = this.sink.received.filter(({ mail }) => mail.subject?.endsWith(` ${challenge.reference}`));
      return mails.length >= copies && mails;
    }, `the mail with the reference ${challenge.reference}`);
    return found.at(-1)!;
  }

  async codeOf(issued: IssuedBody): Promise<string> {
    return codeIn((await this.mailOf(issued)).mail.text);
  }

  async ask(
    purpose: string,
    email?: string,
    headers: Record<string, string> = {},
  ): Promise<Answer<IssuedBody & ProblemBody>> {
    return this.otpost.api.post('/v1/otp', { purpose, ...(email === undefined ? {} : { email }) }, headers);
  }

  async verify(
    { challenge }: IssuedBody,
    code: string,
    more: object = {},
    headers: Record<string, string> = {},
  ): Promise<Verified> {
    return this.otpost.api.post(`/v1/otp/${challenge.id}/verify`, { code, ...more }, headers);
  }

  async signUp(email: string, more: object = {}): Promise<Session> {
    const issued = await this.otpost.api.register(email, more);
    return this.signedIn(await this.verify(issued, await this.codeOf(issued)));
  }

  async signInByCode(email: string): Promise<Session> {
    const { body } = await this.ask('login', email);
    return this.signedIn(await this.verify(body, await this.codeOf(body)));
  }

  async signInByPassword(email: string, password: string, headers: Record<string, string> = {}): Promise<Verified> {
    return this.otpost.api.post('/v1/sessions', { email, password }, headers);
  }

  mailsTo(address: string): Received[] {
    return this.sink.received.filter(({ to }) => to.includes(address));
  }

  private signedIn({ status, body }: Verified): Session {
    if (status !== 200) throw new Error(`signing in answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
