import type { ApiKeyRecord, KeyChanges, Unnamed } from '../access/api-keys.js';
import {
  DEFAULT_OVERLAP_HOURS,
  MAX_NAME_LENGTH,
  MAX_OVERLAP_HOURS,
  MAX_SENDERS,
  readDuration,
  type Scope,
  SCOPES,
} from '../access/access-policy.js';
import { parseSenderPattern } from '../core/email-address.js';
import { isOneLine } from '../core/one-line.js';
import { each, lifetime, oneOf, onlyOne, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, type Io, minute } from './io.js';
import type { Session } from './session.js';

export function declare(program: Command): void {
  const keys = program.command('keys');

  keys
    .command('create')
    .summary('make an API key; it is shown this once')
    .synopsis('--name NAME --scope SCOPE [--scope SCOPE …] [--sender ADDRESS|@DOMAIN …] [--expires 90d] [--json]')
    .description(
      'Makes an API key for a back end and prints it. Only its hash is kept, so this is the only time it is seen.',
    )
    .option('--name <NAME>', 'what the key is for, such as "billing"', nameIn)
    .option(
      '--scope <SCOPE>',
      `what it may do; may be given several times: ${SCOPES.join(', ')} (which includes the others)`,
      each(oneOf('scope', SCOPES)),
    )
    .option(
      '--sender <SENDER>',
      'an address, or a domain such as @example.com, that it may send from; may be given several times.\nWhere this is left out: whatever the deployment may (MAIL_FROM and MAIL_SENDERS)',
      each(senderIn),
    )
    .option(
      '--expires <TIME>',
      'how long it works, such as 90d or 12h; it does not expire where this is left out',
      lifetime('--expires', '90d'),
    )
    .option('--json', 'print the key and what is known of it as JSON')
    .remark('The key alone goes to standard output, so that KEY=$(otpost keys create …) holds it.')
    .needs('name', 'Give the key a name with --name.')
    .needs('scope', `Give the key a scope with --scope: ${SCOPES.join(', ')}.`)
    .onDatabase(create);

  keys
    .command('list')
    .summary('show the API keys, without the keys themselves')
    .synopsis('[--json]')
    .description(
      `Shows every API key: the characters it begins with, its name, its scopes, what it may send from, when it was made, last used, expires and was
revoked, and which one took over when it was rotated.`,
    )
    .option('--json', 'print a list of objects')
    .onDatabase(list);

  keys
    .command('rotate')
    .summary('put a new API key in the place of one')
    .synopsis('PREFIX|ID [--overlap 24h] [--json]')
    .description(
      `Makes a new API key with the name, the scopes, the senders and the lifetime of an old one and prints it. The old one goes on working
until the overlap is over, so that back ends can change at their own pace.`,
    )
    .takes(onlyOne('Name one key, by its prefix or its id.'))
    .option(
      '--overlap <TIME>',
      'how long the old key still works, such as 24h (the default), 7d (the most) or 0h',
      overlapIn,
      DEFAULT_OVERLAP_HOURS,
    )
    .option('--json', 'print the key and what is known of it as JSON')
    .remark('The key alone goes to standard output, so that KEY=$(otpost keys rotate …) holds it.')
    .onDatabase(rotate);

  keys
    .command('revoke')
    .summary('make an API key invalid, at once')
    .synopsis('PREFIX|ID')
    .description(
      `Makes an API key invalid from the next request on. Which one is told by the characters that "otpost keys list" shows,
such as otp_live_Ab3xY, or by its id.`,
    )
    .takes(onlyOne('Name one key, by its prefix or its id.'))
    .onDatabase(revoke);
}

function nameIn(text: string): string {
  const name = text.trim();
  if (name.length <= MAX_NAME_LENGTH && isOneLine(name)) return name;
  throw new UsageError(`A name is one line of at most ${MAX_NAME_LENGTH} characters.`);
}

/** By the rule of the API. */
function senderIn(text: string): string {
  const sender = parseSenderPattern(text);
  if (sender !== undefined) return sender;
  throw new UsageError('--sender is an e-mail address such as ada@example.com, or a domain such as @example.com.');
}

/** Hours. */
function overlapIn(text: string): number {
  const hours = text === '0' || text === '0h' ? 0 : (readDuration(text) ?? Infinity) / 3_600_000;
  if (hours > MAX_OVERLAP_HOURS)
    throw new UsageError('--overlap is a number of hours or days, at most 7d, such as 24h.');
  return hours;
}

interface NewKey {
  name: string;
  scope: Scope[];
  /** In canonical form. */
  sender?: string[];
  /** Milliseconds; undefined: for ever. */
  expires?: number;
}

async function create(
  session: Session,
  { name, scope: scopes, sender: senders = [], expires }: NewKey,
): Promise<ExitCode> {
  if (senders.length > MAX_SENDERS) throw new UsageError(`A key has at most ${MAX_SENDERS} senders.`);
  const { io, operator } = session;
  const expiresAt = expires === undefined ? null : new Date((await session.clock()).now().getTime() + expires);
  const { key, record } = await (await changesOf(session)).create({ name, scopes, senders, expiresAt }, operator);
  tellKey(key, record, io, 'API key', `To take it back: otpost keys revoke ${record.prefix}`);
  return 0;
}

async function list({ io, prisma, clock }: Session): Promise<ExitCode> {
  const { ApiKeys } = await import('../access/api-keys.js');
  return io.list(await new ApiKeys(prisma, await clock()).list(), {
    none: 'There is no API key yet. Make one with: otpost keys create',
    heading: ['PREFIX', 'NAME', 'SCOPES', 'SENDERS', 'CREATED', 'LAST USED', 'EXPIRES', 'REVOKED', 'ID'],
    row: ({ prefix, name, scopes, senders, createdAt, lastUsedAt, expiresAt, revokedAt, id }) => {
      return [
        prefix,
        name,
        scopes.join(','),
        senders.join(',') || 'any',
        ...[createdAt, lastUsedAt, expiresAt, revokedAt].map(minute),
        id,
      ];
    },
    shown,
  });
}

const OVER = { revoked: 'was revoked', expired: 'has expired', rotated: 'has a successor already' } as const;

async function rotate(session: Session, { overlap }: { overlap: number }, which: string): Promise<ExitCode> {
  const { io, operator } = session;
  const result = await (await changesOf(session)).rotate(which, overlap, operator);
  switch (result.kind) {
    case 'rotated': {
      const { former, record, key } = result;
      tellKey(
        key,
        record,
        io,
        'New API key',
        `The old one, ${former.prefix}, works until ${minute(former.expiresAt)}.`,
      );
      return 0;
    }
    case 'over':
      io.err(
        `${result.record.prefix} "${result.record.name}" ${OVER[result.why]}. Make a new one with: otpost keys create`,
      );
      return 1;
    default:
      return notOne(result, io);
  }
}

async function revoke(session: Session, _: object, which: string): Promise<ExitCode> {
  const { io, operator } = session;
  const result = await (await changesOf(session)).revoke(which, operator);
  if (result.kind !== 'revoked' && result.kind !== 'revoked_before') return notOne(result, io);
  const { prefix, name } = result.record;
  io.err(result.kind === 'revoked' ? `Revoked ${prefix} "${name}".` : `${prefix} "${name}" was revoked already.`);
  return 0;
}

function notOne(result: Unnamed, io: Io): ExitCode {
  if (result.kind === 'not_found') io.err('There is no such API key. Compare with: otpost keys list');
  else io.err(`Several keys begin like this; name one by its id: ${result.records.map(({ id }) => id).join(', ')}`);
  return 1;
}

async function changesOf(session: Session): Promise<KeyChanges> {
  const { KeyChanges: Changes } = await import('../access/api-keys.js');
  return new Changes(session.transactions, await session.clock(), await session.audit());
}

/** The key alone goes to standard output. */
function tellKey(key: string, record: ApiKeyRecord, io: Io, what: string, next: string): void {
  const { name, scopes, senders, expiresAt } = record;
  if (io.json) return io.out(JSON.stringify({ ...shown(record), key }));
  const until = expiresAt ? ` until ${minute(expiresAt)}` : '';
  const from = senders.length > 0 ? `, sending from ${senders.join(', ')}` : '';
  io.err(`${what} "${name}" with ${scopes.join(', ')}${from}${until}. It is shown this once; keep it now.`);
  io.out(key);
  io.err(next);
}

/** In this order, whatever the database answers. */
function shown({
  id,
  name,
  prefix,
  scopes,
  senders,
  createdAt,
  lastUsedAt,
  expiresAt,
  revokedAt,
  replacedBy,
}: ApiKeyRecord): ApiKeyRecord {
  return { id, name, prefix, scopes, senders, createdAt, lastUsedAt, expiresAt, revokedAt, replacedBy };
}
