import {
  type DynamicModule,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { type Lane, LANES } from '../../core/lanes.js';
import { Logger } from '../../core/logger.js';
import { PrismaService } from '../../database/prisma.service.js';
import type { Places } from '../../queue/fair-shares.js';
import { MailQueue } from '../../queue/mail-queue.js';
import { WorkerRegistry } from '../../queue/worker-registry.js';
import { MailModule } from '../mail.module.js';
import type { Apart, ClaimedEmail, Ending } from '../outbox/email-rows.js';
import { type ClaimedEmails, Outbox } from '../outbox/outbox.js';
import { OutboxRecords } from '../outbox/records.js';
import { DELIVERY_PROVIDERS } from '../worker/delivery.module.js';
import { LaneDrains } from '../worker/lane-drains.js';
import { resultOf, STAND_IN_TIMING, StandInPolicy, type StandInTiming, type StandInView } from './stand-in-policy.js';

/**
 * The outbox as a process sees it that only delivers in place of a missing worker: it claims nothing unless its policy
 * lets it, so that a drain ends in the middle of a backlog once a worker is back.
 */
@Injectable()
class StandInOutbox extends Outbox {
  constructor(
    prisma: PrismaService,
    queue: MailQueue,
    private readonly policy: StandInPolicy,
    private readonly log: Logger,
  ) {
    super(prisma, queue);
  }

  override async claim(lane: Lane, limit: number, worker: string, places?: Places): Promise<ClaimedEmails> {
    const granted = this.policy.grant(performance.now(), lane, limit);
    if (granted === 0) return { rows: [], more: false, left: [] };
    const claimed = await super.claim(lane, granted, worker, places);
    if (claimed.rows.length === 0) this.policy.foundNothing();
    return claimed;
  }

  /** Of those who get no mail: where nobody else is left, nothing was tried. */
  override async setApart(
    email: ClaimedEmail,
    apart: readonly Apart[],
    worker: string,
    ending?: Apart['ending'],
  ): Promise<boolean> {
    const owned = await super.setApart(email, apart, worker, ending);
    if (ending || !owned) this.policy.attempted(performance.now(), 'not_tried');
    return owned;
  }

  /** What was refused is not told of any more. */
  override async offer(email: ClaimedEmail): Promise<boolean> {
    const offered = await super.offer(email);
    if (!offered) this.policy.attempted(performance.now(), 'not_tried');
    return offered;
  }

  override async finish(email: ClaimedEmail, ending: Ending, worker: string): Promise<boolean> {
    const verdict = this.policy.attempted(performance.now(), resultOf(ending));
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

/** Milliseconds between two looks for workers and due mail. */
const LOOK_EVERY_MS = 2_000;
/** Milliseconds between two reminders while nobody else delivers. */
const REMIND_EVERY_MS = 60_000;

/** Delivers in a web process while no worker is alive, with the same drain as a worker, and says so loudly. */
@Injectable()
class StandIn implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failing = false;
  private lastTold = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly policy: StandInPolicy,
    private readonly workers: WorkerRegistry,
    private readonly records: OutboxRecords,
    private readonly drains: LaneDrains,
    private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    void this.tick();
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async tick(): Promise<void> {
    try {
      const [silence, due] = await Promise.all([this.workers.silence(), this.records.dueLanes()]);
      if (this.stopped) return;
      const view = this.policy.look(performance.now(), silence, due);
      this.tell(view);
      for (const lane of view.drain) this.drains.drain(lane).catch((error: unknown) => this.failed(error));
      this.failing = false;
    } catch (error) {
      this.failed(error);
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.tick(), LOOK_EVERY_MS).unref();
  }

  private tell({ started, ended, drain, silentMs }: StandInView): void {
    if (ended.length > 0) this.log.warn({ lanes: ended }, 'a worker is alive again; this web process delivers no more');
    const now = performance.now();
    if (drain.length === 0 || (started.length === 0 && now - this.lastTold < REMIND_EVERY_MS)) return;
    this.lastTold = now;
    this.log.error(
      { lanes: drain, silentSeconds: Math.round(silentMs / 1_000) },
      'NO WORKER IS ALIVE: mail is due and this web process delivers it. ' +
        'Start a worker (ROLE=worker, or ROLE=all), or set OUTBOX_RESCUE=off to let mail wait for one.',
    );
  }

  /** Once an outage. */
  private failed(error: unknown): void {
    if (!this.failing) this.log.error({ err: error }, 'workers and due mail could not be looked up; trying again');
    this.failing = true;
  }
}

/** Delivers in a process that is no worker, for as long as there is no worker. It has no consumers of BullMQ. */
@Module({})
export class StandInModule {
  /** @param timing shorter in tests */
  static forRoot(settings: Settings, timing: StandInTiming = STAND_IN_TIMING): DynamicModule {
    return {
      module: StandInModule,
      imports: [MailModule],
      providers: [
        ...DELIVERY_PROVIDERS,
        // WORKER_LANES says what workers do; this process stands in for any lane that has none.
        {
          provide: Settings,
          useValue: { ...settings, mail: { ...settings.mail, lanes: [...LANES] } } satisfies Settings,
        },
        { provide: StandInPolicy, useFactory: () => new StandInPolicy(performance.now(), timing) },
        { provide: Outbox, useClass: StandInOutbox },
        StandIn,
      ],
    };
  }
}
