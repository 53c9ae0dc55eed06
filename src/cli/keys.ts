import { parseArgs } from 'node:util';
import { type ApiKeyRecord, ApiKeys } from '../access/api-keys.js';
import { KeyChanges, type Unnamed } from '../access/key-changes.js';
import { DEFAULT_OVERLAP_HOURS, MAX_NAME_LENGTH, MAX_OVERLAP_HOURS, readDuration } from '../access/key-policy.js';
import { isScope, type Scope, SCOPES } from '../access/scopes.js';
import { Audit, OPERATOR } from '../audit/audit.js';
import { SystemClock } from '../core/clock.js';
import type { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { type Command, type ExitCode, type Terminal, UsageError, type Work } from './command.js';
import { minute, printTable } from './table.js';

const create: Command = {
  name: 'keys create',
  summary: 'make an API key; it is shown this once',
  help: `Usage: otpost keys create --name NAME --scope SCOPE [--scope SCOPE …] [--expires 90d] [--json]

Makes an API key for a back end and prints it. Only its hash is kept, so this is the only time it is seen.

  --name NAME    what the key is for, such as "billing"
  --scope SCOPE  what it may do; may be given several times: ${SCOPES.join(', ')} (which includes the others)
  --expires TIME how long it works, such as 90d or 12h; it does not expire where this is left out
  --json         print the key and what is known of it as JSON

The key alone goes to standard output, so that KEY=$(otpost keys create …) holds it.`,
  parse(args) {
    const { values } = parseArgs({
      args,
      options: { name: { type: 'string' }, scope: { type: 'string', multiple: true }, expires: { type: 'string' }, json: { type: 'boolean' } },
    });
    const name = nameIn(values.name);
    const scopes = scopesIn(values.scope ?? []);
    const lifetime = values.expires === undefined ? undefined : lifetimeIn(values.expires);
    return async (prisma, terminal) => {
      const expiresAt = lifetime === undefined ? null : new Date(Date.now() + lifetime);
      const { key, record } = await changesOf(prisma).create({ name, scopes, expiresAt }, OPERATOR);
      if (values.json) {
        terminal.out(JSON.stringify({ ...shown(record), key }));
        return 0;
      }
      terminal.err(`API key "${record.name}" with ${record.scopes.join(', ')}${until(record)}. It is shown this once; keep it now.`);
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

Shows every API key: the characters it begins with, its name, its scopes, when it was made, last used, expires and was
revoked, and which one took over when it was rotated.

  --json  print a list of objects`,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    return async (prisma, terminal) => {
      const records = await new ApiKeys(prisma, new SystemClock()).list();
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
    return revoking(oneKeyIn(positionals));
  },
};

const rotate: Command = {
  name: 'keys rotate',
  summary: 'put a new API key in the place of one',
  help: `Usage: otpost keys rotate PREFIX|ID [--overlap 24h] [--json]

Makes a new API key with the name, the scopes and the lifetime of an old one and prints it. The old one goes on working
until the overlap is over, so that back ends can change at their own pace.

  --overlap TIME  how long the old key still works, such as 24h (the default), 7d (the most) or 0h
  --json          print the key and what is known of it as JSON

The key alone goes to standard output, so that KEY=$(otpost keys rotate …) holds it.`,
  parse(args) {
    const { positionals, values } = parseArgs({ args, options: { overlap: { type: 'string' }, json: { type: 'boolean' } }, allowPositionals: true });
    const which = oneKeyIn(positionals);
    const overlapHours = values.overlap === undefined ? DEFAULT_OVERLAP_HOURS : overlapIn(values.overlap);
    return rotating(which, overlapHours, values.json ?? false);
  },
};

export const KEY_COMMANDS: readonly Command[] = [create, list, rotate, revoke];

function rotating(which: string, overlapHours: number, json: boolean): Work {
  return async (prisma, terminal) => {
    const result = await changesOf(prisma).rotate(which, overlapHours, OPERATOR);
    switch (result.kind) {
      case 'rotated':
        if (json) {
          terminal.out(JSON.stringify({ ...shown(result.record), key: result.key }));
          return 0;
        }
        terminal.err(`New API key "${result.record.name}" with ${result.record.scopes.join(', ')}${until(result.record)}. It is shown this once; keep it now.`);
        terminal.out(result.key);
        terminal.err(`The old one, ${result.former.prefix}, works until ${minute(result.former.expiresAt)}.`);
        return 0;
      case 'over':
        terminal.err(`${result.record.prefix} "${result.record.name}" ${OVER[result.why]}. Make a new one with: otpost keys create`);
        return 1;
      default:
        return notOne(result, terminal);
    }
  };
}

const OVER = { revoked: 'was revoked', expired: 'has expired', rotated: 'has a successor already' } as const;

function revoking(which: string): Work {
  return async (prisma, terminal) => {
    const result = await changesOf(prisma).revoke(which, OPERATOR);
    switch (result.kind) {
      case 'revoked':
        terminal.err(`Revoked ${result.record.prefix} "${result.record.name}".`);
        return 0;
      case 'revoked_before':
        terminal.err(`${result.record.prefix} "${result.record.name}" was revoked already.`);
        return 0;
      default:
        return notOne(result, terminal);
    }
  };
}

function notOne(result: Unnamed, terminal: Terminal): ExitCode {
  if (result.kind === 'not_found') terminal.err('There is no such API key. Compare with: otpost keys list');
  else terminal.err(`Several keys begin like this; name one by its id: ${result.records.map(({ id }) => id).join(', ')}`);
  return 1;
}

function changesOf(prisma: PrismaService): KeyChanges {
  const clock = new SystemClock();
  return new KeyChanges(new Transactions(prisma), clock, new Audit(prisma, clock));
}

function oneKeyIn([which, ...more]: readonly string[]): string {
  if (which === undefined || more.length > 0) throw new UsageError('Name one key, by its prefix or its id.');
  return which;
}

/** Milliseconds. */
function lifetimeIn(text: string): number {
  const lifetime = readDuration(text);
  if (lifetime === undefined) throw new UsageError('--expires is a number of days or hours, at most ten years, such as 90d or 12h.');
  return lifetime;
}

/** Hours. */
function overlapIn(text: string): number {
  const hours = text === '0' || text === '0h' ? 0 : (readDuration(text) ?? Infinity) / 3_600_000;
  if (hours > MAX_OVERLAP_HOURS) throw new UsageError('--overlap is a number of hours or days, at most 7d, such as 24h.');
  return hours;
}

function until({ expiresAt }: ApiKeyRecord): string {
  return expiresAt ? ` until ${minute(expiresAt)}` : '';
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
function shown({ id, name, prefix, scopes, createdAt, lastUsedAt, expiresAt, revokedAt, replacedBy }: ApiKeyRecord): ApiKeyRecord {
  return { id, name, prefix, scopes, createdAt, lastUsedAt, expiresAt, revokedAt, replacedBy };
}

function printKeys(records: readonly ApiKeyRecord[], terminal: Terminal): void {
  printTable(
    [
      ['PREFIX', 'NAME', 'SCOPES', 'CREATED', 'LAST USED', 'EXPIRES', 'REVOKED', 'ID'],
      ...records.map(({ prefix, name, scopes, createdAt, lastUsedAt, expiresAt, revokedAt, id }) => [
        prefix,
        name,
        scopes.join(','),
        minute(createdAt),
        minute(lastUsedAt),
        minute(expiresAt),
        minute(revokedAt),
        id,
      ]),
    ],
    terminal,
  );
}
