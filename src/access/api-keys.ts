import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { hashOfToken } from '../core/credentials.js';
import { uuidv7 } from '../core/ids.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { sharedLookUp } from '../database/shared-look-up.js';
import type { ApiKey, Prisma } from '../generated/prisma/client.js';
import { overlapEnd, successorExpiry } from './access-policy.js';
import { keyLine } from './key-line.js';

export const KEY_START = 'otp_live_';
/** Milliseconds between two notes of a key's use. */
const NOTE_USE_EVERY_MS = 60_000;

const LOOK_UP = `
    SELECT asked.nth::int, k.id, name, prefix, scopes, senders, created_at AS "createdAt", last_used_at AS "lastUsedAt",
      expires_at AS "expiresAt", revoked_at AS "revokedAt", replaced_by AS "replacedBy"
    FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (hash, nth) JOIN api_keys k ON k.key_hash = asked.hash`;

/** A key as it may be shown: everything but the key. */
export type ApiKeyRecord = Omit<ApiKey, 'keyHash'>;

/** What a presented key turned out to be. */
export type KeyCheck =
  | { kind: 'good'; record: ApiKeyRecord }
  | { kind: 'expired'; at: Date }
  | { kind: 'revoked' }
  | { kind: 'unknown' };

/**
 * The keys of back ends. A key is 256 random bits and only its SHA-256 is stored: there is nothing to guess, so a slow
 * hash would protect nothing, and a lookup by hash tells nothing by its time.
 */
@Injectable()
export class ApiKeys {
  private readonly lookUps = sharedLookUp<Uint8Array, ApiKeyRecord>((hashes) =>
    this.prisma.statements.run(LOOK_UP, [hashes]),
  );

  constructor(
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
  ) {}

  /** Whether the key opens anything now; why not is for whoever holds it. Notes its use, at most once a minute. */
  async authenticate(key: string): Promise<KeyCheck> {
    if (!looksLikeKey(key)) return { kind: 'unknown' };
    const record = await this.lookUps.submit(hashOfToken(key));
    if (!record) return { kind: 'unknown' };
    if (record.revokedAt) return { kind: 'revoked' };
    if (record.expiresAt && record.expiresAt <= this.clock.now()) return { kind: 'expired', at: record.expiresAt };
    await this.noteUse(record);
    return { kind: 'good', record };
  }

  async find(id: string): Promise<ApiKeyRecord | undefined> {
    return (await this.prisma.apiKey.findUnique({ where: { id }, omit: { keyHash: true } })) ?? undefined;
  }

  /** Ids of the key, of those that it took over from and of those that took over from it. */
  async line(id: string): Promise<string[]> {
    const keys = await this.prisma.statements.query<{ id: string }[]>(keyLine(id));
    return keys.map((key) => key.id);
  }

  /** Those that are over too; oldest first. @param page of a list in parts: how many, and after which id */
  async list(page?: { limit: number; after: string | undefined }): Promise<ApiKeyRecord[]> {
    return this.prisma.apiKey.findMany({
      ...(page ? { take: page.limit } : {}),
      ...(page?.after === undefined ? {} : { where: { id: { gt: page.after } } }),
      orderBy: { id: 'asc' },
      omit: { keyHash: true },
    });
  }

  private async noteUse({ id, lastUsedAt }: ApiKeyRecord): Promise<void> {
    const now = this.clock.now();
    const before = new Date(now.getTime() - NOTE_USE_EVERY_MS);
    if (lastUsedAt && lastUsedAt > before) return;
    // Of requests at the same moment, on any process, one writes.
    await this.prisma.apiKey.updateMany({
      where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lte: before } }] },
      data: { lastUsedAt: now },
    });
  }
}

/** By its id, or its whole visible prefix. */
function whereKey(which: string): Prisma.ApiKeyWhereInput {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(which) ? { id: which } : { prefix: which };
}

function looksLikeKey(text: string): boolean {
  return /^otp_live_[\w-]{43}$/.test(text);
}

const KEY_BYTES = 32;
/** Characters of a key by which people recognise it: its start and 30 of its 256 random bits. */
const PREFIX_LENGTH = 14;

export interface NewKey {
  name: string;
  scopes: readonly string[];
  /** Addresses and @domains it may send from, in canonical form; empty or undefined: whatever the deployment may. */
  senders?: readonly string[];
  /** Undefined or null: it does not expire. */
  expiresAt?: Date | null;
}

/** The only moment at which `key` exists outside its owner's hands. */
interface MadeKey {
  key: string;
  record: ApiKeyRecord;
}

export type Unnamed =
  | { kind: 'not_found' }
  /** Several keys begin like this. */
  | { kind: 'ambiguous'; records: ApiKeyRecord[] };

type Revocation =
  | { kind: 'revoked'; record: ApiKeyRecord }
  | { kind: 'revoked_before'; record: ApiKeyRecord }
  | Unnamed;

export type Rotation =
  | ({ kind: 'rotated'; former: ApiKeyRecord } & MadeKey)
  /** There is nothing left to take over: it was revoked, has expired, or has a successor already. */
  | { kind: 'over'; why: 'revoked' | 'expired' | 'rotated'; record: ApiKeyRecord }
  | Unnamed;

/**
 * Making, replacing and ending API keys; each is recorded together with what it changed. `which` is an id or a prefix.
 */
@Injectable()
export class KeyChanges {
  constructor(
    private readonly transactions: Transactions,
    private readonly clock: Clock,
    private readonly audit: Audit,
  ) {}

  async create(request: NewKey, by: Doer): Promise<MadeKey> {
    return this.transactions.run(async (unit) => {
      const made = await this.make(request, unit);
      const { scopes, senders } = made.record;
      // How many alone: the record of who did what holds no address.
      const narrowed: Record<string, number> = senders.length > 0 ? { senders: senders.length } : {};
      await this.note('api_key.created', made.record, by, unit, { scopes: scopes.join(' '), ...narrowed });
      return made;
    });
  }

  /** From the next request on. */
  async revoke(which: string, by: Doer): Promise<Revocation> {
    return this.transactions.run(async (unit): Promise<Revocation> => {
      const named = await theOne(which, unit);
      if (named.kind !== 'one') return named;
      const { record } = named;
      const revokedAt = this.clock.now();
      const { count } = await unit.db.apiKey.updateMany({
        where: { id: record.id, revokedAt: null },
        data: { revokedAt },
      });
      if (count === 0) return { kind: 'revoked_before', record };
      await this.note('api_key.revoked', record, by, unit);
      return { kind: 'revoked', record: { ...record, revokedAt } };
    });
  }

  /** A key of the same name, scopes, senders and lifetime takes over; the former one works until the overlap ends. */
  async rotate(which: string, overlapHours: number, by: Doer): Promise<Rotation> {
    return this.transactions.run(async (unit): Promise<Rotation> => {
      const named = await theOne(which, unit);
      if (named.kind !== 'one') return named;
      const { record } = named;
      const now = this.clock.now();
      const id = uuidv7(now);
      const expiresAt = overlapEnd(record, overlapHours, now);
      // Decides: of two at once the second waits for the first, and finds that it has a successor.
      const { count } = await unit.db.apiKey.updateMany({
        where: {
          id: record.id,
          revokedAt: null,
          replacedBy: null,
          OR: [{ expiresAt: null }, { expiresAt: { gt: now } }],
        },
        data: { replacedBy: id, expiresAt },
      });
      if (count === 0) return whyOver(record.id, unit);
      const made = await this.make(
        { name: record.name, scopes: record.scopes, senders: record.senders, expiresAt: successorExpiry(record, now) },
        unit,
        id,
      );
      await this.note('api_key.rotated', record, by, unit, { replacedBy: id, overlapHours });
      return { kind: 'rotated', former: { ...record, expiresAt, replacedBy: id }, ...made };
    });
  }

  private async make({ name, scopes, senders, expiresAt }: NewKey, { db }: UnitOfWork, id?: string): Promise<MadeKey> {
    const key = KEY_START + randomBytes(KEY_BYTES).toString('base64url');
    const now = this.clock.now();
    const record = await db.apiKey.create({
      data: {
        id: id ?? uuidv7(now),
        name,
        prefix: key.slice(0, PREFIX_LENGTH),
        keyHash: hashOfToken(key),
        scopes: [...new Set(scopes)],
        senders: [...new Set(senders ?? [])],
        createdAt: now,
        expiresAt: expiresAt ?? null,
      },
      omit: { keyHash: true },
    });
    return { key, record };
  }

  private async note(
    action: string,
    { id, name }: ApiKeyRecord,
    by: Doer,
    unit: UnitOfWork,
    more: Record<string, string | number> = {},
  ): Promise<void> {
    await this.audit.record({ action, ...by, target: { kind: 'api_key', id }, details: { name, ...more } }, unit);
  }
}

async function theOne(which: string, { db }: UnitOfWork): Promise<{ kind: 'one'; record: ApiKeyRecord } | Unnamed> {
  const records = await db.apiKey.findMany({ where: whereKey(which), orderBy: { id: 'asc' }, omit: { keyHash: true } });
  const [record, ...others] = records;
  if (!record) return { kind: 'not_found' };
  return others.length > 0 ? { kind: 'ambiguous', records } : { kind: 'one', record };
}

/** Read again: what was read before the update may have been overtaken. */
async function whyOver(id: string, { db }: UnitOfWork): Promise<Rotation> {
  const record = await db.apiKey.findUniqueOrThrow({ where: { id }, omit: { keyHash: true } });
  return { kind: 'over', why: record.revokedAt ? 'revoked' : record.replacedBy ? 'rotated' : 'expired', record };
}
