import { Injectable } from '@nestjs/common';
import type { AccountRole } from '../../access/access-policy.js';
import { Audit, type Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { domainOf, type EmailAddress } from '../../core/email-address.js';
import { uuidv7 } from '../../core/ids.js';
import type { PageBounds } from '../../core/page.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { Account } from '../../generated/prisma/client.js';
import { newGeneration } from '../../otp/device-token.js';
import { Sessions } from '../sessions/sessions.js';

/**
 * Whoever is about to give an address to an account holds it until the end of the transaction. The unique index would
 * refuse the second of two as well, but by ending its whole transaction, with the code already used up in it.
 */
export async function holdAddress(canonical: string, db: UnitOfWork['db']): Promise<void> {
  await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`address:${canonical}`}, 0))`;
}

export interface NewAdministrator {
  email: EmailAddress;
  name: string | null;
  /** Null: the account signs in by code. */
  passwordHash: string | null;
}

type RoleChange =
  | { kind: 'changed'; account: Account; from: AccountRole }
  /** Had the role already. */
  | { kind: 'unchanged'; account: Account }
  | { kind: 'not_found' }
  | { kind: 'last_admin' };

type Creation = { kind: 'created'; account: Account } | { kind: 'exists'; account: Account };

/** Who may do what. While there are administrators, one always remains. */
@Injectable()
export class Administrators {
  constructor(
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
  ) {}

  /** Operators too; admins first. */
  async list(): Promise<Account[]> {
    return this.prisma.account.findMany({
      where: { role: { not: 'user' } },
      orderBy: [{ role: 'desc' }, { id: 'asc' }],
    });
  }

  async changeRole(accountId: string, role: AccountRole, by: Doer): Promise<RoleChange> {
    return this.transactions.run(async (unit): Promise<RoleChange> => {
      await this.hold(unit);
      const account = await unit.db.account.findUnique({ where: { id: accountId } });
      if (!account) return { kind: 'not_found' };
      if (account.role === role) return { kind: 'unchanged', account };
      const last = await this.isLast(account, unit);
      const changed = last ? undefined : await this.setRole(account, role, unit);
      const details = { from: account.role, to: role };
      await this.audit.record(
        {
          action: 'role.changed',
          result: last ? 'refused' : 'done',
          ...by,
          target: { kind: 'account', id: accountId },
          details,
        },
        unit,
      );
      if (last) return { kind: 'last_admin' };
      return changed ? { kind: 'changed', account: changed, from: account.role } : { kind: 'not_found' };
    });
  }

  /** A new account that is an administrator from its first moment; whoever has the host vouches for the address. */
  async create(wanted: NewAdministrator, by: Doer): Promise<Creation> {
    return this.transactions.run(async (unit) => {
      await this.hold(unit);
      const created = await this.insert(wanted, unit);
      if (created.kind === 'created') await this.noteCreated(created.account, by, unit);
      return created;
    });
  }

  /** The same where the address may have an account: it becomes the administrator, with all it has. */
  async createOrRaise(wanted: NewAdministrator, by: Doer, unit: UnitOfWork): Promise<Creation> {
    const made = await this.insert(wanted, unit);
    if (made.kind === 'created') {
      await this.noteCreated(made.account, by, unit);
      return made;
    }
    const { account } = made;
    await this.audit.record(
      {
        action: 'role.changed',
        ...by,
        target: { kind: 'account', id: account.id },
        details: { from: account.role, to: 'admin' },
      },
      unit,
    );
    return { kind: 'exists', account: (await this.setRole(account, 'admin', unit)) ?? account };
  }

  /**
   * Whoever is about to change who is an administrator waits here until the one before has committed; what
   * {@link any} and {@link isLast} say holds from here to the end of the transaction.
   */
  async hold({ db }: UnitOfWork): Promise<void> {
    await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('administrators', 0))`;
  }

  async any(db: UnitOfWork['db'] = this.prisma): Promise<boolean> {
    return (await db.account.findFirst({ where: { role: 'admin' }, select: { id: true } })) !== null;
  }

  /** Whether nobody would be left without this one. */
  async isLast({ id, role }: Pick<Account, 'id' | 'role'>, { db }: UnitOfWork): Promise<boolean> {
    if (role !== 'admin') return false;
    return (await db.account.findFirst({ where: { role: 'admin', id: { not: id } }, select: { id: true } })) === null;
  }

  private async insert({ email, name, passwordHash }: NewAdministrator, { db }: UnitOfWork): Promise<Creation> {
    await holdAddress(email.canonical, db);
    const known = await db.account.findUnique({ where: { emailCanonical: email.canonical } });
    if (known) return { kind: 'exists', account: known };
    const now = this.clock.now();
    const data = {
      id: uuidv7(now),
      email: email.stored,
      emailCanonical: email.canonical,
      emailVerifiedAt: now,
      name,
      role: 'admin' as const,
      deviceGeneration: newGeneration(),
    };
    const account = await db.account.create({
      data: { ...data, passwordHash, passwordChangedAt: passwordHash === null ? null : now, createdAt: now },
    });
    return { kind: 'created', account };
  }

  /** Undefined: it was deleted meanwhile. */
  private async setRole({ id }: Account, role: AccountRole, { db }: UnitOfWork): Promise<Account | undefined> {
    return (await db.account.updateManyAndReturn({ where: { id }, data: { role } }))[0];
  }

  private async noteCreated({ id, emailCanonical }: Account, by: Doer, unit: UnitOfWork): Promise<void> {
    const details = { role: 'admin', domain: domainOf(emailCanonical) };
    await this.audit.record({ action: 'account.created', ...by, target: { kind: 'account', id }, details }, unit);
  }
}

/** What is left out matches everything. */
interface AccountFilter {
  emailCanonical?: string | undefined;
  role?: AccountRole | undefined;
}

/** Other people's accounts, as admins look at them. */
@Injectable()
export class AccountRecords {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly sessions: Sessions,
    private readonly audit: Audit,
  ) {}

  async find(id: string): Promise<Account | undefined> {
    return (await this.prisma.account.findUnique({ where: { id } })) ?? undefined;
  }

  /** Newest first: ids tell when an account was made. */
  async list({ emailCanonical, role }: AccountFilter, { limit, after }: PageBounds): Promise<Account[]> {
    return this.prisma.account.findMany({
      where: {
        ...(emailCanonical === undefined ? {} : { emailCanonical }),
        ...(role === undefined ? {} : { role }),
        ...(after === undefined ? {} : { id: { lt: after } }),
      },
      orderBy: { id: 'desc' },
      take: limit,
    });
  }

  /** Ends all sessions. False: there is no such account. */
  async signOut(id: string, by: Doer): Promise<boolean> {
    return this.transactions.run(async (unit) => {
      if ((await unit.db.account.count({ where: { id } })) === 0) return false;
      const sessionsEnded = await this.sessions.endOthers(id, null, 'ended', unit);
      await this.audit.record(
        { action: 'sessions.ended', ...by, target: { kind: 'account', id }, details: { sessionsEnded } },
        unit,
      );
      return true;
    });
  }
}
