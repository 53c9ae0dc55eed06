import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { productOf } from '../../config/product-name.js';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { commonPasswords } from './common-passwords.js';
import { isWeaker, PARAMETERS } from './hash-policy.js';
import { HashingLine } from './hashing-line.js';
import { normalForm, type PasswordFault, passwordFault } from './password-policy.js';

export interface Verified {
  correct: boolean;
  /** The stored hash is weaker than one made now. */
  rehash: boolean;
}

/** Whom a process hashes for that serves no request: its own start, and commands. No address is written like this. */
export const INTERNAL = 'internal';

/** What somebody in line may do. */
export interface Place {
  hash: (password: string) => Promise<string>;
  verify: (hash: string | null, password: string) => Promise<Verified>;
}

/** Judges, hashes and compares passwords. Hashing runs in libuv's threads, a few at a time; see hashing-line.ts. */
@Injectable()
export class Passwords implements OnModuleInit {
  private readonly line = new HashingLine();
  private readonly surroundings: { product: string; host: string };
  /** Of a password that nobody has: comparing with it takes as long as with any other. */
  private dummy = '';

  constructor(@Inject(SETTINGS) { mail, http }: Settings) {
    this.surroundings = { product: productOf({ mail }), host: new URL(http.appUrl).hostname };
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
    return passwordFault(password, { ...this.surroundings, email, name }, commonPasswords());
  }

  /** @param requester as for {@link inLine}. @returns PHC string format. @throws Problem busy */
  async hash(password: string, requester = INTERNAL): Promise<string> {
    return this.inLine(requester, ({ hash }) => hash(password));
  }

  /** Without a hash, or for nobody, it takes as long and is never correct. @param requester as for {@link inLine}. @throws Problem busy */
  async verify(hash: string | null, password: string, requester = INTERNAL): Promise<Verified> {
    return this.inLine(requester, ({ verify }) => verify(hash, password));
  }

  /**
   * A place in line first, for callers that count a try before they compare: who is told "busy" has not tried.
   * @param requester whose share of the line it takes: as limits/requester.ts makes it, or {@link INTERNAL}
   */
  async inLine<T>(requester: string, work: (place: Place) => Promise<T>): Promise<T> {
    return this.line.enter(requester, () => work(this.placeOf(requester)));
  }

  private placeOf(requester: string): Place {
    return {
      hash: (password) => this.line.turn(requester, () => argon2.hash(normalForm(password), { ...PARAMETERS, type: argon2.argon2id })),
      verify: async (hash, password) => {
        const matches = await this.line.turn(requester, () => argon2.verify(hash ?? this.dummy, normalForm(password)));
        return { correct: hash !== null && matches, rehash: hash !== null && isWeaker(hash) };
      },
    };
  }
}
