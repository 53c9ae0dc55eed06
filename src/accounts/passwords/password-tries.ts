import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/request-source.js';
import { Transactions } from '../../database/unit-of-work.js';
import { requesterOf } from '../../limits/requester.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { FailureBudgets } from '../../otp/failure-budgets.js';
import { Passwords } from './passwords.js';

/** Passwords have a budget of failures of their own, apart from those of codes. */
const PURPOSE = 'password';

export interface PasswordTry {
  /** Canonical; an account may have it or not. */
  destination: string;
  password: string;
  source: Pick<RequestSource, 'ip' | 'deviceToken'>;
  /** Looked up once the try is counted; null where there is nobody, or no password. */
  storedHash: () => Promise<string | null>;
}

export type TryResult =
  /** `hash` is the stored one; `renewed` takes its place where that one is weaker than one made now. */
  | { kind: 'correct'; hash: string; renewed: string | undefined }
  | { kind: 'wrong' }
  | { kind: 'blocked'; until: Date };

/** Presenting a password: a place in line, then the try is counted, then it is compared. The caller was admitted by the limits before. */
@Injectable()
export class PasswordTries {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(FailureBudgets) private readonly budgets: FailureBudgets,
  ) {}

  /**
   * Takes as long for an address that nobody has. A right password ends the row of failures at once, whatever becomes of
   * what it was shown for: it is no failure.
   * @throws Problem busy
   */
  async take({ destination, password, source, storedHash }: PasswordTry): Promise<TryResult> {
    return this.passwords.inLine(requesterOf(source.ip), async ({ verify, hash }): Promise<TryResult> => {
      const device = this.devices.read(source.deviceToken, destination);
      const begun = await this.budgets.begin({ destination, purpose: PURPOSE, device }, this.clock.now());
      if (begun.kind === 'blocked') return begun;
      const stored = await storedHash();
      const { correct, rehash } = await verify(stored, password);
      if (!correct || stored === null) return { kind: 'wrong' };
      await this.transactions.run((unit) => this.budgets.clear({ destination, purpose: PURPOSE }, unit));
      return { kind: 'correct', hash: stored, renewed: rehash ? await hash(password) : undefined };
    });
  }
}
