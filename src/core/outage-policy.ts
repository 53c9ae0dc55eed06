/** Milliseconds between two lines about an outage that goes on. */
const REMIND_EVERY_MS = 60_000;

/** What the log says of an outage; `reason` in plain words. */
export type OutageLine =
  | { kind: 'began'; reason: string }
  | { kind: 'goes_on'; reason: string; forMs: number; leftOut: number }
  | { kind: 'over'; forMs: number; leftOut: number };

/**
 * When the log speaks of something that is away: once, then each minute, and once when it is back. All times are
 * milliseconds of one monotonic clock.
 */
export class OutagePolicy {
  private beganAt: number | undefined;
  private toldAt = 0;
  private worksSince: number | undefined;
  private leftOut = 0;

  /**
   * @param settleMs for which it has to work before it counts as back, so that one that comes and goes is one outage
   */
  constructor(
    private readonly settleMs = 0,
    private readonly remindEveryMs = REMIND_EVERY_MS,
  ) {}

  get away(): boolean {
    return this.beganAt !== undefined;
  }

  /** A line that tells no more than that it is away is left out of the log. */
  leaveOut(): void {
    this.leftOut++;
  }

  failed(now: number, reason: string): OutageLine | undefined {
    this.worksSince = undefined;
    if (this.beganAt === undefined) {
      this.beganAt = this.toldAt = now;
      return { kind: 'began', reason };
    }
    if (now - this.toldAt < this.remindEveryMs) return undefined;
    this.toldAt = now;
    return { kind: 'goes_on', reason, forMs: now - this.beganAt, leftOut: this.leftOut };
  }

  worked(now: number): OutageLine | undefined {
    if (this.beganAt === undefined) return undefined;
    this.worksSince ??= now;
    if (now - this.worksSince < this.settleMs) return undefined;
    const line: OutageLine = { kind: 'over', forMs: this.worksSince - this.beganAt, leftOut: this.leftOut };
    this.beganAt = this.worksSince = undefined;
    this.leftOut = 0;
    return line;
  }
}

/** Such as "35 seconds", "2 minutes" or "5 hours": rounded, one second at least. @param ms milliseconds */
export function lasted(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1_000));
  if (seconds < 100) return count(seconds, 'second');
  return seconds < 100 * 60 ? count(Math.round(seconds / 60), 'minute') : count(Math.round(seconds / 3_600), 'hour');
}

function count(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

/** What the codes of sockets and of looking up names mean (errno(3), getaddrinfo(3)). */
const WORDS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no way to its host',
  ENETUNREACH: 'no way to its network',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of its host cannot be looked up at the moment',
};

/** Such as `connection refused (ECONNREFUSED)`; undefined: the code is none of the network. */
export function networkWords(code: string): string | undefined {
  const words = WORDS[code];
  return words && `${words} (${code})`;
}

/** Host and port of a server's URL, for the log: never credentials, nor what else stands in it. */
export function placeOf(url: string, defaultPort: number): string {
  try {
    const { hostname, port, searchParams } = new URL(url);
    const host = searchParams.get('host') ?? decodeURIComponent(hostname);
    return host.startsWith('/') ? host : `${host || 'localhost'}:${port || defaultPort}`;
  } catch {
    return 'its address';
  }
}
