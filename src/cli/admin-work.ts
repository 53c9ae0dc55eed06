import { AccountView } from '../accounts/account-view.js';
import { Administrators } from '../accounts/administration/administrators.js';
import { Passwords } from '../accounts/passwords/passwords.js';
import type { Role } from '../access/staff.js';
import { Audit, OPERATOR } from '../audit/audit.js';
import type { Settings } from '../config/settings.js';
import type { EmailAddress } from '../core/email-address.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import type { Account } from '../generated/prisma/client.js';
import type { ExitCode, Terminal } from './command.js';
import { withDatabaseUrl } from './database.js';
import { minute, printTable } from './table.js';

interface NewAdministrator {
  email: EmailAddress;
  name: string | null;
  /** Undefined: codes sign in. */
  password: string | undefined;
  json: boolean;
}

export async function createAdministrator(order: NewAdministrator, terminal: Terminal): Promise<ExitCode> {
  return withDatabaseUrl(terminal, (url, { settings }) => create(order, url, settings, terminal));
}

async function create({ email, name, password, json }: NewAdministrator, url: string, settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const passwords = new Passwords(settings);
  const fault = password === undefined ? undefined : passwords.fault(password, { email: email.stored, name });
  if (fault) {
    terminal.err(`The password ${fault.message}.`);
    return 1;
  }
  const passwordHash = password === undefined ? null : await passwords.hash(password);
  const prisma = new PrismaService({ url, poolSize: 1 });
  try {
    const { kind, account } = await (await administratorsOf(prisma)).create({ email, name, passwordHash }, OPERATOR);
    if (kind === 'exists') {
      terminal.err(`There is an account with this address already. Give it the role with: otpost admin grant --email ${account.email}`);
      return 1;
    }
    if (json) terminal.out(JSON.stringify(AccountView.of(account)));
    else terminal.err(`${account.email} is an administrator, and signs in with ${passwordHash === null ? 'a code by mail' : 'the password, or a code by mail'}.`);
    return 0;
  } finally {
    await prisma.$disconnect();
  }
}

export async function grantRole({ email, role, json }: { email: EmailAddress; role: Role; json: boolean }, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const account = await prisma.account.findUnique({ where: { emailCanonical: email.canonical } });
  const result = account ? await (await administratorsOf(prisma)).changeRole(account.id, role, OPERATOR) : ({ kind: 'not_found' } as const);
  switch (result.kind) {
    case 'changed':
    case 'unchanged':
      if (json) terminal.out(JSON.stringify(AccountView.of(result.account)));
      else terminal.err(`${result.account.email} ${result.kind === 'changed' ? `has the role ${role} now; it was ${result.from}` : `had the role ${role} already`}.`);
      return 0;
    case 'not_found':
      terminal.err(`There is no account with this address. Make one with: otpost admin create --email ${email.stored}`);
      return 1;
    case 'last_admin':
      terminal.err('It is the last administrator. Make somebody else one first.');
      return 1;
  }
}

export async function listStaff(json: boolean, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const staff = await (await administratorsOf(prisma)).list();
  if (json) terminal.out(JSON.stringify(staff.map((account) => AccountView.of(account))));
  else if (staff.length === 0) terminal.err('There is no administrator yet. Make one with: otpost admin create');
  else printStaff(staff, terminal);
  return 0;
}

function printStaff(staff: readonly Account[], terminal: Terminal): void {
  const rows = staff.map(({ email, role, createdAt, id }) => [email, role, minute(createdAt), id]);
  printTable([['ADDRESS', 'ROLE', 'MADE', 'ID'], ...rows], terminal);
}

async function administratorsOf(prisma: PrismaService): Promise<Administrators> {
  const clock = await DatabaseClock.read(prisma);
  return new Administrators(prisma, clock, new Transactions(prisma), new Audit(prisma, clock));
}
