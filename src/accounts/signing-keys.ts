import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { calculateJwkThumbprint, createLocalJWKSet, type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { Clock } from '../core/clock.js';
import { Keyring, UnsealError } from '../core/keyring.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { StartupError } from '../core/startup-error.js';
import { PrismaService } from '../database/prisma.service.js';
import type { SigningKey } from '../generated/prisma/client.js';

export const ALGORITHM = 'EdDSA';

const RELOAD_EVERY_MS = 10_000;

type LocalKeySet = ReturnType<typeof createLocalJWKSet>;

export interface Signer {
  kid: string;
  privateKey: CryptoKey;
}

/** The Ed25519 keys of access tokens: private halves sealed in Postgres, public halves for everybody. */
@Injectable()
export class SigningKeys implements OnModuleInit {
  private signer: Signer | undefined;
  private publicKeys: JWK[] = [];
  private keySet = createLocalJWKSet({ keys: [] });
  private loadedAt = 0;

  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** @throws StartupError when the keys were sealed with another APP_SECRET. */
  async onModuleInit(): Promise<void> {
    await this.load();
    if (!this.signer) {
      await this.createFirst();
      await this.load();
    }
    await this.reseal();
  }

  /** The newest key. */
  current(): Signer {
    if (!this.signer) throw new Error('signing keys are loaded at start');
    return this.signer;
  }

  /** RFC 7517; older keys stay as long as tokens they signed may live. */
  jwks(): { keys: JWK[] } {
    return { keys: this.publicKeys };
  }

  /** The same to verify with; keeps its imported keys until they are loaded again. */
  verifier(): LocalKeySet {
    return this.keySet;
  }

  /** Another process may have added a key; looked up at most every few seconds, whatever strangers send. */
  async reload(): Promise<void> {
    const now = this.clock.now().getTime();
    if (now - this.loadedAt < RELOAD_EVERY_MS) return;
    try {
      await this.load();
    } catch (error) {
      // A key of a process with another secret is no reason to stop answering with the keys that are known.
      if (!(error instanceof StartupError)) throw error;
      this.log.error({ err: error }, 'a newer signing key cannot be opened with the secrets of this process');
    }
  }

  private async load(): Promise<void> {
    this.loadedAt = this.clock.now().getTime();
    const rows = await this.prisma.signingKey.findMany({ orderBy: { createdAt: 'desc' } });
    this.publicKeys = rows.map(({ publicJwk }) => publicJwk as JWK);
    this.keySet = createLocalJWKSet(this.jwks());
    if (rows[0]) this.signer = { kid: rows[0].id, privateKey: await this.open(rows[0]) };
  }

  /** What a former secret sealed is sealed with the present one, so that the former can be forgotten. */
  private async reseal(): Promise<void> {
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

  private async open({ id, sealedPrivate, sealKeyId }: SigningKey): Promise<CryptoKey> {
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

  /** Under a lock: several processes start at once, and one key is enough. */
  private async createFirst(): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
    const publicJwk = await exportJWK(publicKey);
    const kid = await calculateJwkThumbprint(publicJwk);
    const sealed = this.keyring.seal(JSON.stringify(await exportJWK(privateKey)), sealContext(kid));
    await this.prisma.$transaction(async (db) => {
      await db.$executeRaw`LOCK TABLE signing_keys IN EXCLUSIVE MODE`;
      if ((await db.signingKey.count()) > 0) return;
      await db.signingKey.createMany({
        data: [
          {
            id: kid,
            publicJwk: { ...publicJwk, kid, alg: ALGORITHM, use: 'sig' },
            sealedPrivate: sealed.bytes,
            sealKeyId: sealed.keyId,
          },
        ],
      });
    });
  }
}

function sealContext(kid: string): string {
  return `signing-key:${kid}`;
}
