import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import { Audit, OPERATOR } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { Keyring, UnsealError } from '../../core/keyring.js';
import { Logger } from '../../core/logger.js';
import { StartupError } from '../../core/startup-error.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { sealContext, type SealedColumn } from '../../database/resealing.js';
import { ScheduledTasks } from '../../database/scheduled-tasks.js';
import { untilAnswered } from '../../database/waiting.js';
import type { Prisma, SigningKey } from '../../generated/prisma/client.js';
import { ACCESS_TOKEN_SECONDS } from './session-policy.js';
import { inOrder, pendingAt, PUBLISHED_BEFORE_MS, retiredAt, rotationIsDue, signerAt } from './signing-key-policy.js';

export const ALGORITHM = 'EdDSA';

/** The private halves. */
export const SEALED_SIGNING_KEYS: SealedColumn = {
  kind: 'signing keys',
  table: 'signing_keys',
  idType: 'text',
  column: 'sealed_private',
  keyColumn: 'seal_key_id',
  context: 'signing-key',
};

export type Rotation =
  | { kind: 'rotated'; key: SigningKey }
  /** A new key waits for its time already. */
  | { kind: 'pending'; key: SigningKey }
  | { kind: 'not_due' };

/**
 * The Ed25519 keys as Postgres holds them: private halves sealed. Adding one is done under a lock: several processes
 * may want to.
 */
@Injectable()
export class SigningKeyRecords {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly keyring: Keyring,
    private readonly audit: Audit,
  ) {}

  async list(): Promise<SigningKey[]> {
    return this.prisma.statements.query<SigningKey[]>`
      SELECT id, public_jwk AS "publicJwk", sealed_private AS "sealedPrivate", seal_key_id AS "sealKeyId",
        created_at AS "createdAt", active_from AS "activeFrom"
      FROM signing_keys ORDER BY active_from DESC, id DESC`;
  }

  /** One that signs at once, if there is none at all: processes that start together make one. */
  async createFirst(now: Date): Promise<void> {
    const row = await this.newKey(now, now);
    await this.underLock(async ({ db }) => {
      if ((await db.signingKey.count()) === 0) await db.signingKey.createMany({ data: [row] });
    });
  }

  /**
   * A new key, published from now on, which signs in ten minutes. `asked`: by an operator, however young the present
   * one is.
   */
  async rotate(now: Date, { asked }: { asked: boolean }): Promise<Rotation> {
    if (!asked && !rotationIsDue(await this.list(), now)) return { kind: 'not_due' };
    const row = await this.newKey(now, new Date(now.getTime() + PUBLISHED_BEFORE_MS));
    return this.underLock(async (unit): Promise<Rotation> => {
      const keys = await unit.db.signingKey.findMany();
      const pending = pendingAt(keys, now);
      if (pending) return { kind: 'pending', key: pending };
      if (!asked && !rotationIsDue(keys, now)) return { kind: 'not_due' };
      const [key] = await unit.db.signingKey.createManyAndReturn({ data: [row] });
      await this.audit.record(
        { action: 'signing_key.rotated', ...OPERATOR, target: { kind: 'signing_key', id: row.id }, details: { asked } },
        unit,
      );
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
      const jwk = JSON.parse(
        this.keyring.open({ keyId: sealKeyId, bytes: sealedPrivate }, sealContext(SEALED_SIGNING_KEYS, id)),
      ) as JWK;
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
    for (const { id, sealedPrivate, sealKeyId } of await this.list()) {
      if (sealKeyId === this.keyring.currentId) continue;
      const opened = this.keyring.open(
        { keyId: sealKeyId, bytes: sealedPrivate },
        sealContext(SEALED_SIGNING_KEYS, id),
      );
      const sealed = this.keyring.seal(opened, sealContext(SEALED_SIGNING_KEYS, id));
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
    const sealed = this.keyring.seal(
      JSON.stringify(await exportJWK(privateKey)),
      sealContext(SEALED_SIGNING_KEYS, kid),
    );
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

/** A key that another process made is known within this time: long before it signs. */
const LOOK_EVERY_MS = 60_000;
/** What is known is not relied on for longer: a process that was suspended looks before it answers. */
const STALE_AFTER_MS = 2 * LOOK_EVERY_MS;
/** Whatever strangers send, tokens of unknown keys make it look no more often. */
const LOOK_AT_MOST_EVERY_MS = 10_000;

type LocalKeySet = ReturnType<typeof createLocalJWKSet>;

interface Signer {
  kid: string;
  privateKey: CryptoKey;
}

/** What this process knows of the keys of access tokens: which one signs now, and the public halves of all. */
@Injectable()
export class SigningKeys implements OnModuleInit, OnModuleDestroy {
  private keys: SigningKey[] = [];
  private keySet = createLocalJWKSet({ keys: [] });
  private signing: Signer | undefined;
  private lookedAt = 0;
  private loading: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly records: SigningKeyRecords,
    private readonly log: Logger,
  ) {}

  /** @throws StartupError when the keys were sealed with another APP_SECRET. */
  async onModuleInit(): Promise<void> {
    await untilAnswered(this.log, () => this.open());
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  private async open(): Promise<void> {
    await this.load();
    if (this.keys.length === 0) {
      await this.records.createFirst(this.clock.now());
      await this.load();
    }
    await this.openSigner();
    await this.records.reseal();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** The key whose time it is. */
  async signer(): Promise<Signer> {
    await this.freshen();
    return this.openSigner();
  }

  /** RFC 7517: with the one that will sign next, and with those whose tokens may still be good. */
  async jwks(): Promise<{ keys: JWK[] }> {
    await this.freshen();
    return publicKeys(this.keys);
  }

  /** The same to verify with; keeps its imported keys until they are loaded again. */
  verifier(): LocalKeySet {
    return this.keySet;
  }

  /** A token names a key that is not known: another process may have made it. */
  async reload(): Promise<void> {
    if (this.ageMs() >= LOOK_AT_MOST_EVERY_MS) await this.look();
  }

  private async freshen(): Promise<void> {
    if (this.ageMs() >= STALE_AFTER_MS) await this.look();
  }

  private ageMs(): number {
    return this.clock.now().getTime() - this.lookedAt;
  }

  /** Never rejects: what is known stays good where Postgres does not answer. One look at a time, whoever wants it. */
  private async look(): Promise<void> {
    this.loading ??= this.load()
      .catch((error: unknown) =>
        this.log.error({ err: error }, 'the signing keys could not be looked up; those that are known are used'),
      )
      .finally(() => (this.loading = undefined));
    await this.loading;
  }

  private async load(): Promise<void> {
    this.lookedAt = this.clock.now().getTime(); // a look that fails counts too: who asks next does not wait for the same
    this.keys = inOrder(await this.records.list());
    this.keySet = createLocalJWKSet(publicKeys(this.keys));
  }

  /** Opened once, when its time comes. */
  private async openSigner(): Promise<Signer> {
    const key = signerAt(this.keys, this.clock.now());
    if (!key) throw new Error('signing keys are loaded at start');
    if (this.signing?.kid === key.id) return this.signing;
    try {
      return (this.signing = { kid: key.id, privateKey: await this.records.open(key) });
    } catch (error) {
      // A key of a process with another secret is no reason to stop signing with one that is known, and still
      // published.
      if (!(error instanceof StartupError) || !this.signing) throw error;
      this.log.error(
        { err: error, kid: key.id },
        'a newer signing key cannot be opened with the secrets of this process',
      );
      return this.signing;
    }
  }
}

function publicKeys(keys: readonly SigningKey[]): { keys: JWK[] } {
  return { keys: keys.map(({ publicJwk }) => publicJwk as JWK) };
}

const EVERY_MS = 10 * 60_000;

/** The scheduled work of signing keys: a new one every 90 days, and none that is of no use any more. */
@Injectable()
export class SigningKeyRotation implements OnModuleInit {
  constructor(
    private readonly clock: Clock,
    private readonly scheduled: ScheduledTasks,
    private readonly records: SigningKeyRecords,
    private readonly log: Logger,
  ) {}

  onModuleInit(): void {
    this.scheduled.register({ name: 'accounts.signing_keys', everyMs: EVERY_MS, run: () => this.run() });
  }

  private async run(): Promise<string> {
    const now = this.clock.now();
    const removed = await this.records.removeRetired(now, ACCESS_TOKEN_SECONDS * 1_000);
    const rotation = await this.records.rotate(now, { asked: false });
    if (rotation.kind === 'rotated') {
      const { id: kid, activeFrom } = rotation.key;
      this.log.info({ kid, activeFrom }, 'a new signing key is published, and signs soon');
    }
    return `${rotation.kind === 'rotated' ? 'a new key' : 'no new key'}, ${removed} removed`;
  }
}
