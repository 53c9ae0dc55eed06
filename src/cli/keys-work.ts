import { type ApiKeyRecord, ApiKeys } from '../access/api-keys.js';
import { KeyChanges, type Unnamed } from '../access/key-changes.js';
import type { Scope } from '../access/scopes.js';
import { Audit, OPERATOR } from '../audit/audit.js';
import type { Clock } from '../core/clock.js';
import { DatabaseClock } from '../database/database-clock.js';
import type { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import type { ExitCode, Terminal } from './command.js';
import { minute, printTable } from './table.js';

interface NewKey {
  name: string;
  scopes: Scope[];
  /** Milliseconds; undefined: for ever. */
  lifetime: number | undefined;
  json: boolean;
}

export async function createKey({ name, scopes, lifetime, json }: NewKey, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const clock = await DatabaseClock.read(prisma);
  const expiresAt = lifetime === undefined ? null : new Date(clock.now().getTime() + lifetime);
  const { key, record } = await changesOf(prisma, clock).create({ name, scopes, expiresAt }, OPERATOR);
  if (json) {
    terminal.out(JSON.stringify({ ...shown(record), key }));
    return 0;
  }
  terminal.err(`API key "${record.name}" with ${record.scopes.join(', ')}${until(record)}. It is shown this once; keep it now.`);
  terminal.out(key);
  terminal.err(`To take it back: otpost keys revoke ${record.prefix}`);
  return 0;
}

export async function listKeys(json: boolean, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const records = await new ApiKeys(prisma, await DatabaseClock.read(prisma)).list();
  if (json) terminal.out(JSON.stringify(records.map(shown)));
  else if (records.length === 0) terminal.err('There is no API key yet. Make one with: otpost keys create');
  else printKeys(records, terminal);
  return 0;
}

export async function rotateKey({ which, overlapHours, json }: { which: string; overlapHours: number; json: boolean }, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const result = await changesOf(prisma, await DatabaseClock.read(prisma)).rotate(which, overlapHours, OPERATOR);
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
}

const OVER = { revoked: 'was revoked', expired: 'has expired', rotated: 'has a successor already' } as const;

export async function revokeKey(which: string, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const result = await changesOf(prisma, await DatabaseClock.read(prisma)).revoke(which, OPERATOR);
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
}

function notOne(result: Unnamed, terminal: Terminal): ExitCode {
  if (result.kind === 'not_found') terminal.err('There is no such API key. Compare with: otpost keys list');
  else terminal.err(`Several keys begin like this; name one by its id: ${result.records.map(({ id }) => id).join(', ')}`);
  return 1;
}

function changesOf(prisma: PrismaService, clock: Clock): KeyChanges {
  return new KeyChanges(new Transactions(prisma), clock, new Audit(prisma, clock));
}

function until({ expiresAt }: ApiKeyRecord): string {
  return expiresAt ? ` until ${minute(expiresAt)}` : '';
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
