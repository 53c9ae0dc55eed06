import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { productOf, Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { Transactions } from '../../database/prisma.service.js';
import { requesterOf } from '../../limits/limit-policy.js';
import { FailureBudgets } from '../../otp/failure-budgets.js';
import { HashingLine, isWeaker, PARAMETERS } from './hashing.js';
import { MIN_LENGTH, normalForm, type PasswordFault, passwordFault } from './password-policy.js';

/**
 * The list is ordered by frequency; of its first 10,000 some 3,500 are long enough to be chosen (ASVS 6.2.4 asks for
 * 3,000).
 */
const TRIED_FIRST = 10_000;

let loaded: ReadonlySet<string> | undefined;

/** Passwords that are tried first, in lower case; read once, when a password is chosen for the first time (10 ms). */
export function commonPasswords(): ReadonlySet<string> {
  return (loaded ??= load());
}

function load(): ReadonlySet<string> {
  const require = createRequire(import.meta.url);
  const file = require.resolve('@zxcvbn-ts/language-common/dist/passwords.json.cjs');
  const list: unknown = require(file);
  delete require.cache[file]; // five times as much as is needed
  if (!Array.isArray(list)) throw new TypeError('the list of common passwords is none');
  return new Set(
    list
      .slice(0, TRIED_FIRST)
      .map((password) => String(password).toLowerCase())
      .filter(({ length }) => length >= MIN_LENGTH),
  );
}

export interface Verified {
  correct: boolean;
  /** The stored hash is weaker than one made now. */
  rehash: boolean;
}

/** Whom a process hashes for that serves no request: its own start, and commands. No address is written like this. */
export const INTERNAL = 'internal';

/** What somebody who has a place in line may do. */
export interface PasswordHasher {
  hash: (password: string) => Promise<string>;
  verify: (hash: string | null, password: string) => Promise<Verified>;
}

/** Judges, hashes and compares passwords. Hashing runs in libuv's threads, a few at a time; see hashing.ts. */
@Injectable()
export class Passwords implements OnModuleInit {
  private readonly line = new HashingLine();
  private readonly deployment: { product: string; host: string };
  /** Of a password that nobody has: comparing with it takes as long as with any other. */
  private dummy = '';

  constructor({ mail, http }: Settings) {
    this.deployment = { product: productOf({ mail }), host: new URL(http.appUrl).hostname };
  }

  /** Hashes under way, and those that wait for their turn. */
  get busy(): { hashing: number; waiting: number } {
    return this.line.busy;
  }

  async onModuleInit(): Promise<void> {
    this.dummy = await this.hash(randomBytes(32).toString('base64url'));
  }

  /** Why a new password is not taken: a code and a sentence for the field; undefined when it is. */
  fault(password: string, { email, name }: { email: string; name?: string | null }): PasswordFault | undefined {
    return passwordFault(password, { ...this.deployment, email, name }, commonPasswords());
  }

  /** @param requester as for {@link inLine}. @returns PHC string format. @throws Problem busy */
  async hash(password: string, requester = INTERNAL): Promise<string> {
    return this.inLine(requester, ({ hash }) => hash(password));
  }

  /**
   * Without a hash, or for nobody, it takes as long and is never correct. @param requester as for {@link inLine}.
   * @throws Problem busy
   */
  async verify(hash: string | null, password: string, requester = INTERNAL): Promise<Verified> {
    return this.inLine(requester, ({ verify }) => verify(hash, password));
  }

  /**
   * A place in line first, for callers that count a try before they compare: who is told "busy" has not tried.
   * @param requester whose share of the line it takes: as `requesterOf` makes it, or {@link INTERNAL}
   */
  async inLine<T>(requester: string, work: (hasher: PasswordHasher) => Promise<T>): Promise<T> {
    return this.line.enter(requester, () => work(this.hasherOf(requester)));
  }

  private hasherOf(requester: string): PasswordHasher {
    return {
      hash: (password) =>
        this.line.turn(requester, () => argon2.hash(normalForm(password), { ...PARAMETERS, type: argon2.argon2id })),
      verify: async (hash, password) => {
        const matches = await this.line.turn(requester, () => argon2.verify(hash ?? this.dummy, normalForm(password)));
        return { correct: hash !== null && matches, rehash: hash !== null && isWeaker(hash) };
      },
    };
  }
}

/** Passwords have a budget of failures of their own, apart from those of codes. */
const PURPOSE = 'password';

interface PasswordTry {
  /** Canonical; an account may have it or not. */
  destination: string;
  password: string;
  ip: string;
  /** Id of a device that the account knows. */
  device: string | undefined;
  /** Null where there is nobody, or no password. */
  storedHash: string | null;
}

export type TryResult =
  /** `hash` is the stored one; `renewed` takes its place where that one is weaker than one made now. */
  { kind: 'correct'; hash: string; renewed: string | undefined } | { kind: 'wrong' } | { kind: 'blocked'; until: Date };

/**
 * Presenting a password: a place in line, then the try is counted, then it is compared. The caller took the rate limits
 * before.
 */
@Injectable()
export class PasswordTries {
  constructor(
    private readonly clock: Clock,
    private readonly transactions: Transactions,
    private readonly passwords: Passwords,
    private readonly budgets: FailureBudgets,
  ) {}

  /**
   * Takes as long for an address that nobody has. A right password ends the row of failures at once, whatever becomes
   * of what it was shown for: it is no failure.
   * @throws Problem busy
   */
  async take({ destination, password, ip, device, storedHash }: PasswordTry): Promise<TryResult> {
    return this.passwords.inLine(requesterOf(ip), async ({ verify, hash }): Promise<TryResult> => {
      const begun = await this.budgets.begin({ destination, purpose: PURPOSE, device }, this.clock.now());
      if (begun.kind === 'blocked') return begun;
      const { correct, rehash } = await verify(storedHash, password);
      if (!correct || storedHash === null) return { kind: 'wrong' };
      await this.transactions.run((unit) => this.budgets.clear({ destination, purpose: PURPOSE }, unit));
      return { kind: 'correct', hash: storedHash, renewed: rehash ? await hash(password) : undefined };
    });
  }
}
