import { setTimeout as delay } from 'node:timers/promises';
import type { SmtpPort, SmtpSettings } from '../../config/settings.js';
import type { SmtpError } from './smtp-reply.js';
import { encryptionOf, type Login, loginOf, SessionFailure, SmtpSession } from './smtp-session.js';
import type { Timeouts } from './timeouts.js';

/**
 * Opens connections to one server. Hosts that block SMTP drop its packets silently and mostly leave a port open, so
 * each port is tried, and the one that worked is tried first from then on. nodemailer prefers IPv4, which hosts route
 * more often.
 */
export class SmtpDial {
  private order: readonly SmtpPort[];
  private readonly login: Login;
  private readonly underWay = new Set<SmtpSession>();

  /** @param helo the name in EHLO where the settings have none */
  constructor(
    private readonly settings: SmtpSettings,
    private readonly timeouts: Timeouts,
    private readonly helo: string,
  ) {
    this.order = settings.ports;
    this.login = loginOf(settings);
  }

  /** @throws what the first port said when none works, or the first one where a server answered and refused us */
  async open(): Promise<SmtpSession> {
    const opening = new Opening(this.order, this.timeouts, (port, last, ways) => this.openAt(port, last, ways));
    const { port, session } = await opening.result();
    this.order = [port, ...this.settings.ports.filter((other) => other !== port)];
    return session;
  }

  /** What a message is told that waits no longer while a connection is being opened: how far the furthest port is. */
  tooSlow(): SessionFailure {
    const sessions = [...this.underWay];
    if (sessions.some(({ greeted }) => greeted))
      return new SessionFailure('ETIMEDOUT', 'no login so far', 'SETUP_TIMEOUT');
    if (sessions.some(({ connected }) => connected))
      return new SessionFailure('ETIMEDOUT', 'no greeting so far', 'GREETING_TIMEOUT');
    return new SessionFailure('ETIMEDOUT', 'no connection so far', 'CONNECT_TIMEOUT');
  }

  private async openAt({ port, tls }: SmtpPort, last: boolean, { opened, loggingIn }: Told): Promise<SmtpSession> {
    const { connectMs, greetingMs, setupMs, nextPortMs, released } = this.timeouts;
    const connectWithin = last ? connectMs : Math.min(connectMs, nextPortMs);
    let dialled: SmtpSession | undefined;
    try {
      return await SmtpSession.open({
        connection: {
          host: this.settings.host,
          port,
          name: this.settings.helo ?? this.helo,
          ...encryptionOf(tls),
          connectionTimeout: connectWithin + greetingMs,
          greetingTimeout: greetingMs,
          // The stages have their own; this one is for what they do not see.
          socketTimeout: released + setupMs,
        },
        login: this.login,
        opened: (session) => {
          dialled = session;
          this.underWay.add(session);
          opened(session);
        },
        loggingIn,
        connectMs: connectWithin,
        setupMs: connectWithin + greetingMs + setupMs,
      });
    } finally {
      if (dialled) this.underWay.delete(dialled);
    }
  }
}

/** What is told of a port that is dialled. */
interface Told {
  opened: (session: SmtpSession) => void;
  loggingIn: () => void;
}

/** A port that is dialled and has not failed. */
interface Attempt {
  session?: SmtpSession;
  loggingIn: boolean;
  /** Never rejects. */
  over: Promise<void>;
}

interface Opened {
  port: SmtpPort;
  session: SmtpSession;
}

/**
 * The ports of one server on their way to one connection: the first that is open is it. One that takes long goes on
 * while the next ones are tried, for a server that is slow may be the only one that can be reached. A login is waited
 * for, lest a wrong password be shown to every port.
 */
class Opening {
  private readonly attempts = new Map<SmtpPort, Attempt>();
  private readonly failures = new Map<SmtpPort, unknown>();
  private readonly ended = new AbortController();
  private readonly decided: Promise<Opened>;
  private succeed!: (opened: Opened) => void;
  private refuse!: (error: unknown) => void;

  /** @param dial throws what nodemailer does, or SessionFailure */
  constructor(
    private readonly ports: readonly SmtpPort[],
    private readonly timeouts: Timeouts,
    private readonly dial: (port: SmtpPort, last: boolean, told: Told) => Promise<SmtpSession>,
  ) {
    this.decided = new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.refuse = reject;
    });
  }

  /** @throws see SmtpDial.open */
  async result(): Promise<Opened> {
    let won: SmtpSession | undefined;
    try {
      const opened = await Promise.race([this.decided, this.tryAll()]);
      won = opened.session;
      return opened;
    } finally {
      this.ended.abort();
      for (const { session } of this.attempts.values()) if (session !== won) session?.close();
    }
  }

  /** Those that failed have another try from time to time while one that is slow is waited for. */
  private async tryAll(): Promise<never> {
    do {
      const left = this.ports.filter((port) => !this.attempts.has(port));
      for (const port of left) await this.try(port, port === left.at(-1));
      const all = Promise.all([...this.attempts.values()].map(({ over }) => over));
      await Promise.race([all, this.pause(this.timeouts.reachAgainMs)]);
    } while (this.attempts.size > 0);
    throw this.failures.get(this.ports[0]!);
  }

  /** Until it has failed, or the next one is to be tried beside it. */
  private async try(port: SmtpPort, last: boolean): Promise<void> {
    this.ended.signal.throwIfAborted();
    const attempt: Attempt = { loggingIn: false, over: Promise.resolve() };
    this.attempts.set(port, attempt);
    const told: Told = {
      opened: (session) => (attempt.session = session),
      loggingIn: () => (attempt.loggingIn = true),
    };
    attempt.over = this.dial(port, last, told).then(
      (session) => {
        this.succeed({ port, session });
        this.ended.abort();
      },
      (error: unknown) => {
        this.attempts.delete(port);
        this.failures.set(port, error);
        if (isOfThePort(error as SmtpError)) return;
        this.refuse(error);
        this.ended.abort();
      },
    );
    await Promise.race([attempt.over, this.pause(this.timeouts.nextPortMs)]);
    if (attempt.loggingIn) await attempt.over;
  }

  /** @throws AbortError when the opening has ended */
  private pause(ms: number): Promise<void> {
    return delay(ms, undefined, { signal: this.ended.signal });
  }
}

/**
 * Whether another port may do better where this one failed: nobody is there, or another program, or there is no TLS
 * that we trust, which wants EHLO. A name that does not resolve is the same for all.
 */
export function isOfThePort({ code = '', command, responseCode }: SmtpError): boolean {
  if (code === 'ETLS' || (code === 'EPROTOCOL' && command === 'CONN' && !isRefusal(responseCode))) return true;
  if (command === 'EHLO' && (responseCode === 500 || responseCode === 502)) return true;
  return responseCode === undefined && ['ETIMEDOUT', 'ECONNECTION', 'ESOCKET'].includes(code);
}

/** A greeting with another code, or with none, is no word of a mail server. */
export function isRefusal(responseCode = 0): boolean {
  return responseCode >= 400;
}
