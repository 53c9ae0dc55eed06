import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import { hashOfToken } from '../core/credentials.js';
import { PrismaService } from '../database/prisma.service.js';
import type { ApiKey, Prisma } from '../generated/prisma/client.js';

export const KEY_START = 'otp_live_';
/** Milliseconds between two notes of a key's use. */
const NOTE_USE_EVERY_MS = 60_000;

/** A key as it may be shown: everything but the key. */
export type ApiKeyRecord = Omit<ApiKey, 'keyHash'>;

/** What a presented key turned out to be. */
export type KeyCheck = { kind: 'good'; record: ApiKeyRecord } | { kind: 'expired'; at: Date } | { kind: 'revoked' } | { kind: 'unknown' };

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

  /** Whether the key opens anything now; why not is for whoever holds it. Notes its use, at most once a minute. */
  async authenticate(key: string): Promise<KeyCheck> {
    if (!looksLikeKey(key)) return { kind: 'unknown' };
    const record = await this.prisma.apiKey.findUnique({ where: { keyHash: hashOfToken(key) }, omit: { keyHash: true } });
    if (!record) return { kind: 'unknown' };
    if (record.revokedAt) return { kind: 'revoked' };
    if (record.expiresAt && record.expiresAt <= this.clock.now()) return { kind: 'expired', at: record.expiresAt };
    await this.noteUse(record);
    return { kind: 'good', record };
  }

  async find(id: string): Promise<ApiKeyRecord | undefined> {
    return (await this.prisma.apiKey.findUnique({ where: { id }, omit: { keyHash: true } })) ?? undefined;
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
export function whereKey(which: string): Prisma.ApiKeyWhereInput {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(which) ? { id: which } : { prefix: which };
}

function looksLikeKey(text: string): boolean {
  return /^otp_live_[\w-]{43}$/.test(text);
}
