import type { SmtpDial } from './smtp-dial.js';
import type { SmtpSession } from './smtp-session.js';

/** Milliseconds; below the five minutes for which servers wait at least (RFC 5321 §4.5.3.2.7), so that we close first. */
const IDLE_MS = 4 * 60_000;
/** Milliseconds that a server has to answer RSET. */
const RESET_MS = 5_000;
/** Messages that must get through before one more connection is allowed again. */
const WIDEN_AFTER = 20;

/**
 * The connections to one server, kept open between messages. nodemailer's own pool hides which stage a connection was
 * lost in and reuses one that a server was half done with; retries are ours anyway.
 */
export class SmtpSessions {
  private readonly idle: { session: SmtpSession; timer: NodeJS.Timeout }[] = [];
  private readonly waiting: (() => void)[] = [];
  private inUse = 0;
  private limit: number;
  private taken = 0;
  private proven = false;
  private first: Promise<SmtpSession> | undefined;
  private closing = false;

  constructor(
    private readonly dial: SmtpDial,
    private readonly most: number,
  ) {
    this.limit = most;
  }

  /** An idle connection, or a new one. Waits while as many are in use as the server bears. @throws like SmtpDial.open */
  async take(fresh: boolean): Promise<SmtpSession> {
    await this.aPlace();
    try {
      return (fresh ? undefined : this.takeIdle()) ?? (await this.open());
    } catch (error) {
      this.leavePlace();
      throw error;
    }
  }

  /** The session is as good as new. */
  give(session: SmtpSession): void {
    this.leavePlace();
    if (!session.usable) return;
    if (this.closing) return session.quit();
    const entry = { session, timer: setTimeout(() => this.retire(entry), IDLE_MS).unref() };
    this.idle.push(entry);
    if (this.limit < this.most && ++this.taken % WIDEN_AFTER === 0) {
      this.limit++;
      this.waiting.shift()?.();
    }
  }

  /** After a refusal: asks the server to forget the envelope. */
  async reset(session: SmtpSession): Promise<void> {
    const timer = setTimeout(() => session.close(), RESET_MS);
    try {
      await session.reset();
    } catch {
      session.close(); // the next message gets another one
    } finally {
      clearTimeout(timer);
    }
    this.give(session);
  }

  drop(session: SmtpSession): void {
    session.close();
    this.leavePlace();
  }

  /** Half as many at a time as now; one more again for every so many that get through. */
  slowDown(): void {
    this.limit = Math.max(1, Math.floor(Math.min(this.limit, Math.max(this.inUse, 1)) / 2));
    this.taken = 0;
  }

  /** Idle connections at once, the others when their message is over. */
  close(): void {
    this.closing = true;
    for (const { session, timer } of this.idle.splice(0)) {
      clearTimeout(timer);
      session.quit();
    }
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
    while (!this.proven) {
      if (this.first) {
        await this.first;
        continue;
      }
      this.first = this.dial.open();
      try {
        const session = await this.first;
        this.proven = true;
        return session;
      } finally {
        this.first = undefined;
      }
    }
    try {
      return await this.dial.open();
    } catch (error) {
      this.proven = false;
      throw error;
    }
  }

  private retire(entry: { session: SmtpSession }): void {
    const index = this.idle.findIndex((other) => other === entry);
    if (index >= 0) this.idle.splice(index, 1);
    entry.session.quit();
  }

  private async aPlace(): Promise<void> {
    while (this.inUse >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.inUse++;
  }

  private leavePlace(): void {
    this.inUse--;
    this.waiting.shift()?.();
  }
}
