import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import { uuidv7 } from '../core/ids.js';
import { PrismaService } from '../database/prisma.service.js';
import type { Scope } from './scopes.js';

const KEY_START = 'otp_live_';
const KEY_BYTES = 32;
/** Characters of a key by which people recognise it: its start and 30 of its 256 random bits. */
const PREFIX_LENGTH = 14;
/** Milliseconds between two notes of a key's use. */
const NOTE_USE_EVERY_MS = 60_000;

/** A key as it may be shown: everything but the key. */
export interface ApiKeyRecord {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  createdAt: Date;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

export type Revocation =
  | { kind: 'revoked'; record: ApiKeyRecord }
  | { kind: 'revoked_before'; record: ApiKeyRecord }
  | { kind: 'not_found' }
  /** Several keys begin like this. */
  | { kind: 'ambiguous'; records: ApiKeyRecord[] };

/**
 * The keys of back ends. A key is 256 random bits and only its SHA-256 is stored: there is nothing to guess, so a slow
 * hash would protect nothing, and a lookup by hash tells nothing by its time.
 */
@Injectable()
export class ApiKeys {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** The only moment at which `key` exists outside its owner's hands. */
  async create(name: string, scopes: readonly Scope[]): Promise<{ key: string; record: ApiKeyRecord }> {
    const key = KEY_START + randomBytes(KEY_BYTES).toString('base64url');
    const now = this.clock.now();
    const record = await this.prisma.apiKey.create({
      data: {
        id: uuidv7(now),
        name,
        prefix: key.slice(0, PREFIX_LENGTH),
        keyHash: hashOf(key),
        scopes: [...new Set(scopes)],
        createdAt: now,
      },
      omit: { keyHash: true },
    });
    return { key, record };
  }

  /** Revoked ones too; oldest first. */
  async list(): Promise<ApiKeyRecord[]> {
    return this.prisma.apiKey.findMany({ orderBy: { id: 'asc' }, omit: { keyHash: true } });
  }

  /** From the next request on. `which` is an id, or the whole visible prefix. */
  async revoke(which: string): Promise<Revocation> {
    const records = await this.prisma.apiKey.findMany({
      where: isUuid(which) ? { id: which } : { prefix: which },
      orderBy: { id: 'asc' },
      omit: { keyHash: true },
    });
    const [record, ...others] = records;
    if (!record) return { kind: 'not_found' };
    if (others.length > 0) return { kind: 'ambiguous', records };
    const revokedAt = this.clock.now();
    const { count } = await this.prisma.apiKey.updateMany({ where: { id: record.id, revokedAt: null }, data: { revokedAt } });
    return count === 1 ? { kind: 'revoked', record: { ...record, revokedAt } } : { kind: 'revoked_before', record };
  }

  /** The key's record, or undefined when it is unknown or revoked. Notes its use, at most once a minute. */
  async authenticate(key: string): Promise<ApiKeyRecord | undefined> {
    if (!looksLikeKey(key)) return undefined;
    const record = await this.prisma.apiKey.findUnique({ where: { keyHash: hashOf(key) }, omit: { keyHash: true } });
    if (!record || record.revokedAt) return undefined;
    await this.noteUse(record);
    return record;
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

function looksLikeKey(text: string): boolean {
  return /^otp_live_[\w-]{43}$/.test(text);
}

function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text);
}

function hashOf(key: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(key).digest());
}
