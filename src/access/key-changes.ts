import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { hashOfToken } from '../core/credentials.js';
import { uuidv7 } from '../core/ids.js';
import { Transactions, type UnitOfWork } from '../database/unit-of-work.js';
import { type ApiKeyRecord, KEY_START, whereKey } from './api-keys.js';
import { overlapEnd, successorExpiry } from './key-policy.js';

const KEY_BYTES = 32;
/** Characters of a key by which people recognise it: its start and 30 of its 256 random bits. */
const PREFIX_LENGTH = 14;

export interface NewKey {
  name: string;
  scopes: readonly string[];
  /** Undefined or null: it does not expire. */
  expiresAt?: Date | null;
}

/** The only moment at which `key` exists outside its owner's hands. */
export interface MadeKey {
  key: string;
  record: ApiKeyRecord;
}

export type Unnamed =
  | { kind: 'not_found' }
  /** Several keys begin like this. */
  | { kind: 'ambiguous'; records: ApiKeyRecord[] };

export type Revocation = { kind: 'revoked'; record: ApiKeyRecord } | { kind: 'revoked_before'; record: ApiKeyRecord } | Unnamed;

export type Rotation =
  | ({ kind: 'rotated'; former: ApiKeyRecord } & MadeKey)
  /** There is nothing left to take over: it was revoked, has expired, or has a successor already. */
  | { kind: 'over'; why: 'revoked' | 'expired' | 'rotated'; record: ApiKeyRecord }
  | Unnamed;

/** Making, replacing and ending API keys; each is recorded together with what it changed. `which` is an id or a prefix. */
@Injectable()
export class KeyChanges {
  constructor(
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  async create(request: NewKey, by: Doer): Promise<MadeKey> {
    return this.transactions.run(async (unit) => {
      const made = await this.make(request, unit);
      await this.note('api_key.created', made.record, by, unit, { scopes: made.record.scopes.join(' ') });
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
      const { count } = await unit.db.apiKey.updateMany({ where: { id: record.id, revokedAt: null }, data: { revokedAt } });
      if (count === 0) return { kind: 'revoked_before', record };
      await this.note('api_key.revoked', record, by, unit);
      return { kind: 'revoked', record: { ...record, revokedAt } };
    });
  }

  /** A key of the same name, scopes and lifetime takes over; the former one works until the overlap ends. */
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
        where: { id: record.id, revokedAt: null, replacedBy: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
        data: { replacedBy: id, expiresAt },
      });
      if (count === 0) return whyOver(record.id, unit);
      const made = await this.make({ name: record.name, scopes: record.scopes, expiresAt: successorExpiry(record, now) }, unit, id);
      await this.note('api_key.rotated', record, by, unit, { replacedBy: id, overlapHours });
      return { kind: 'rotated', former: { ...record, expiresAt, replacedBy: id }, ...made };
    });
  }

  private async make({ name, scopes, expiresAt }: NewKey, { db }: UnitOfWork, id?: string): Promise<MadeKey> {
    const key = KEY_START + randomBytes(KEY_BYTES).toString('base64url');
    const now = this.clock.now();
    const record = await db.apiKey.create({
      data: {
        id: id ?? uuidv7(now),
        name,
        prefix: key.slice(0, PREFIX_LENGTH),
        keyHash: hashOfToken(key),
        scopes: [...new Set(scopes)],
        createdAt: now,
        expiresAt: expiresAt ?? null,
      },
      omit: { keyHash: true },
    });
    return { key, record };
  }

  private async note(action: string, { id, name }: ApiKeyRecord, by: Doer, unit: UnitOfWork, more: Record<string, string | number> = {}): Promise<void> {
    await this.audit.record({ action, result: 'done', ...by, target: { kind: 'api_key', id }, details: { name, ...more } }, unit);
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
