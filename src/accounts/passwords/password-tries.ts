import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import type { UnitOfWork } from '../../database/unit-of-work.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { FailureBudgets } from '../../otp/failure-budgets.js';
import { Passwords } from './passwords.js';

/** Passwords have a budget of failures of their own, apart from those of codes. */
const PURPOSE = 'password';

export interface PasswordTry {
  /** Canonical; an account may have it or not. */
  destination: string;
  password: string;
  deviceToken: string | undefined;
  /** Looked up once the try is counted; null where there is nobody, or no password. */
  storedHash: () => Promise<string | null>;
}

export type TryResult =
  /** `hash` is the stored one; `renewed` takes its place where that one is weaker than one made now. */
  | { kind: 'correct'; hash: string; renewed: string | undefined }
  | { kind: 'wrong' }
  | { kind: 'blocked'; until: Date };

/** Presenting a password: a place in line, then the try is counted, then it is compared. */
@Injectable()
export class PasswordTries {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(FailureBudgets) private readonly budgets: FailureBudgets,
  ) {}

  /** Takes as long for an address that nobody has. @throws Problem busy */
  async take({ destination, password, deviceToken, storedHash }: PasswordTry): Promise<TryResult> {
    return this.passwords.inLine(async ({ verify, hash }): Promise<TryResult> => {
      const device = this.devices.read(deviceToken, destination);
      const begun = await this.budgets.begin({ destination, purpose: PURPOSE, device }, this.clock.now());
      if (begun.kind === 'blocked') return begun;
      const stored = await storedHash();
      const { correct, rehash } = await verify(stored, password);
      if (!correct || stored === null) return { kind: 'wrong' };
      return { kind: 'correct', hash: stored, renewed: rehash ? await hash(password) : undefined };
    });
  }

  /** After a success: its row of failures has ended. */
  async forget(destination: string, unit: UnitOfWork): Promise<void> {
    await this.budgets.clear({ destination, purpose: PURPOSE }, unit);
  }
}
