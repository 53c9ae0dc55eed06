import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { createLocalJWKSet, type CryptoKey, type JWK } from 'jose';
import { Clock } from '../../core/clock.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { StartupError } from '../../core/startup-error.js';
import type { SigningKey } from '../../generated/prisma/client.js';
import { inOrder, signerAt } from './signing-key-policy.js';
import { SigningKeyRecords } from './signing-key-records.js';

/** A key that another process made is known within this time: long before it signs. */
const LOOK_EVERY_MS = 60_000;
/** What is known is not relied on for longer: a process that was suspended looks before it answers. */
const STALE_AFTER_MS = 2 * LOOK_EVERY_MS;
/** Whatever strangers send, tokens of unknown keys make it look no more often. */
const LOOK_AT_MOST_EVERY_MS = 10_000;

type LocalKeySet = ReturnType<typeof createLocalJWKSet>;

export interface Signer {
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
    @Inject(Clock) private readonly clock: Clock,
    @Inject(SigningKeyRecords) private readonly records: SigningKeyRecords,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** @throws StartupError when the keys were sealed with another APP_SECRET. */
  async onModuleInit(): Promise<void> {
    await this.load();
    if (this.keys.length === 0) {
      await this.records.createFirst(this.clock.now());
      await this.load();
    }
    await this.openSigner();
    await this.records.reseal();
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
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
      .catch((error: unknown) => this.log.error({ err: error }, 'the signing keys could not be looked up; those that are known are used'))
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
      // A key of a process with another secret is no reason to stop signing with one that is known, and still published.
      if (!(error instanceof StartupError) || !this.signing) throw error;
      this.log.error({ err: error, kid: key.id }, 'a newer signing key cannot be opened with the secrets of this process');
      return this.signing;
    }
  }
}

function publicKeys(keys: readonly SigningKey[]): { keys: JWK[] } {
  return { keys: keys.map(({ publicJwk }) => publicJwk as JWK) };
}
