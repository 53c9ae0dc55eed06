import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/request-source.js';
import type { UnitOfWork } from '../../database/unit-of-work.js';
import { Mail } from '../../mail/mail.js';
import { deviceWords } from './device-words.js';

/** What the owner of an account is told of (ASVS 5.0, 6.3.7). */
export type Notice = {
  /** The stored form of an address. */
  to: string;
  locale: string;
  source: RequestSource;
} & (
  | { kind: 'new_device' | 'password_set' | 'password_changed' | 'password_removed' | 'email_changed' | 'email_change_undone' | 'account_deleted' }
  /** To the former address; the link takes the change back. */
  | { kind: 'email_changed_away'; link: string }
);

/** Some three hours of "not now" from a recipient's server, one a minute on the critical lane. */
const MAIL_ATTEMPTS = 200;
/** Milliseconds for which it is worth telling, where our own way out is closed for longer than that. */
const WORTH_TELLING_MS = 3 * 24 * 60 * 60_000;

/**
 * Mails that say what happened to an account, when and from where. Nothing that a stranger typed stands in them: the
 * device is told in our own words, and names are left out.
 */
@Injectable()
export class Notices {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Mail) private readonly mail: Mail,
  ) {}

  /** One mail, in the caller's transaction. */
  async tell(notice: Notice, unit: UnitOfWork): Promise<void> {
    const now = this.clock.now();
    const link = notice.kind === 'email_changed_away' ? notice.link : undefined;
    const { ip, userAgent, requestId } = notice.source;
    await this.mail.accept(
      {
        lane: 'critical',
        to: notice.to,
        content: {
          kind: 'template',
          template: `notice-${notice.kind.replaceAll('_', '-')}`,
          variables: { when: inUtc(now), device: deviceWords(userAgent) ?? '', ip, ...(link === undefined ? {} : { link }) },
          secret: link !== undefined,
        },
        locale: notice.locale,
        livesMs: WORTH_TELLING_MS,
        maxAttempts: MAIL_ATTEMPTS,
        requestId,
      },
      unit,
    );
  }
}

/** Such as "21 November 2026, 12:03 UTC". */
function inUtc(at: Date): string {
  const text = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' }).format(at);
  return `${text.replace(' at ', ', ')} UTC`;
}
