import { setTimeout as delay } from 'node:timers/promises';
import { type Release, Semaphore } from '../../core/semaphore.js';
import type { SmtpDial } from './smtp-dial.js';
import type { SmtpSession } from './smtp-session.js';
import type { Timeouts } from './timeouts.js';

/** Milliseconds within which several complaints of a server are one. */
const ONE_COMPLAINT_MS = 1_000;
/** Messages that must get through before one more connection is allowed again. */
const WIDEN_AFTER = 5;
/** Milliseconds without a complaint after which one more is allowed all the same. */
const WIDEN_EVERY_MS = 10_000;

/**
 * How many connections to one server ordinary mail may use at a time. Codes are not counted: they have connections of
 * their own, as many as this process delivers codes side by side, however narrow it gets for the rest. Times are
 * milliseconds of a monotonic clock.
 */
export class AdaptiveLimit {
  private readonly permits: Semaphore;
  private taken = 0;
  private changedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly most: number) {
    this.permits = new Semaphore(most);
  }

  get allowed(): number {
    return this.permits.size;
  }

  /** Waits while as many are in use as the server bears. */
  take(now: number): Promise<Release> {
    if (this.allowed < this.most && now - this.changedAt >= WIDEN_EVERY_MS) this.widen(now);
    return this.permits.acquire();
  }

  /** A message got through. */
  wentWell(now: number): void {
    if (this.allowed < this.most && ++this.taken % WIDEN_AFTER === 0) this.widen(now);
  }

  /**
   * The server wants less: a quarter fewer than are in use. One connection alone says nothing about their number, and
   * complaints of the same moment are about the same number.
   */
  narrow(now: number): void {
    const { inUse } = this.permits;
    if (inUse < 2 || now - this.changedAt < ONE_COMPLAINT_MS) return;
    this.permits.resize(Math.max(1, Math.floor(Math.min(this.allowed, inUse) * 0.75)));
    this.changedAt = now;
    this.taken = 0;
  }

  private widen(now: number): void {
    this.permits.resize(this.allowed + 1);
    this.changedAt = now;
  }
}

/** Milliseconds that a server has to answer RSET. */
const RESET_MS = 5_000;

/** A connection that carries a message. */
export interface Taken {
  session: SmtpSession;
  /** It was idle, or has carried a message before, and may be worn. */
  kept: boolean;
  /** Lets the next one in, where it counts among those of ordinary mail. */
  release: Release;
}

export interface Wanted {
  /** A new connection: a kept one has just failed. */
  fresh: boolean;
  /** A code: it has a connection of its own. */
  urgent: boolean;
}

interface Idle {
  session: SmtpSession;
  timer: NodeJS.Timeout;
}

/**
 * The connections to one server, kept open between messages. nodemailer's own pool hides which stage a connection was
 * lost in and reuses one that a server was half done with; retries are ours anyway.
 */
export class SmtpSessions {
  private readonly idle: Idle[] = [];
  private readonly ordinary: AdaptiveLimit;
  private proven = false;
  /** The opening that all share. */
  private first: Promise<void> | undefined;
  private refusedLogin: { error: unknown; until: number } | undefined;
  private closing = false;

  /** @param ordinary connections for mail other than codes */
  constructor(
    private readonly dial: SmtpDial,
    ordinary: number,
    private readonly timeouts: Timeouts,
  ) {
    this.ordinary = new AdaptiveLimit(ordinary);
  }

  /**
   * An idle connection, or a new one. Ordinary mail waits while as many are in use as the server bears. @throws like
   * SmtpDial.open
   */
  async take({ fresh, urgent }: Wanted): Promise<Taken> {
    const release = urgent ? () => undefined : await this.ordinary.take(performance.now());
    try {
      const idle = fresh ? undefined : this.takeIdle();
      const session = idle ?? (await this.open());
      return { session, kept: idle !== undefined || session.messages > 0, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The connection is as good as new. */
  give(taken: Taken): void {
    taken.release();
    this.ordinary.wentWell(performance.now());
    this.keep(taken.session);
  }

  /** After a refusal: asks the server to forget the envelope. */
  async reset(taken: Taken): Promise<void> {
    const { session } = taken;
    const timer = setTimeout(() => session.close(), RESET_MS);
    try {
      await session.reset();
    } catch {
      session.close(); // the next message gets another one
    } finally {
      clearTimeout(timer);
    }
    taken.release();
    this.keep(session);
  }

  drop({ session, release }: Taken): void {
    session.close();
    release();
  }

  /** The connection goes on waiting for the end of its message, and no other message waits for it. */
  park({ release }: Taken): void {
    release();
  }

  /** One that was idle is dead, and those that were idle beside it probably are. */
  dropIdle(): void {
    for (const { session, timer } of this.idle.splice(0)) {
      clearTimeout(timer);
      session.close();
    }
  }

  /** The server asked for less at a time. */
  slowDown(): void {
    this.ordinary.narrow(performance.now());
  }

  /** Idle connections at once, the others when their message is over. */
  close(): void {
    this.closing = true;
    for (const { session, timer } of this.idle.splice(0)) {
      clearTimeout(timer);
      session.quit();
    }
  }

  private keep(session: SmtpSession): void {
    if (!session.usable) return;
    if (this.closing) return session.quit();
    const entry: Idle = { session, timer: setTimeout(() => this.retire(entry), this.timeouts.idleMs).unref() };
    this.idle.push(entry);
  }

  private takeIdle(): SmtpSession | undefined {
    for (let entry = this.idle.pop(); entry; entry = this.idle.pop()) {
      clearTimeout(entry.timer);
      if (entry.session.usable) return entry.session;
    }
    return undefined;
  }

  /**
   * Until one connection has come through, only one is tried and all share its fate: twenty deliveries side by side
   * must not present a wrong password twenty times, which some servers punish.
   */
  private async open(): Promise<SmtpSession> {
    while (!this.proven && this.first) {
      await this.inTime(this.first);
      const opened = this.takeIdle();
      if (opened) return opened;
    }
    if (this.refusedLogin && performance.now() < this.refusedLogin.until) throw this.refusedLogin.error;
    const opening = this.dial.open();
    if (!this.proven) this.first = opening.then(() => undefined).finally(() => (this.first = undefined));
    this.first?.catch(() => undefined); // whoever opens it is told
    return this.waitFor(opening);
  }

  /**
   * A server that makes us wait gets the time it needs. The message does not wait for it, and a later one finds the
   * connection.
   */
  private async waitFor(opening: Promise<SmtpSession>): Promise<SmtpSession> {
    let opened: SmtpSession | undefined;
    let left = false;
    const keepIfLeft = (): void => {
      if (left && opened) this.keep(opened);
    };
    opening.then(
      (session) => {
        this.proven = true;
        opened = session;
        keepIfLeft();
      },
      (error: { code?: string }) => {
        this.proven = false;
        if (error.code === 'EAUTH')
          this.refusedLogin = { error, until: performance.now() + this.timeouts.loginAgainMs };
      },
    );
    try {
      await this.inTime(opening);
    } catch (error) {
      left = true;
      keepIfLeft();
      throw error;
    }
    return opening;
  }

  /** @throws what the opening throws, or that it takes too long */
  private async inTime(opening: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const late = delay(this.timeouts.openingMs, 'late', { signal: over.signal }).catch(() => 'over');
    try {
      if ((await Promise.race([opening, late])) === 'late') throw this.dial.tooSlow();
    } finally {
      over.abort();
    }
  }

  private retire(entry: Idle): void {
    const index = this.idle.indexOf(entry);
    if (index >= 0) this.idle.splice(index, 1);
    entry.session.quit();
  }
}
