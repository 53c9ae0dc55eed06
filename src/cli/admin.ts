import { parseArgs } from 'node:util';
import { isRole, type Role, ROLES } from '../access/staff.js';
import { type EmailAddress, parseEmailAddress } from '../core/email-address.js';
import { type Command, UsageError } from './command.js';

const MAX_NAME_LENGTH = 100;
/** Characters; more is no password, but a file sent by mistake. */
const MAX_INPUT = 10_000;

const create: Command = {
  name: 'admin create',
  alone: true,
  summary: 'make an account that is an administrator',
  help: `Usage: otpost admin create --email ADDRESS [--name NAME] [--password-stdin] [--json]

Makes an account with the role admin. The address counts as verified: whoever has the host vouches for it. Without a
password, codes by mail sign in.

  --email ADDRESS   such as ada@example.com
  --name NAME       how the person is called
  --password-stdin  read a password from standard input, such as: otpost admin create … --password-stdin < file
  --json            print the account as JSON`,
  parse(args) {
    const { values } = parseArgs({
      args,
      options: { email: { type: 'string' }, name: { type: 'string' }, 'password-stdin': { type: 'boolean' }, json: { type: 'boolean' } },
    });
    const order = { email: addressIn(values.email), name: nameIn(values.name), json: values.json ?? false };
    return async (terminal) => {
      const password = values['password-stdin'] ? await passwordFrom(process.stdin) : undefined;
      const { createAdministrator } = await import('./admin-work.js');
      return createAdministrator({ ...order, password }, terminal);
    };
  },
};

const grant: Command = {
  name: 'admin grant',
  summary: 'give an account a role, or take it',
  help: `Usage: otpost admin grant --email ADDRESS [--role ${ROLES.join('|')}] [--json]

Gives an existing account a role, from its next request on. Operators read, retry and cancel mail; admins do everything;
--role user takes it away again. The last administrator stays one.

  --email ADDRESS  of the account
  --role ROLE      ${ROLES.join(', ')}; admin unless it is given
  --json           print the account as JSON`,
  parse(args) {
    const { values } = parseArgs({ args, options: { email: { type: 'string' }, role: { type: 'string' }, json: { type: 'boolean' } } });
    const email = addressIn(values.email);
    const role = roleIn(values.role);
    return async (prisma, terminal) => {
      const { grantRole } = await import('./admin-work.js');
      return grantRole({ email, role, json: values.json ?? false }, prisma, terminal);
    };
  },
};

const list: Command = {
  name: 'admin list',
  summary: 'show the administrators and operators',
  help: `Usage: otpost admin list [--json]

Shows the accounts that have a role: their address, the role, when they were made, and their id.

  --json  print a list of objects`,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    return async (prisma, terminal) => {
      const { listStaff } = await import('./admin-work.js');
      return listStaff(values.json ?? false, prisma, terminal);
    };
  },
};

export const ADMIN_COMMANDS: readonly Command[] = [create, grant, list];

/** By the rule of the API. */
function addressIn(text: string | undefined): EmailAddress {
  if (text === undefined) throw new UsageError('Name the account with --email.');
  const address = parseEmailAddress(text);
  if (!address) throw new UsageError('--email must be an e-mail address such as ada@example.com.');
  return address;
}

function nameIn(text: string | undefined): string | null {
  const name = text?.trim();
  if (!name) return null;
  if (name.length > MAX_NAME_LENGTH || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name)) throw new UsageError(`--name is one line of at most ${MAX_NAME_LENGTH} characters.`);
  return name;
}

function roleIn(text = 'admin'): Role {
  if (!isRole(text)) throw new UsageError(`There is no role "${text}"; there are ${ROLES.join(', ')}.`);
  return text;
}

/** All of it but the line break at its end, which belongs to the file or the echo. */
async function passwordFrom(input: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > MAX_INPUT) throw new UsageError('What came on standard input is too long for a password.');
  }
  const password = Buffer.concat(chunks).toString('utf8').replace(/\r?\n$/, '');
  if (password === '') throw new UsageError('There was no password on standard input.');
  return password;
}
