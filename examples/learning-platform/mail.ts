import { setTimeout as wait } from 'node:timers/promises';
import type { Attachment, Email, EmailDraft, Otpost } from 'otpost';

export interface Student {
  email: string;
  name: string;
}

/** Messages that Otpost takes in one request. */
const MOST_IN_BATCH = 1_000;

/** States from which a message moves on by itself. */
const UNDER_WAY: readonly Email['status'][] = ['scheduled', 'queued', 'sending'];

/** All mail of the platform. A promise that is kept means that the mail is committed, and will be seen to. */
export class PlatformMail {
  private readonly otpost: Otpost;
  private readonly siteUrl: string;

  constructor(otpost: Otpost, siteUrl: string) {
    this.otpost = otpost;
    this.siteUrl = siteUrl;
  }

  welcome({ email, name }: Student): Promise<string> {
    return this.send({ to: email, template: 'welcome', variables: { name, link: this.siteUrl } });
  }

  enrolment({ email, name }: Student, course: string, startsOn?: string): Promise<string> {
    const variables = { name, course, link: `${this.siteUrl}/courses`, ...(startsOn ? { startsOn } : {}) };
    return this.send({ to: email, template: 'enrolment', variables });
  }

  certificate({ email, name }: Student, course: string, number: string, pdf: Uint8Array): Promise<string> {
    const variables = { name, course, number, link: `${this.siteUrl}/certificates/${number}` };
    const attachments: Attachment[] = [{ filename: `certificate-${number}.pdf`, content: pdf }];
    // However often the platform comes to issue it, this certificate is mailed once.
    return this.send({ to: email, template: 'certificate', variables, attachments }, `certificate ${number}`);
  }

  custom(to: string, subject: string, text: string): Promise<string> {
    return this.send({ to, subject, text });
  }

  /** A mail each. @returns an id for each address, or why it is refused; one bad address stops no other. */
  async bulk(to: string[], subject: string, text: string): Promise<{ to: string; id?: string; refused?: string }[]> {
    const told: { to: string; id?: string; refused?: string }[] = [];
    for (let at = 0; at < to.length; at += MOST_IN_BATCH) {
      const some = to.slice(at, at + MOST_IN_BATCH);
      try {
        const items = await this.otpost.emails.batch(
          some.map((address) => ({ to: address, subject, text, lane: 'bulk' })),
        );
        told.push(
          ...items.map((item, n) =>
            'id' in item ? { to: some[n]!, id: item.id } : { to: some[n]!, refused: item.detail },
          ),
        );
      } catch (error) {
        // Whoever sent all of them again would send the first ones twice.
        if (at === 0) throw error;
        told.push(...some.map((address) => ({ to: address, refused: (error as Error).message })));
      }
    }
    return told;
  }

  /** A code for one purpose works for no other. @returns what the page shows and gives back with the code */
  async code(email: string, purpose: 'verify-email' | 'reset-password'): Promise<{ id: string; reference: string }> {
    const { id, reference } = await this.otpost.verifications.create({ to: email, purpose });
    return { id, reference };
  }

  /** @returns the address that the code was for. @throws Problem such as `otp_invalid` */
  async check(id: string, code: string, purpose: 'verify-email' | 'reset-password'): Promise<string | undefined> {
    const approved = await this.otpost.verifications.check(id, { code });
    return approved.purpose === purpose ? approved.to : undefined;
  }

  /** What became of a message: its state, and the words of the server. */
  async status(id: string): Promise<Pick<Email, 'id' | 'status' | 'lastReply' | 'attempts'>> {
    const { status, lastReply, attempts } = await this.otpost.emails.get(id);
    return { id, status, lastReply, attempts };
  }

  /** For whoever wants to wait for the first attempt: `sent`, `failed`, or `deferred`, which is tried again without us. */
  async outcome(id: string, signal: AbortSignal): ReturnType<PlatformMail['status']> {
    for (;;) {
      const found = await this.status(id);
      if (!UNDER_WAY.includes(found.status)) return found;
      await wait(200, undefined, { signal });
    }
  }

  private async send(draft: EmailDraft, idempotencyKey?: string): Promise<string> {
    return (await this.otpost.emails.send(draft, idempotencyKey ? { idempotencyKey } : {})).id;
  }
}
