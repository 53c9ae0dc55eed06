import type { SmtpPort, SmtpSettings } from '../../config/settings.js';
import type { Patience } from './patience.js';
import { type Login, loginOf } from './smtp-login.js';
import { SmtpSession } from './smtp-session.js';

/**
 * Opens connections to one server. Hosts that block SMTP drop its packets silently and mostly leave a port open, so each
 * port is tried, and the one that worked is tried first from then on. nodemailer prefers IPv4, which hosts route more often.
 */
export class SmtpDial {
  private order: readonly SmtpPort[];
  private readonly login: Login;

  constructor(
    private readonly settings: SmtpSettings,
    private readonly patience: Patience,
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

  private openAt({ port, tls }: SmtpPort, last: boolean): Promise<SmtpSession> {
    const { connectMs, greetingMs, setupMs, nextPortMs, released } = this.patience;
    return SmtpSession.open({
      connection: {
        host: this.settings.host,
        port,
        secure: tls === 'implicit',
        requireTLS: tls === 'starttls',
        ignoreTLS: tls === 'off',
        connectionTimeout: last ? connectMs : Math.min(connectMs, nextPortMs),
        greetingTimeout: last ? greetingMs : Math.min(greetingMs, nextPortMs),
        // The stages have their own; this one is for what they do not see.
        socketTimeout: released + setupMs,
      },
      login: this.login,
      setupMs,
    });
  }
}

/** Another port may do better: nobody there, or no TLS that we trust. A name that does not resolve is the same for all. */
function isOfThePort({ code, responseCode }: { code?: string; responseCode?: number }): boolean {
  return responseCode === undefined && ['ETIMEDOUT', 'ECONNECTION', 'ESOCKET', 'ETLS'].includes(code ?? '');
}
