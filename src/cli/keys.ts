import { parseArgs } from 'node:util';
import { type ApiKeyRecord, ApiKeys } from '../access/api-keys.js';
import { isScope, type Scope, SCOPES } from '../access/scopes.js';
import { SystemClock } from '../core/clock.js';
import type { PrismaService } from '../database/prisma.service.js';
import { type Command, type Terminal, UsageError, type Work } from './command.js';
import { minute, printTable } from './table.js';

const MAX_NAME_LENGTH = 100;

const create: Command = {
  name: 'keys create',
  summary: 'make an API key; it is shown this once',
  help: `Usage: otpost keys create --name NAME --scope SCOPE [--scope SCOPE …] [--json]

Makes an API key for a back end and prints it. Only its hash is kept, so this is the only time it is seen.

  --name NAME    what the key is for, such as "billing"
  --scope SCOPE  what it may do; may be given several times: ${SCOPES.join(', ')} (which includes the others)
  --json         print the key and what is known of it as JSON

The key alone goes to standard output, so that KEY=$(otpost keys create …) holds it.`,
  parse(args) {
    const { values } = parseArgs({
      args,
      options: { name: { type: 'string' }, scope: { type: 'string', multiple: true }, json: { type: 'boolean' } },
    });
    const name = nameIn(values.name);
    const scopes = scopesIn(values.scope ?? []);
    return async (prisma, terminal) => {
      const { key, record } = await keysOf(prisma).create(name, scopes);
      if (values.json) {
        terminal.out(JSON.stringify({ ...shown(record), key }));
        return 0;
      }
      terminal.err(`API key "${record.name}" with ${record.scopes.join(', ')}. It is shown this once; keep it now.`);
      terminal.out(key);
      terminal.err(`To take it back: otpost keys revoke ${record.prefix}`);
      return 0;
    };
  },
};

const list: Command = {
  name: 'keys list',
  summary: 'show the API keys, without the keys themselves',
  help: `Usage: otpost keys list [--json]

Shows every API key: the characters it begins with, its name, its scopes, when it was made, last used and revoked.

  --json  print a list of objects`,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    return async (prisma, terminal) => {
      const records = await keysOf(prisma).list();
      if (values.json) terminal.out(JSON.stringify(records.map(shown)));
      else if (records.length === 0) terminal.err('There is no API key yet. Make one with: otpost keys create');
      else printKeys(records, terminal);
      return 0;
    };
  },
};

const revoke: Command = {
  name: 'keys revoke',
  summary: 'make an API key invalid, at once',
  help: `Usage: otpost keys revoke PREFIX|ID

Makes an API key invalid from the next request on. Which one is told by the characters that "otpost keys list" shows,
such as otp_live_Ab3xY, or by its id.`,
  parse(args) {
    const { positionals } = parseArgs({ args, options: {}, allowPositionals: true });
    const [which, ...more] = positionals;
    if (which === undefined || more.length > 0) throw new UsageError('Name one key, by its prefix or its id.');
    return revoking(which);
  },
};

export const KEY_COMMANDS: readonly Command[] = [create, list, revoke];

function revoking(which: string): Work {
  return async (prisma, terminal) => {
    const result = await keysOf(prisma).revoke(which);
    switch (result.kind) {
      case 'revoked':
        terminal.err(`Revoked ${result.record.prefix} "${result.record.name}".`);
        return 0;
      case 'revoked_before':
        terminal.err(`${result.record.prefix} "${result.record.name}" was revoked already.`);
        return 0;
      case 'not_found':
        terminal.err('There is no such API key. Compare with: otpost keys list');
        return 1;
      case 'ambiguous':
        terminal.err(`Several keys begin like this; name one by its id: ${result.records.map(({ id }) => id).join(', ')}`);
        return 1;
    }
  };
}

function keysOf(prisma: PrismaService): ApiKeys {
  return new ApiKeys(prisma, new SystemClock());
}

function nameIn(text: string | undefined): string {
  const name = text?.trim();
  if (!name) throw new UsageError('Give the key a name with --name.');
  if (name.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(name)) {
    throw new UsageError(`A name is one line of at most ${MAX_NAME_LENGTH} characters.`);
  }
  return name;
}

function scopesIn(texts: readonly string[]): Scope[] {
  if (texts.length === 0) throw new UsageError(`Give the key a scope with --scope: ${SCOPES.join(', ')}.`);
  return texts.map((text) => {
    if (!isScope(text)) throw new UsageError(`There is no scope "${text}"; there are ${SCOPES.join(', ')}.`);
    return text;
  });
}

/** In this order, whatever the database answers. */
function shown({ id, name, prefix, scopes, createdAt, lastUsedAt, revokedAt }: ApiKeyRecord): ApiKeyRecord {
  return { id, name, prefix, scopes, createdAt, lastUsedAt, revokedAt };
}

function printKeys(records: readonly ApiKeyRecord[], terminal: Terminal): void {
  printTable(
    [
      ['PREFIX', 'NAME', 'SCOPES', 'CREATED', 'LAST USED', 'REVOKED', 'ID'],
      ...records.map(({ prefix, name, scopes, createdAt, lastUsedAt, revokedAt, id }) => [
        prefix,
        name,
        scopes.join(','),
        minute(createdAt),
        minute(lastUsedAt),
        minute(revokedAt),
        id,
      ]),
    ],
    terminal,
  );
}
