import { SessionFailure, type SmtpSession } from '../mail/transport/smtp-session.js';
import { abortCode, DialError } from './network.js';

/** How long a probe waits, in milliseconds. */
export interface ProbeTimes {
  /** For a connection, and again for TLS from the first byte. */
  connectMs: number;
  /** Without a greeting, after which the server is a slow one, or wants something else. */
  quietMs: number;
  /** For the greeting, as deliveries do. */
  greetingMs: number;
  /** From the greeting to the end of the login, as deliveries do at least. */
  setupMs: number;
}

export interface Patience {
  times: ProbeTimes;
  /** Another port decides what becomes of mail: no longer than `quietMs` is waited for a greeting. */
  enough: AbortSignal;
  /** Told when the greeting takes long. Returns what is told when that is over. */
  waiting: () => () => void;
}

/** Sees to it that a probe waits as long as a delivery does, and not for what will not come. */
export class GreetingWatch {
  /** It did not greet, and speaks TLS from the first byte. */
  wantsTls = false;
  /** It may still greet. */
  private greets = true;
  private shown: (() => void) | undefined;
  private timer: NodeJS.Timeout;

  /** @param asksForTls whether the port speaks TLS from the first byte; never rejects. @param signal ends the probe */
  constructor(
    private readonly session: SmtpSession,
    private readonly patience: Patience,
    private readonly asksForTls: () => Promise<boolean>,
    private readonly signal: AbortSignal,
  ) {
    this.timer = setTimeout(() => void this.quiet(), patience.times.quietMs);
    signal.addEventListener('abort', this.giveUp);
  }

  greeted(): void {
    this.noLonger();
    const late = new SessionFailure('ETIMEDOUT', 'no login in time', 'SETUP_TIMEOUT');
    this.timer = setTimeout(() => this.session.abort(late), this.patience.times.setupMs);
  }

  end(): void {
    this.noLonger();
    this.signal.removeEventListener('abort', this.giveUp);
  }

  private async quiet(): Promise<void> {
    const { enough, waiting } = this.patience;
    if (enough.aborted) return this.leave();
    enough.addEventListener('abort', this.leave);
    this.shown = waiting();
    this.wantsTls = (await this.asksForTls()) && this.greets;
    if (this.wantsTls) this.leave();
  }

  private noLonger(): void {
    clearTimeout(this.timer);
    this.greets = false;
    this.patience.enough.removeEventListener('abort', this.leave);
    this.shown?.();
    this.shown = undefined;
  }

  private readonly leave = (): void =>
    this.session.abort(new SessionFailure('ETIMEDOUT', 'no greeting so far', 'GREETING_TIMEOUT'));

  private readonly giveUp = (): void => this.session.abort(new DialError(abortCode(this.signal)));
}
