import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { uuidv7 } from '../../core/ids.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { type Account, type PendingConfirmation, Prisma } from '../../generated/prisma/client.js';
import type { Challenge } from '../../otp/challenges.js';
import { newGeneration } from '../../otp/device-token.js';
import { type Finishing, purposeRow } from '../../otp/purposes.js';
import { holdAddress } from '../administration/administrators.js';
import { EmailChanges } from '../me/email-changes.js';
import { PhoneChanges } from '../me/phone-changes.js';
import { PasswordChanges } from '../passwords/password-sign-in.js';
import { unauthorized } from '../sessions/bearer.guard.js';
import { Sessions } from '../sessions/sessions.js';

/** Who is signed in. */
export interface SessionHolder {
  accountId: string;
  sessionId: string;
  /** By a token from before the last proof; see `isFormer` in tokens/session-policy.ts. */
  former?: boolean;
}

/** A code that came back and was used up, in this transaction. */
interface UsedCode {
  challenge: Challenge;
  /** The starter has the challenge's id and the code; the mailbox, its link. */
  by: 'starter' | 'mailbox';
  source: RequestSource;
}

interface Steps {
  /** Before any account's row is held: addresses are held first, as everywhere. */
  first?: (used: UsedCode, unit: UnitOfWork) => Promise<void>;
  /** With the account's row held. Undefined: the new address became somebody else's meanwhile. */
  then?: (account: Account, sessionId: string, used: UsedCode, unit: UnitOfWork) => Promise<Account | undefined>;
}

/** Does what a used code was for: for whoever is signed in by it, or for the session that asked for it. */
@Injectable()
export class CodeFinishing {
  constructor(
    private readonly clock: Clock,
    private readonly prisma: PrismaService,
    private readonly emailChanges: EmailChanges,
    private readonly phoneChanges: PhoneChanges,
    private readonly passwordChanges: PasswordChanges,
    private readonly sessions: Sessions,
    private readonly audit: Audit,
  ) {}

  /** One entry for each word in the table of purposes (otp/purposes.ts). */
  private readonly steps: Record<Finishing, Steps> = {
    creates_account: { first: (used, unit) => this.createAccount(used, unit) },
    verifies_address: { first: (used, unit) => this.verifyAddress(used, unit) },
    changes_address: {
      first: ({ challenge }, { db }) => holdAddress(challenge.destinationCanonical, db),
      then: (account, sessionId, { challenge, source }, unit) =>
        this.emailChanges.apply(account, challenge, sessionId, source, unit),
    },
    changes_number: {
      first: ({ challenge }, { db }) => holdAddress(challenge.destinationCanonical, db),
      then: (account, sessionId, { challenge, source }, unit) =>
        this.phoneChanges.apply(account, challenge.destinationCanonical, sessionId, source, unit),
    },
    nothing_more: {},
  };

  /**
   * What waits for a code that belongs to a session; undefined for the other purposes. Only the session that asked may
   * give the code back (ASVS 5.0, 6.6.2), and with a former token only the code that was used up: it repeats the proof.
   * @throws Problem unauthorized, before a try is counted
   */
  async confirmationOf(
    { id, purpose, consumedAt }: Challenge,
    holder: SessionHolder | undefined,
  ): Promise<PendingConfirmation | undefined> {
    if (!purposeRow(purpose)?.session) return undefined;
    const waiting = await this.prisma.pendingConfirmation.findUnique({ where: { challengeId: id } });
    if (!waiting || holder?.sessionId !== waiting.sessionId) throw unauthorized();
    if (holder.former && consumedAt === null) throw unauthorized();
    return waiting;
  }

  /** For a code that signs in: the account to sign in to. Undefined: the account went meanwhile. */
  async signIn(used: UsedCode, passwordHash: string | undefined, unit: UnitOfWork): Promise<Account | undefined> {
    const { challenge, by, source } = used;
    const { channel, destinationCanonical, otherDestination } = challenge;
    await this.stepsOf(challenge).first?.(used, unit);
    const isNumber = channel === 'sms';
    const holds = isNumber
      ? Prisma.sql`phone = ${destinationCanonical}`
      : Prisma.sql`email_canonical = ${destinationCanonical}`;
    // It is not deleted meanwhile.
    const [held] = await unit.db.$queryRaw<{ id: string }[]>`SELECT id FROM accounts WHERE ${holds} FOR KEY SHARE`;
    if (!held) return undefined;
    const where = isNumber ? { phone: destinationCanonical } : { emailCanonical: destinationCanonical };
    const account = await unit.db.account.findUnique({ where });
    if (account?.id !== held.id) return undefined;
    // A copy that went to the address as well: the account may have another one by now.
    if (otherDestination !== null && account.email !== otherDestination) return undefined;
    const current =
      passwordHash === undefined ? account : await this.passwordChanges.reset(account, passwordHash, source, unit);
    const details = { purpose: challenge.purpose, by };
    await this.audit.record({ action: 'session.started', ...onOwnAccount(current.id, source), details }, unit);
    return current;
  }

  /**
   * For a code that belongs to a session, which `renew` gives new credentials. Undefined: the new address became
   * somebody else's meanwhile.
   * @throws Problem unauthorized, where the session or the account ended meanwhile
   */
  async confirm<Renewed>(
    { accountId, sessionId }: PendingConfirmation,
    used: UsedCode,
    unit: UnitOfWork,
    renew: (sessionId: string, unit: UnitOfWork) => Promise<Renewed>,
  ): Promise<{ account: Account; renewed: Renewed } | undefined> {
    const { challenge, source } = used;
    const { first, then } = this.stepsOf(challenge);
    await first?.(used, unit);
    await unit.db.$queryRaw`SELECT 1 FROM accounts WHERE id = ${accountId}::uuid FOR UPDATE`;
    const account = await unit.db.account.findUnique({ where: { id: accountId } });
    // The session may have ended while the code was looked at: by its owner, from another device.
    if (!account || !(await this.sessions.live(sessionId, unit))) throw unauthorized();
    const confirmed = then ? await then(account, sessionId, used, unit) : account;
    if (!confirmed) return undefined;
    const renewed = await renew(sessionId, unit);
    await this.audit.record(
      {
        action: 'session.reauthenticated',
        actor: { kind: 'account', id: accountId },
        target: { kind: 'session', id: sessionId },
        source,
        details: { purpose: challenge.purpose },
      },
      unit,
    );
    return { account: confirmed, renewed };
  }

  private stepsOf({ purpose }: Challenge): Steps {
    return this.steps[purposeRow(purpose)?.finishing ?? 'nothing_more'];
  }

  /**
   * Makes the account now, if the address is still nobody's: two challenges that end together make one account. What
   * the starter typed goes to the account only if the starter finishes it, and never to an account that was there
   * before.
   */
  private async createAccount({ challenge, by, source }: UsedCode, unit: UnitOfWork): Promise<void> {
    const { db } = unit;
    const { id: challengeId, destination, destinationCanonical } = challenge;
    const now = this.clock.now();
    await holdAddress(destinationCanonical, db);
    const typed = by === 'starter' ? await db.pendingRegistration.findUnique({ where: { challengeId } }) : null;
    const passwordHash = typed?.passwordHash ?? null;
    const id = uuidv7(now);
    const account = {
      id,
      email: destination,
      emailCanonical: destinationCanonical,
      emailVerifiedAt: now,
      name: typed?.name ?? null,
      locale: typed?.locale ?? null,
      passwordHash,
      passwordChangedAt: passwordHash === null ? null : now,
      deviceGeneration: newGeneration(),
    };
    const { count } = await db.account.createMany({ data: [account], skipDuplicates: true });
    if (count === 1)
      await this.audit.record({ action: 'account.created', ...onOwnAccount(id, source), details: { by } }, unit);
  }

  private async verifyAddress({ challenge }: UsedCode, { db }: UnitOfWork): Promise<void> {
    const emailCanonical = challenge.destinationCanonical;
    await db.account.updateMany({ where: { emailCanonical }, data: { emailVerifiedAt: this.clock.now() } });
  }
}
