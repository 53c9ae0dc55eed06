import type { SmtpPort, SmtpSettings } from '../../config/settings.js';
import { type Login, loginOf, SessionFailure, SmtpSession } from './smtp-session.js';
import type { Timeouts } from './timeouts.js';

/**
 * Opens connections to one server. Hosts that block SMTP drop its packets silently and mostly leave a port open, so each
 * port is tried, and the one that worked is tried first from then on. nodemailer prefers IPv4, which hosts route more often.
 */
export class SmtpDial {
  private order: readonly SmtpPort[];
  private readonly login: Login;
  /** Dialled last. */
  private latest: SmtpSession | undefined;

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
    const failures: unknown[] = [];
    for (const [index, port] of this.order.entries()) {
      try {
        const session = await this.openAt(port, index === this.order.length - 1);
        this.order = [port, ...this.settings.ports.filter((other) => other !== port)];
        return session;
      } catch (error) {
        if (!isOfThePort(error as { code?: string; responseCode?: number })) throw error;
        failures.push(error);
      }
    }
    throw failures[0];
  }

  /** What a message is told that waits no longer while a connection is being opened. */
  tooSlow(): SessionFailure {
    if (!this.latest?.connected) return new SessionFailure('ETIMEDOUT', 'no connection so far', 'CONNECT_TIMEOUT');
    if (!this.latest.greeted) return new SessionFailure('ETIMEDOUT', 'no greeting so far', 'GREETING_TIMEOUT');
    return new SessionFailure('ETIMEDOUT', 'no login so far', 'SETUP_TIMEOUT');
  }

  private openAt({ port, tls }: SmtpPort, last: boolean): Promise<SmtpSession> {
    const { connectMs, greetingMs, setupMs, nextPortMs, released } = this.timeouts;
    const connectWithin = last ? connectMs : Math.min(connectMs, nextPortMs);
    const greetWithin = last ? greetingMs : Math.min(greetingMs, nextPortMs);
    return SmtpSession.open({
      connection: {
        host: this.settings.host,
        port,
        name: this.settings.helo ?? this.helo,
        secure: tls === 'implicit',
        requireTLS: tls === 'starttls',
        ignoreTLS: tls === 'off',
        connectionTimeout: connectWithin + greetWithin,
        greetingTimeout: greetWithin,
        // The stages have their own; this one is for what they do not see.
        socketTimeout: released + setupMs,
      },
      login: this.login,
      opened: (session) => (this.latest = session),
      connectMs: connectWithin,
      setupMs: connectWithin + greetWithin + setupMs,
    });
  }
}

/** Another port may do better: nobody there, or no TLS that we trust. A name that does not resolve is the same for all. */
function isOfThePort({ code, responseCode }: { code?: string; responseCode?: number }): boolean {
  return responseCode === undefined && ['ETIMEDOUT', 'ECONNECTION', 'ESOCKET', 'ETLS'].includes(code ?? '');
}
