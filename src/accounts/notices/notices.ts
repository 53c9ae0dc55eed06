import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { DAY_MS } from '../../core/durations.js';
import { BUILT_IN_LOCALES, nearestLocaleIn } from '../../core/locales.js';
import type { UnitOfWork } from '../../database/prisma.service.js';
import type { TemplateName } from '../../mail/content/template-names.js';
import { Mail } from '../../mail/mail.js';

/** Of mails to people whose language is not known. */
export const DEFAULT_LOCALE = 'en';

type Locale = (typeof BUILT_IN_LOCALES)[number];

/** Between a browser and its system. */
const ON: Readonly<Record<Locale, string>> = { en: 'on', de: 'auf', es: 'en', fil: 'sa', fr: 'sur', pt: 'no' };

/** In this order: most browsers also name those that they descend from. */
const BROWSERS: [RegExp, string][] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
];
const SYSTEMS: [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/**
 * "Firefox on Linux", as far as a User-Agent header tells; null where it tells nothing. Made of our own words only, for
 * it stands in mails, and the header is whatever a stranger typed.
 */
export function deviceWords(userAgent: string | null | undefined, locale = DEFAULT_LOCALE): string | null {
  const browser = find(BROWSERS, userAgent);
  const system = find(SYSTEMS, userAgent);
  if (browser && system) return `${browser} ${ON[mailLocale(locale)]} ${system}`;
  return browser ?? system ?? null;
}

function find(words: [RegExp, string][], userAgent: string | null | undefined): string | undefined {
  return words.find(([pattern]) => pattern.test(userAgent ?? ''))?.[1];
}

/** What the owner of an account is told of (ASVS 5.0, 6.3.7). */
type Notice = {
  /** The stored form of an address. */
  to: string;
  /** Of the account; null: the language of the request, or English. */
  locale: string | null;
  source: RequestSource;
} & (
  | {
      kind:
        | 'new_device'
        | 'password_set'
        | 'password_changed'
        | 'password_removed'
        | 'email_changed'
        | 'email_change_undone'
        | 'phone_changed'
        | 'account_deleted';
    }
  /** To the former address; the link takes the change back. */
  | { kind: 'email_changed_away'; link: string }
);

const NOTICES: Readonly<Record<Notice['kind'], TemplateName>> = {
  new_device: 'notice-new-device',
  password_set: 'notice-password-set',
  password_changed: 'notice-password-changed',
  password_removed: 'notice-password-removed',
  email_changed: 'notice-email-changed',
  email_changed_away: 'notice-email-changed-away',
  email_change_undone: 'notice-email-change-undone',
  phone_changed: 'notice-phone-changed',
  account_deleted: 'notice-account-deleted',
};

/** Some three hours of "not now" from a recipient's server, one a minute on the critical lane. */
const MAIL_ATTEMPTS = 200;
/** Milliseconds for which it is worth telling, where our own transport is closed for longer than that. */
const WORTH_TELLING_MS = 3 * DAY_MS;

/**
 * Mails that say what happened to an account, when and from where. Nothing that a stranger typed stands in them: the
 * device is told in our own words, and names are left out.
 */
@Injectable()
export class Notices {
  constructor(
    private readonly clock: Clock,
    private readonly mail: Mail,
  ) {}

  /** One mail, in the caller's transaction. */
  async tell(notice: Notice, unit: UnitOfWork): Promise<void> {
    const now = this.clock.now();
    const link = notice.kind === 'email_changed_away' ? notice.link : undefined;
    const { ip, userAgent, requestId } = notice.source;
    const locale = notice.locale ?? notice.source.locale ?? DEFAULT_LOCALE;
    await this.mail.accept(
      {
        lane: 'critical',
        to: notice.to,
        content: {
          kind: 'template',
          template: NOTICES[notice.kind],
          variables: {
            when: inUtc(now, locale),
            device: deviceWords(userAgent, locale) ?? '',
            ip,
            ...(link === undefined ? {} : { link }),
          },
          secret: link !== undefined,
        },
        locale,
        livesMs: WORTH_TELLING_MS,
        maxAttempts: MAIL_ATTEMPTS,
        requestId,
      },
      unit,
    );
  }
}

/** Such as "21 November 2026, 12:03 UTC", or "21. November 2026 um 12:03 UTC". */
function inUtc(at: Date, locale: string): string {
  const known = mailLocale(locale);
  const written = known === 'en' ? 'en-GB' : known;
  const form = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC', hourCycle: 'h23' } as const;
  const text = new Intl.DateTimeFormat(written, form).format(at);
  return `${text.replace(' at ', ', ')} UTC`;
}

/** The language that our mails have for it. */
function mailLocale(locale: string): Locale {
  return nearestLocaleIn(BUILT_IN_LOCALES, locale) as Locale;
}
