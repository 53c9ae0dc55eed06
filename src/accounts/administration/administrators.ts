import { Inject, Injectable } from '@nestjs/common';
import type { Role } from '../../access/staff.js';
import { Audit, type Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { domainOf, type EmailAddress } from '../../core/email-address.js';
import { uuidv7 } from '../../core/ids.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import type { Account } from '../../generated/prisma/client.js';
import { holdAddress } from '../addresses.js';

export interface NewAdministrator {
  email: EmailAddress;
  name: string | null;
  /** Null: the account signs in by code. */
  passwordHash: string | null;
}

export type RoleChange =
  | { kind: 'changed'; account: Account; from: Role }
  /** Had the role already. */
  | { kind: 'unchanged'; account: Account }
  | { kind: 'not_found' }
  | { kind: 'last_admin' };

export type Creation = { kind: 'created'; account: Account } | { kind: 'exists'; account: Account };

/** Who may do what. While there are administrators, one always remains. */
@Injectable()
export class Administrators {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** Operators too; admins first. */
  async list(): Promise<Account[]> {
    return this.prisma.account.findMany({ where: { role: { not: 'user' } }, orderBy: [{ role: 'desc' }, { id: 'asc' }] });
  }

  async changeRole(accountId: string, role: Role, by: Doer): Promise<RoleChange> {
    return this.transactions.run(async (unit): Promise<RoleChange> => {
      await this.hold(unit);
      const account = await unit.db.account.findUnique({ where: { id: accountId } });
      if (!account) return { kind: 'not_found' };
      if (account.role === role) return { kind: 'unchanged', account };
      const last = await this.isLast(account, unit);
      const changed = last ? undefined : await this.setRole(account, role, unit);
      const details = { from: account.role, to: role };
      await this.audit.record({ action: 'role.changed', result: last ? 'refused' : 'done', ...by, target: { kind: 'account', id: accountId }, details }, unit);
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
    await this.audit.record({ action: 'role.changed', result: 'done', ...by, target: { kind: 'account', id: account.id }, details: { from: account.role, to: 'admin' } }, unit);
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
    const data = { id: uuidv7(now), email: email.stored, emailCanonical: email.canonical, emailVerifiedAt: now, name, role: 'admin' as const };
    const account = await db.account.create({ data: { ...data, passwordHash, passwordChangedAt: passwordHash === null ? null : now, createdAt: now } });
    return { kind: 'created', account };
  }

  /** Undefined: it was deleted meanwhile. */
  private async setRole({ id }: Account, role: Role, { db }: UnitOfWork): Promise<Account | undefined> {
    return (await db.account.updateManyAndReturn({ where: { id }, data: { role } }))[0];
  }

  private async noteCreated({ id, emailCanonical }: Account, by: Doer, unit: UnitOfWork): Promise<void> {
    const details = { role: 'admin', domain: domainOf(emailCanonical) };
    await this.audit.record({ action: 'account.created', result: 'done', ...by, target: { kind: 'account', id }, details }, unit);
  }
}
