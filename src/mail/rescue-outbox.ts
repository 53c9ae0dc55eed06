import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { PrismaService } from '../database/prisma.service.js';
import type { Places } from '../queue/fair-shares.js';
import type { ClaimedEmail, Ending } from './email-rows.js';
import { OFFER_NOT_RECORDED } from './outcome.js';
import { type ClaimedEmails, Outbox } from './outbox.js';
import { RescuePolicy, type WayOut } from './rescue-policy.js';

/**
 * The outbox as a process sees it that only delivers in place of a missing worker: it claims nothing unless the rescue
 * lets it, so that a drain ends in the middle of a backlog once a worker is back.
 */
@Injectable()
export class RescueOutbox extends Outbox {
  constructor(
    @Inject(PrismaService) prisma: PrismaService,
    @Inject(RescuePolicy) private readonly policy: RescuePolicy,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    super(prisma);
  }

  override async claim(lane: Lane, limit: number, worker: string, places?: Places): Promise<ClaimedEmails> {
    const granted = this.policy.grant(performance.now(), lane, limit);
    if (granted === 0) return { rows: [], more: false, left: [] };
    const claimed = await super.claim(lane, granted, worker, places);
    if (claimed.rows.length === 0) this.policy.foundNothing();
    return claimed;
  }

  override async finish(email: ClaimedEmail, ending: Ending, worker: string): Promise<boolean> {
    const verdict = this.policy.attempted(performance.now(), wayOut(ending));
    if (verdict === 'paused') {
      this.log.error(
        { errorCode: ending.errorCode, transport: ending.transport },
        'NO WORKER IS ALIVE, AND THIS WEB PROCESS CANNOT SEND EITHER: no transport can be reached from here. ' +
          'Mail waits; the next try is in a minute. Start a worker (ROLE=worker) where mail gets out.',
      );
    }
    return super.finish(email, ending, worker);
  }
}

/** An attempt put off for no fault of the message: whatever was tried, this process did not get so far as to offer it. */
function wayOut({ status, uncounted, errorCode }: Ending): WayOut {
  if (status === 'queued' || errorCode === OFFER_NOT_RECORDED) return 'not_tried';
  return status === 'deferred' && uncounted === true ? 'none' : 'worked';
}
