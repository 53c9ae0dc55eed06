import { Injectable } from '@nestjs/common';
import { type Actor, Audit } from '../../audit/audit.js';
import type { RequestSource } from '../../core/credentials.js';
import { channelTo, type Destination, partOf } from '../../core/destination.js';
import { domainOf, type EmailAddress } from '../../core/email-address.js';
import type { Channel } from '../../core/lanes.js';
import { Problem } from '../../core/problems.js';
import { Settings } from '../../config/settings.js';
import type { CompanionRow } from '../../database/companion-rows.js';
import { PrismaService } from '../../database/prisma.service.js';
import { sharedLookUp } from '../../database/shared-look-up.js';
import type { Account } from '../../generated/prisma/client.js';
import { type AskingAccount, requesterOf } from '../../limits/limit-policy.js';
import { CodeIssuer, type Issued } from '../../otp/code-issuer.js';
import { SmsGuard } from '../../otp/sms/sms-guard.js';
import { type Purpose, PURPOSES, type PublicPurpose } from '../../otp/purposes.js';
import { Proofs } from '../me/proofs.js';
import { DEFAULT_LOCALE } from '../notices/notices.js';
import { Passwords } from '../passwords/passwords.js';
import { RequestedMailLimit } from '../sessions/known-devices.js';
import type { LiveSession } from '../sessions/sessions.js';

interface RegistrationRequest {
  email: EmailAddress;
  password: string | null;
  name: string | null;
  locale: string | null;
  source: RequestSource;
  /** Of the challenge, where the caller chooses it; see otp/code-issuer.ts. */
  challengeId?: string | undefined;
}

/** Whose address it is, or whose number, which stands in place of the address. */
type Holder = Pick<Account, 'id' | 'email' | 'locale'>;

const ASKED = 'unnest($1::text[]) WITH ORDINALITY AS asked (destination, nth) JOIN accounts ON';
const HOLDERS = `SELECT nth::int, id, email, locale FROM ${ASKED} email_canonical = destination`;
const HOLDERS_OF_NUMBERS = `SELECT nth::int, id, phone AS email, locale FROM ${ASKED} phone = destination`;

/** One request for a code, once the limits have let it through. */
interface Wanted {
  purpose: Purpose;
  /** Whether the purpose fits what is known of the address; see `otherwise` in otp/purposes.ts. */
  fits: boolean;
  id?: string | undefined;
  destination: Destination;
  locale: string | null | undefined;
  source: RequestSource;
  /** What waits for the code to come back. */
  waiting?: (challengeId: string) => CompanionRow;
  recorded: { action: string; actor: Actor; details: Record<string, string> };
}

/**
 * Asking for a code. Strangers learn nothing from it: an address with an account and one without take the same steps
 * and get the same answer, and the mail tells its owner which of the two it is.
 */
@Injectable()
export class CodeRequests {
  private readonly lookUps = {
    email: sharedLookUp<string, Holder>((addresses) => this.prisma.statements.run(HOLDERS, [addresses])),
    sms: sharedLookUp<string, Holder>((numbers) => this.prisma.statements.run(HOLDERS_OF_NUMBERS, [numbers])),
  };

  constructor(
    private readonly prisma: PrismaService,
    private readonly settings: Settings,
    private readonly sms: SmsGuard,
    private readonly mailLimit: RequestedMailLimit,
    private readonly passwords: Passwords,
    private readonly proofs: Proofs,
    private readonly issuer: CodeIssuer,
    private readonly audit: Audit,
  ) {}

  /** For an account that exists. @throws Problem rate_limited, sms_sign_in_off, those of SmsGuard */
  async start(
    purpose: PublicPurpose,
    email: Destination,
    source: RequestSource,
    challengeId?: string,
  ): Promise<Issued> {
    this.requireSignIn(email);
    const account = await this.holderWithin(this.takeLimits(source, email), email);
    return this.issue({
      purpose,
      id: challengeId,
      fits: account !== null,
      destination: { stored: account?.email ?? email.stored, canonical: email.canonical },
      locale: account?.locale,
      source,
      recorded: byStranger(purpose, email),
    });
  }

  /**
   * For a new account. None exists until the code comes back; password, name and locale wait beside the challenge. The
   * owner of an address with an account gets a code that signs in; what the stranger typed is hashed all the same, and
   * dropped.
   * @throws Problem validation_failed, rate_limited, busy
   */
  async register({ email, password, name, locale, source, challengeId }: RegistrationRequest): Promise<Issued> {
    const fault = password === null ? undefined : this.passwords.fault(password, { email: email.stored, name });
    if (fault) throw new Problem('validation_failed', { errors: [{ field: 'password', ...fault }] });
    const known = await this.holderWithin(this.mailLimit.take(source, email.canonical), email);
    const passwordHash = password === null ? null : await this.passwords.hash(password, requesterOf(source.ip));
    const language = locale ?? source.locale ?? null;
    const typed = known
      ? { name: null, locale: null, password_hash: null }
      : { name, locale: language, password_hash: passwordHash };
    return this.issue({
      purpose: 'register',
      fits: known === null,
      id: challengeId,
      destination: { stored: known?.email ?? email.stored, canonical: email.canonical },
      locale: known?.locale ?? language,
      source,
      waiting: (id) => ({ table: 'pending_registrations', row: { challenge_id: id, ...typed } }),
      recorded: byStranger('register', email),
    });
  }

  /**
   * For somebody who is signed in, to show that it is still they. @throws Problem rate_limited, no_phone, those of
   * {@link start}
   */
  async reauthenticate(
    { account, session }: LiveSession,
    channel: Channel,
    source: RequestSource,
    challengeId?: string,
  ): Promise<Issued> {
    const { email, emailCanonical, phone } = account;
    if (channel === 'sms' && phone === null) throw new Problem('no_phone');
    const destination =
      channel === 'sms' ? { stored: phone!, canonical: phone! } : { stored: email, canonical: emailCanonical };
    this.requireSignIn(destination);
    await this.takeLimits(source, destination, { id: account.id, owns: true });
    return this.issue({
      purpose: 'reauthenticate',
      id: challengeId,
      fits: true,
      destination,
      locale: account.locale,
      source,
      waiting: inSession(account.id, session.id),
      recorded: {
        action: 'code.requested',
        actor: { kind: 'account', id: account.id },
        details: { purpose: 'reauthenticate' },
      },
    });
  }

  /**
   * For a new address of somebody who is signed in, sent to that address.
   * @throws Problem rate_limited, before anything is hashed; those of {@link Proofs}
   */
  async changeEmail(
    holder: LiveSession,
    email: EmailAddress,
    currentPassword: string | undefined,
    source: RequestSource,
    challengeId?: string,
  ): Promise<Issued> {
    const { account, session } = holder;
    await this.proofs.of(holder, { currentPassword, by: 'anything' }, source, () =>
      this.mailLimit.take(source, email.canonical, { id: account.id, owns: false }),
    );
    const known = await this.holderOf(email);
    const other = known !== null && known.id !== account.id ? known : undefined;
    return this.issue({
      purpose: 'change_email',
      id: challengeId,
      fits: other === undefined,
      destination: { stored: other?.email ?? email.stored, canonical: email.canonical },
      locale: (other ?? account).locale,
      source,
      waiting: inSession(account.id, session.id),
      recorded: {
        action: 'email.change_requested',
        actor: { kind: 'account', id: account.id },
        details: { domain: domainOf(email.canonical) },
      },
    });
  }

  /**
   * For a number of somebody who is signed in, sent to that number.
   * @throws Problem rate_limited, before anything is hashed; those of {@link Proofs} and SmsGuard
   */
  async changePhone(
    holder: LiveSession,
    number: Destination,
    currentPassword: string | undefined,
    source: RequestSource,
    challengeId?: string,
  ): Promise<Issued> {
    const { account, session } = holder;
    this.sms.require(number.canonical);
    await this.proofs.of(holder, { currentPassword, by: 'anything' }, source, () =>
      this.takeLimits(source, number, { id: account.id, owns: false }),
    );
    const known = await this.holderOf(number);
    return this.issue({
      purpose: 'change_phone',
      id: challengeId,
      fits: known === null || known.id === account.id,
      destination: number,
      locale: account.locale,
      source,
      waiting: inSession(account.id, session.id),
      recorded: {
        action: 'phone.change_requested',
        actor: { kind: 'account', id: account.id },
        details: partOf(number.canonical),
      },
    });
  }

  /** Whether a code to a number opens anything here is the operator's word. @throws Problem */
  private requireSignIn({ canonical }: Destination): void {
    if (channelTo(canonical) !== 'sms') return;
    if (!this.settings.sms.signIn) throw new Problem('sms_sign_in_off');
    this.sms.require(canonical);
  }

  /** Whoever has the destination does not matter. @throws Problem */
  private async takeLimits(source: RequestSource, { canonical }: Destination, account?: AskingAccount): Promise<void> {
    await this.mailLimit.take(source, canonical, account);
    await this.sms.take(canonical, 'code');
  }

  /**
   * Looked up while the limits are asked, a round trip less of what a person waits for. @throws what the limits throw
   */
  private async holderWithin(limits: Promise<void>, destination: Destination): Promise<Holder | null> {
    const [holder] = await Promise.all([this.holderOf(destination), limits]);
    return holder;
  }

  private async holderOf({ canonical }: Destination): Promise<Holder | null> {
    return (await this.lookUps[channelTo(canonical)].submit(canonical)) ?? null;
  }

  private async issue({ purpose, fits, id, destination, locale, source, waiting, recorded }: Wanted): Promise<Issued> {
    const { template, otherwise } = PURPOSES[purpose];
    const mail = fits || !otherwise ? { template, decoy: false } : otherwise;
    const request = {
      id,
      purpose,
      destination,
      ...mail,
      locale: locale ?? source.locale ?? DEFAULT_LOCALE,
      origin: source,
    };
    const { issued, commit } = this.issuer.prepare(request, (challenge) => [
      ...(waiting ? [waiting(challenge.id)] : []),
      this.audit.companion({ ...recorded, target: { kind: 'challenge', id: challenge.id }, source }),
    ]);
    await commit();
    return issued;
  }
}

function byStranger(purpose: Purpose, { canonical }: Destination): Wanted['recorded'] {
  const details = { purpose, ...partOf(canonical) };
  return { action: 'code.requested', actor: { kind: 'anonymous' }, details };
}

/** Only this session may give the code back. */
function inSession(accountId: string, sessionId: string): Wanted['waiting'] {
  return (id) => ({
    table: 'pending_confirmations',
    row: { challenge_id: id, account_id: accountId, session_id: sessionId },
  });
}
