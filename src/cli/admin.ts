import { type AccountRole, ACCOUNT_ROLES } from '../access/access-policy.js';
import type { Administrators } from '../accounts/administration/administrators.js';
import type { EmailAddress } from '../core/email-address.js';
import { emailAddress, oneLine, oneOf, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, type Io, minute } from './io.js';
import type { Session } from './session.js';

const MAX_NAME_LENGTH = 100;
/** Bytes; more is no password, but a file sent by mistake. */
const MAX_INPUT = 10_000;
const NAMED = 'Name the account with --email.';

export function declare(program: Command): void {
  const admin = program.command('admin');

  admin
    .command('create')
    .summary('make an account that is an administrator')
    .synopsis('--email ADDRESS [--name NAME] [--password-stdin] [--json]')
    .description(
      `Makes an account with the role admin. The address counts as verified: whoever has the host vouches for it. Without a
password, codes by mail sign in.`,
    )
    .option('--email <ADDRESS>', 'such as ada@example.com', emailAddress('--email'))
    .option('--name <NAME>', 'how the person is called', oneLine('--name', MAX_NAME_LENGTH))
    .option(
      '--password-stdin',
      'read a password from standard input, such as: otpost admin create … --password-stdin < file',
    )
    .option('--json', 'print the account as JSON')
    .needs('email', NAMED)
    .does(create);

  admin
    .command('grant')
    .summary('give an account a role, or take it')
    .synopsis(`--email ADDRESS [--role ${ACCOUNT_ROLES.join('|')}] [--json]`)
    .description(
      `Gives an existing account a role, from its next request on. Viewers see all that /operations shows; operators retry and cancel
mail besides; admins do everything; --role user takes it away again. The last administrator stays one.`,
    )
    .option('--email <ADDRESS>', 'of the account', emailAddress('--email'))
    .option(
      '--role <ROLE>',
      `${ACCOUNT_ROLES.join(', ')}; admin unless it is given`,
      oneOf('role', ACCOUNT_ROLES),
      'admin',
    )
    .option('--json', 'print the account as JSON')
    .needs('email', NAMED)
    .onDatabase(grant);

  admin
    .command('list')
    .summary('show the accounts that have a role')
    .synopsis('[--json]')
    .description('Shows the accounts that have a role: their address, the role, when they were made, and their id.')
    .option('--json', 'print a list of objects')
    .onDatabase(list);
}

interface NewAdministrator {
  email: EmailAddress;
  name?: string | null;
  passwordStdin?: true;
}

async function create(io: Io, { email, name = null, passwordStdin }: NewAdministrator): Promise<ExitCode> {
  // Without one, codes sign in.
  const password = passwordStdin ? await passwordFrom(io) : undefined;
  const { withSession } = await import('./session.js');
  return withSession(io, async (session) => {
    const { Passwords } = await import('../accounts/passwords/passwords.js');
    const passwords = new Passwords(session.settings);
    const fault = password === undefined ? undefined : passwords.fault(password, { email: email.stored, name });
    if (fault) {
      io.err(`The password ${fault.message}.`);
      return 1;
    }
    const passwordHash = password === undefined ? null : await passwords.hash(password);
    const administrators = await administratorsOf(session);
    const { kind, account } = await administrators.create({ email, name, passwordHash }, session.operator);
    if (kind === 'exists') {
      io.err(
        `There is an account with this address already. Give it the role with: otpost admin grant --email ${account.email}`,
      );
      return 1;
    }
    const { AccountView } = await import('../accounts/api/views.js');
    const by = passwordHash === null ? 'a code by mail' : 'the password, or a code by mail';
    io.tell(AccountView.of(account), `${account.email} is an administrator, and signs in with ${by}.`);
    return 0;
  });
}

async function grant(session: Session, { email, role }: { email: EmailAddress; role: AccountRole }): Promise<ExitCode> {
  const { io, prisma, operator } = session;
  const known = await prisma.account.findUnique({ where: { emailCanonical: email.canonical } });
  const administrators = await administratorsOf(session);
  const result = known ? await administrators.changeRole(known.id, role, operator) : ({ kind: 'not_found' } as const);
  switch (result.kind) {
    case 'changed':
    case 'unchanged': {
      const { AccountView } = await import('../accounts/api/views.js');
      const words =
        result.kind === 'changed' ? `has the role ${role} now; it was ${result.from}` : `had the role ${role} already`;
      io.tell(AccountView.of(result.account), `${result.account.email} ${words}.`);
      return 0;
    }
    case 'not_found':
      io.err(`There is no account with this address. Make one with: otpost admin create --email ${email.stored}`);
      return 1;
    case 'last_admin':
      io.err('It is the last administrator. Make somebody else one first.');
      return 1;
  }
}

async function list(session: Session): Promise<ExitCode> {
  const { AccountView } = await import('../accounts/api/views.js');
  return session.io.list(await (await administratorsOf(session)).list(), {
    none: 'There is no administrator yet. Make one with: otpost admin create',
    heading: ['ADDRESS', 'ROLE', 'MADE', 'ID'],
    row: ({ email, role, createdAt, id }) => [email, role, minute(createdAt), id],
    shown: (account) => AccountView.of(account),
  });
}

async function administratorsOf(session: Session): Promise<Administrators> {
  const { Administrators: All } = await import('../accounts/administration/administrators.js');
  return new All(session.prisma, await session.clock(), session.transactions, await session.audit());
}

/** All of standard input but the line break at its end, which belongs to the file or the echo. */
async function passwordFrom(io: Io): Promise<string> {
  const input = await io.input(MAX_INPUT);
  if (!input) throw new UsageError('What came on standard input is too long for a password.');
  const password = input.toString('utf8').replace(/\r?\n$/, '');
  if (password === '') throw new UsageError('There was no password on standard input.');
  return password;
}
