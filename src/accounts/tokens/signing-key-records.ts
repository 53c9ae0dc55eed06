import { Inject, Injectable } from '@nestjs/common';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { Audit, OPERATOR } from '../../audit/audit.js';
import { Keyring, UnsealError } from '../../core/keyring.js';
import { StartupError } from '../../core/startup-error.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import type { Prisma, SigningKey } from '../../generated/prisma/client.js';
import { pendingAt, PUBLISHED_BEFORE_MS, retiredAt, rotationIsDue } from './signing-key-policy.js';

export const ALGORITHM = 'EdDSA';

export type Rotation =
  | { kind: 'rotated'; key: SigningKey }
  /** A new key waits for its time already. */
  | { kind: 'pending'; key: SigningKey }
  | { kind: 'not_due' };

/** The Ed25519 keys as Postgres holds them: private halves sealed. Adding one is done under a lock: several processes may want to. */
@Injectable()
export class SigningKeyRecords {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  async list(): Promise<SigningKey[]> {
    return this.prisma.signingKey.findMany({ orderBy: [{ activeFrom: 'desc' }, { id: 'desc' }] });
  }

  /** One that signs at once, if there is none at all: processes that start together make one. */
  async createFirst(now: Date): Promise<void> {
    const row = await this.newKey(now, now);
    await this.underLock(async ({ db }) => {
      if ((await db.signingKey.count()) === 0) await db.signingKey.createMany({ data: [row] });
    });
  }

  /** A new key, published from now on, which signs in ten minutes. `asked`: by an operator, however young the present one is. */
  async rotate(now: Date, { asked }: { asked: boolean }): Promise<Rotation> {
    if (!asked && !rotationIsDue(await this.list(), now)) return { kind: 'not_due' };
    const row = await this.newKey(now, new Date(now.getTime() + PUBLISHED_BEFORE_MS));
    return this.underLock(async (unit): Promise<Rotation> => {
      const keys = await unit.db.signingKey.findMany();
      const pending = pendingAt(keys, now);
      if (pending) return { kind: 'pending', key: pending };
      if (!asked && !rotationIsDue(keys, now)) return { kind: 'not_due' };
      const [key] = await unit.db.signingKey.createManyAndReturn({ data: [row] });
      await this.audit.record({ action: 'signing_key.rotated', result: 'done', ...OPERATOR, target: { kind: 'signing_key', id: row.id }, details: { asked } }, unit);
      return { kind: 'rotated', key: key! };
    });
  }

  /** Those that no good token needs any more. Returns how many there were. */
  async removeRetired(now: Date, tokenLifeMs: number): Promise<number> {
    const retired = retiredAt(await this.list(), now, tokenLifeMs);
    if (retired.length === 0) return 0;
    const { count } = await this.prisma.signingKey.deleteMany({ where: { id: { in: retired.map(({ id }) => id) } } });
    return count;
  }

  /** @throws StartupError when it was sealed with another APP_SECRET. */
  async open({ id, sealedPrivate, sealKeyId }: SigningKey): Promise<CryptoKey> {
    try {
      const jwk = JSON.parse(this.keyring.open({ keyId: sealKeyId, bytes: sealedPrivate }, sealContext(id))) as JWK;
      return (await importJWK(jwk, ALGORITHM)) as CryptoKey;
    } catch (cause) {
      if (!(cause instanceof UnsealError)) throw cause;
      throw new StartupError(
        'APP_SECRET is not the one that sealed the keys in this database.',
        'Set APP_SECRET to the former value, or put that value into APP_SECRET_PREVIOUS.',
        { cause },
      );
    }
  }

  /** What a former secret sealed is sealed with the present one, so that the former can be forgotten. */
  async reseal(): Promise<void> {
    const stale = await this.prisma.signingKey.findMany({ where: { sealKeyId: { not: this.keyring.currentId } } });
    for (const { id, sealedPrivate, sealKeyId } of stale) {
      const opened = this.keyring.open({ keyId: sealKeyId, bytes: sealedPrivate }, sealContext(id));
      const sealed = this.keyring.seal(opened, sealContext(id));
      await this.prisma.signingKey.updateMany({
        where: { id, sealKeyId },
        data: { sealedPrivate: sealed.bytes, sealKeyId: sealed.keyId },
      });
    }
  }

  private async newKey(now: Date, activeFrom: Date): Promise<Prisma.SigningKeyCreateManyInput> {
    const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
    const publicJwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(publicJwk);
    const sealed = this.keyring.seal(JSON.stringify(await exportJWK(privateKey)), sealContext(kid));
    return {
      id: kid,
      publicJwk: { ...publicJwk, kid, alg: ALGORITHM, use: 'sig' },
      sealedPrivate: sealed.bytes,
      sealKeyId: sealed.keyId,
      createdAt: now,
      activeFrom,
    };
  }

  private async underLock<T>(work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    return this.transactions.run(async (unit) => {
      await unit.db.$executeRaw`LOCK TABLE signing_keys IN EXCLUSIVE MODE`; // readers go on
      return work(unit);
    });
  }
}

export function sealContext(kid: string): string {
  return `signing-key:${kid}`;
}
