import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { hashOfToken, type RequestSource } from '../../core/credentials.js';
import { DAY_MS } from '../../core/durations.js';
import { domainOf, type EmailAddress } from '../../core/email-address.js';
import { uuidv7 } from '../../core/ids.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { Account, EmailChange } from '../../generated/prisma/client.js';
import type { Challenge } from '../../otp/challenges.js';
import { newGeneration } from '../../otp/device-token.js';
import { holdAddress } from '../administration/administrators.js';
import { Notices } from '../notices/notices.js';
import { Sessions } from '../sessions/sessions.js';

/** Milliseconds for which the former address can take the change back. */
const UNDO_MS = 7 * DAY_MS;

export type UndoState = { kind: 'open' | 'undone' | 'expired'; change: EmailChange } | { kind: 'not_found' };
type UndoResult = { kind: 'undone' | 'taken' | 'over' };

/**
 * A new address for an account, and a way back for the old one. The code for it is asked for in codes/code-requests.ts.
 */
@Injectable()
export class EmailChanges {
  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly sessions: Sessions,
    private readonly notices: Notices,
    private readonly audit: Audit,
  ) {}

  /** The code came back: the account has the address now, unless somebody else was faster (undefined). */
  async apply(
    account: Account,
    challenge: Challenge,
    sessionId: string,
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<Account | undefined> {
    const email = { stored: challenge.destination, canonical: challenge.destinationCanonical };
    if (!(await this.readdress(account.id, account.emailCanonical, email, unit))) return undefined;
    await this.sessions.endOthers(account.id, sessionId, 'email_changed', unit);
    const changed = await unit.db.account.findUniqueOrThrow({ where: { id: account.id } });
    if (email.canonical !== account.emailCanonical) await this.tellBoth(account, changed, source, unit);
    const details = { from: domainOf(account.emailCanonical), to: domainOf(email.canonical) };
    await this.audit.record({ action: 'email.changed', ...onOwnAccount(account.id, source), details }, unit);
    return changed;
  }

  /** Those that could still take the account back. */
  async formerAddresses(accountId: string, { db }: UnitOfWork): Promise<string[]> {
    const changes = await db.emailChange.findMany({
      where: { accountId, undoneAt: null, expiresAt: { gt: this.clock.now() } },
    });
    return [...new Set(changes.map(({ oldEmail }) => oldEmail))];
  }

  /** What the link in the notice to the former address leads to. Looking changes nothing. */
  async find(token: string): Promise<UndoState> {
    const change = await this.prisma.emailChange.findUnique({ where: { undoHash: hashOfToken(token) } });
    if (!change) return { kind: 'not_found' };
    if (change.undoneAt !== null) return { kind: 'undone', change };
    return { kind: change.expiresAt <= this.clock.now() ? 'expired' : 'open', change };
  }

  /**
   * The former address is the account's again. Every session ends, and password and number are dropped, whenever they
   * were set: who changed the address may have set them first, and the owner has the mailbox.
   */
  async undo(change: EmailChange, source: RequestSource): Promise<UndoResult> {
    const now = this.clock.now();
    return this.transactions.run(async (unit): Promise<UndoResult> => {
      await holdAddress(change.oldCanonical, unit.db); // before any account's row, as everywhere
      const account = await lockedAccount(change.accountId, unit);
      const open = await unit.db.emailChange.count({
        where: { id: change.id, undoneAt: null, expiresAt: { gt: now } },
      });
      if (open === 0 || !account) return { kind: 'over' };
      const former = { stored: change.oldEmail, canonical: change.oldCanonical };
      if (!(await this.readdress(account.id, account.emailCanonical, former, unit))) return { kind: 'taken' };
      // Whoever holds the address now cannot take back in turn what its former holder took back.
      await unit.db.emailChange.updateMany({
        where: { accountId: account.id, undoneAt: null, createdAt: { gte: change.createdAt } },
        data: { undoneAt: now },
      });
      const noPassword = account.passwordHash === null ? {} : { passwordHash: null, passwordChangedAt: now };
      const data = { phone: null, phoneVerifiedAt: null, ...noPassword };
      await unit.db.account.update({ where: { id: account.id }, data });
      await this.sessions.endOthers(account.id, null, 'email_change_undone', unit);
      const told = { locale: account.locale, source };
      await this.notices.tell({ kind: 'email_change_undone', to: former.stored, ...told }, unit);
      const target = { kind: 'account', id: account.id };
      await this.audit.record({ action: 'email.change_undone', actor: { kind: 'anonymous' }, target, source }, unit);
      return { kind: 'undone' };
    });
  }

  /**
   * Devices that signed in at the former address are known no more, should the account, or another one, have it again.
   * The caller holds the new address, and the account's row. False: another account has it.
   */
  private async readdress(accountId: string, from: string, to: EmailAddress, { db }: UnitOfWork): Promise<boolean> {
    const changed = await db.$executeRaw`
      UPDATE accounts SET email = ${to.stored}, email_canonical = ${to.canonical}, email_verified_at = ${this.clock.now()}, updated_at = ${this.clock.now()},
        device_generation = CASE WHEN email_canonical = ${to.canonical} THEN device_generation ELSE ${newGeneration()}::int END
      WHERE id = ${accountId}::uuid AND email_canonical = ${from}
        AND NOT EXISTS (SELECT FROM accounts o WHERE o.email_canonical = ${to.canonical} AND o.id <> ${accountId}::uuid)`;
    return changed === 1;
  }

  private async tellBoth(before: Account, after: Account, source: RequestSource, unit: UnitOfWork): Promise<void> {
    const token = randomBytes(16).toString('base64url');
    const now = this.clock.now();
    await unit.db.emailChange.createMany({
      data: [
        {
          id: uuidv7(now),
          accountId: before.id,
          oldEmail: before.email,
          oldCanonical: before.emailCanonical,
          newEmail: after.email,
          undoHash: hashOfToken(token),
          createdAt: now,
          expiresAt: new Date(now.getTime() + UNDO_MS),
        },
      ],
    });
    const told = { locale: before.locale, source };
    await this.notices.tell(
      { kind: 'email_changed_away', to: before.email, link: `${this.settings.http.appUrl}/l/undo/${token}`, ...told },
      unit,
    );
    await this.notices.tell({ kind: 'email_changed', to: after.email, ...told }, unit);
  }
}

async function lockedAccount(id: string, { db }: UnitOfWork): Promise<Account | null> {
  await db.$queryRaw`SELECT 1 FROM accounts WHERE id = ${id}::uuid FOR UPDATE`;
  return db.account.findUnique({ where: { id } });
}
