import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { ScheduledTasks } from '../../database/scheduled-tasks.js';
import { ACCESS_TOKEN_SECONDS } from '../sessions/session-policy.js';
import { SigningKeyRecords } from './signing-key-records.js';

const EVERY_MS = 10 * 60_000;

/** The scheduled work of signing keys: a new one every 90 days, and none that is of no use any more. */
@Injectable()
export class SigningKeyRotation implements OnModuleInit {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(ScheduledTasks) private readonly scheduled: ScheduledTasks,
    @Inject(SigningKeyRecords) private readonly records: SigningKeyRecords,
    @Inject(LOGGER) private readonly log: Logger,
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
