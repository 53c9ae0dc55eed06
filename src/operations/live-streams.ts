import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AccessGuard } from '../access/access.guard.js';
import { Clock } from '../core/clock.js';
import { EventStream } from '../core/event-stream.js';
import { Listeners } from '../core/listeners.js';
import { Logger } from '../core/logger.js';
import { Bulkhead } from '../core/semaphore.js';
import { PrismaService } from '../database/prisma.service.js';
import { OverviewReader } from './overview-reader.js';

/** Of what changed, without what it is: whoever looks at it asks for it. */
export const TOPICS = ['messages', 'broadcasts', 'imports', 'webhooks', 'record'] as const;
type Topic = (typeof TOPICS)[number];
/** Something that is another text whenever anything of its topic changed. */
type Marks = Record<Topic, string>;

/** Why a stream ends: whoever listens has no right any more, or it was open for long enough. */
export const LIVE_ENDS = ['unauthorized', 'too_long'] as const;

/** Open streams at most: people look, and each of them in a few tabs. */
const MOST_STREAMS = { process: 100, caller: 10 };
/** Milliseconds between two looks at Postgres for all streams of a process. */
const LOOK_EVERY_MS = 1_000;
/** Milliseconds between two overviews; what changed is told sooner. */
const OVERVIEW_EVERY_MS = 2_000;
/** Milliseconds between two looks at whether somebody may still listen. */
const ACCESS_EVERY_MS = 5_000;
/** Milliseconds after which a look that is not over counts as none. */
const SLOW_AFTER_MS = 5_000;
const OPEN_FOR_MS = 15 * 60_000;
const RECONNECT_AFTER_MS = 2_000;
/** Seconds that whoever is refused is asked to wait. */
export const LIVE_REFUSED_FOR_S = 10;
/** Bytes that wait for somebody who does not read: some overviews. */
const MOST_WAITING = 512 * 1024;

export const SEES_OPERATIONS = { scope: 'admin', role: 'viewer' } as const;

interface Listener {
  stream: EventStream;
  /** As the request had it. */
  authorization: string | undefined;
  openedAt: number;
  wroteAt: number;
  checkedAt: number;
  checking: boolean;
}

/** What operators look at, as it changes. However many look, one look at Postgres serves them all. */
@Injectable()
export class LiveStreams implements OnModuleDestroy {
  private readonly places = new Bulkhead();
  private readonly listeners = new Listeners<Listener>(LOOK_EVERY_MS, () => this.tick());
  /** Since when a look is under way. */
  private lookingSince: number | undefined;
  private marks: Marks | undefined;
  /** At the look before. */
  private changed: readonly Topic[] = [];
  private toldAt = 0;
  /** Postgres does not answer, and everybody was told. */
  private away = false;

  constructor(
    private readonly overview: OverviewReader,
    private readonly prisma: PrismaService,
    private readonly access: AccessGuard,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** @param caller counts towards the bound of one. @returns undefined: there are too many */
  async open(caller: string, authorization: string | undefined): Promise<EventStream | undefined> {
    const release = this.places.take({ process: MOST_STREAMS.process, [`caller ${caller}`]: MOST_STREAMS.caller });
    if (!release) return undefined;
    try {
      // Before the answer: whoever listens looks at everything once it comes, and is told what changed since.
      const marks = await this.read();
      const first = await this.overview.read();
      const now = this.now();
      const stream = new EventStream(RECONNECT_AFTER_MS, MOST_WAITING);
      const times = { openedAt: now, wroteAt: now, checkedAt: now };
      const listener: Listener = { stream, authorization, checking: false, ...times };
      if (this.listeners.size === 0) this.marks = marks;
      this.listeners.add(listener, () => stream.send({ event: 'overview', data: first }), release);
      return stream;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Nest waits for open connections after this hook. */
  onModuleDestroy(): void {
    this.listeners.drop();
  }

  private now(): number {
    return this.clock.now().getTime();
  }

  private tick(): void {
    const now = this.now();
    for (const listener of this.listeners.all()) {
      if (now - listener.openedAt > OPEN_FOR_MS) this.end(listener, 'too_long');
      else if (now - listener.checkedAt > ACCESS_EVERY_MS) void this.check(listener, now);
    }
    this.listeners.keepAlive(now);
    if (this.lookingSince === undefined) void this.look(now);
    else if (now - this.lookingSince > SLOW_AFTER_MS) this.tellAway();
  }

  /** A session that was ended opens nothing any more, and no more of this. */
  private async check(listener: Listener, now: number): Promise<void> {
    if (listener.checking) return;
    listener.checking = true;
    try {
      if (!(await this.access.stillOpens(listener.authorization, SEES_OPERATIONS))) this.end(listener, 'unauthorized');
      listener.checkedAt = now;
    } catch (error) {
      this.log.debug({ err: error }, 'who listens could not be looked up; the next look is in a second');
    } finally {
      listener.checking = false;
    }
  }

  private async look(now: number): Promise<void> {
    this.lookingSince = now;
    try {
      const marks = await this.read();
      const { marks: before = marks } = this;
      const changed = TOPICS.filter((topic) => before[topic] !== marks[topic]);
      // And once more: what began earlier may commit later, under a number below the highest that was seen.
      const topics = TOPICS.filter((topic) => changed.includes(topic) || this.changed.includes(topic));
      [this.marks, this.changed] = [marks, changed];
      if (topics.length > 0) this.tell('changed', { topics });
      if (this.away || now - this.toldAt >= OVERVIEW_EVERY_MS) {
        const overview = await this.overview.read();
        this.toldAt = now;
        this.tell('overview', overview);
      }
      this.away = false;
    } catch (error) {
      // Streams stay open and go on when Postgres is back.
      if (!this.away)
        this.log.warn({ err: error }, 'operators cannot be told what changes: the database does not answer');
      this.tellAway();
    } finally {
      this.lookingSince = undefined;
    }
  }

  /** Once per outage and not each second. */
  private tellAway(): void {
    if (!this.away) this.tell('away', {});
    this.away = true;
  }

  private tell(event: string, data: object): void {
    for (const listener of this.listeners.all()) this.listeners.send(listener, { event, data }, this.now());
  }

  private end(listener: Listener, reason: (typeof LIVE_ENDS)[number]): void {
    this.listeners.end(listener, reason);
  }

  /** The ends of indexes, and rows of which there are few: the cost does not grow with history. */
  private async read(): Promise<Marks> {
    const [marks] = await this.prisma.statements.query<Marks[]>`
      SELECT coalesce((SELECT max(id) FROM email_events), 0)::text AS messages,
        (SELECT coalesce(string_agg(concat_ws(' ', id, started_at, expanded, paused_at, cancelled_at, finished_at), ',' ORDER BY id), '')
          FROM broadcasts WHERE finished_at IS NULL OR finished_at > now() - interval '1 minute') AS broadcasts,
        (SELECT coalesce(string_agg(concat_ws(' ', id, position, finished_at), ',' ORDER BY id), '')
          FROM subscriber_imports WHERE finished_at IS NULL OR finished_at > now() - interval '1 minute') AS imports,
        coalesce((SELECT max(id) FROM webhook_attempts), 0)::text AS webhooks,
        coalesce((SELECT max(id) FROM audit_events), 0)::text AS record`;
    return marks!;
  }
}
