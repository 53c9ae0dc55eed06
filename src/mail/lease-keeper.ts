import { Inject, Injectable } from '@nestjs/common';
import { LOGGER, type Logger } from '../core/logger.js';
import type { ClaimedEmail } from './email-rows.js';
import { Outbox } from './outbox.js';

/** Milliseconds between renewals: a lease of 20 s survives three that fail. */
const RENEW_EVERY_MS = 5_000;

/** Renews the leases of what this process has claimed, all in one statement. */
@Injectable()
export class LeaseKeeper {
  private readonly held = new Set<ClaimedEmail>();
  private readonly timer: NodeJS.Timeout;

  constructor(
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.timer = setInterval(() => void this.renew(), RENEW_EVERY_MS).unref();
  }

  hold(emails: readonly ClaimedEmail[]): void {
    for (const email of emails) this.held.add(email);
  }

  letGo(email: ClaimedEmail): void {
    this.held.delete(email);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async renew(): Promise<void> {
    try {
      await this.outbox.renew([...this.held]);
    } catch (error) {
      this.log.error({ err: error }, 'leases could not be renewed; the next try is in 5 s');
    }
  }
}
