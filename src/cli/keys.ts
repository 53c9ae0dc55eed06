import { parseArgs } from 'node:util';
import { DEFAULT_OVERLAP_HOURS, MAX_NAME_LENGTH, MAX_OVERLAP_HOURS, readDuration } from '../access/key-policy.js';
import { isScope, type Scope, SCOPES } from '../access/scopes.js';
import { type Command, UsageError } from './command.js';

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
      const { createKey } = await import('./keys-work.js');
      return createKey({ name, scopes, lifetime, json: values.json ?? false }, prisma, terminal);
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
      const { listKeys } = await import('./keys-work.js');
      return listKeys(values.json ?? false, prisma, terminal);
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
    const which = oneKeyIn(positionals);
    return async (prisma, terminal) => {
      const { revokeKey } = await import('./keys-work.js');
      return revokeKey(which, prisma, terminal);
    };
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
    return async (prisma, terminal) => {
      const { rotateKey } = await import('./keys-work.js');
      return rotateKey({ which, overlapHours, json: values.json ?? false }, prisma, terminal);
    };
  },
};

export const KEY_COMMANDS: readonly Command[] = [create, list, rotate, revoke];

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
