import { isLoopback } from '../config/hosts.js';
import type { Check } from './check.js';
import type { Certificate, SmtpFailure, SmtpFinding } from './smtp-probe.js';

/** Days before its end that a certificate is worth a warning; Let's Encrypt renews 30 days before. */
const EXPIRES_SOON_DAYS = 14;
const DAY_MS = 86_400_000;
/** Ports that hosts block to keep spam in; 2525 is the one that they forget. */
const BLOCKED_PORTS = [25, 465, 587];

export interface SmtpContext {
  host: string;
  /** MAIL_TRANSPORTS has a user for it. */
  hasLogin: boolean;
  /** The port is among those that the transport tries. */
  configured: boolean;
  /** Another configured port of the transport works. */
  otherWorks: boolean;
  /** Ports that are not configured, and answer from here. */
  alternatives: readonly number[];
  now: Date;
}

type Verdict = Pick<Check, 'summary' | 'remedy'>;

/** What a probe of one port means, in plain words. */
export function smtpVerdict(finding: SmtpFinding, context: SmtpContext): Check {
  const { host, configured, otherWorks } = context;
  const shown = host.includes(':') ? `[${host}]` : host;
  const base = { area: 'smtp' as const, name: `${shown}:${finding.port}`, ms: finding.ms, details: detailsOf(finding, configured) };
  if (!configured) return { ...base, status: 'skip', summary: `not configured; ${finding.failure ? 'does not work from here' : 'answers from here'}` };
  if (!finding.failure) return { ...base, ...workingVerdict(finding, context) };
  const verdict = failureVerdict(finding, finding.failure, context);
  const passing = otherWorks && finding.failure.stage !== 'login';
  return { ...base, status: passing ? 'warn' : 'fail', ...verdict, ...(passing ? { remedy: 'Nothing has to be done: mail goes out by another port of this server. Remove this one from SMTP_PORTS to save the time.' } : {}) };
}

/** One that can be reached and gets as far as it was to. */
function workingVerdict({ certificate, tls, offersLogin }: SmtpFinding, { hasLogin, now }: SmtpContext): Pick<Check, 'status'> & Verdict {
  const daysLeft = certificate && Math.floor((Date.parse(certificate.validTo) - now.getTime()) / DAY_MS);
  if (hasLogin && !offersLogin) {
    return {
      status: 'warn',
      summary: 'answers, but offers no login: mail goes out without the user and the password of MAIL_TRANSPORTS',
      remedy: tls === 'off' ? 'Most servers offer a login with TLS only; add ?tls=on.' : 'Ask whoever runs the server, or remove the user and the password.',
    };
  }
  const words = ['answers', ...(certificate ? [`certificate good for ${daysLeft} days`] : tls === 'off' ? ['plain text'] : []), ...(hasLogin ? ['login accepted'] : ['no login configured'])];
  if (daysLeft !== undefined && daysLeft < EXPIRES_SOON_DAYS) {
    return { status: 'warn', summary: words.join(', '), remedy: 'Whoever runs the server has to renew its certificate; afterwards no mail goes this way.' };
  }
  return { status: 'ok', summary: words.join(', ') };
}

function failureVerdict(finding: SmtpFinding, failure: SmtpFailure, context: SmtpContext): Verdict {
  switch (failure.stage) {
    case 'dns':
      return dnsVerdict(failure.code, context.host);
    case 'connect':
      return connectVerdict(finding.port, failure.code, context);
    case 'tls':
      return tlsVerdict(finding, failure, context);
    case 'greeting':
      return greetingVerdict(finding, failure, context);
    case 'ehlo':
      return {
        summary: failure.reply ? `greets, then refuses this host: ${failure.reply}` : `greets, then says nothing more (${failure.code})`,
        remedy: 'Ask whoever runs the server; a firewall that looks into SMTP does this too.',
      };
    case 'starttls':
      return failure.reply
        ? {
            summary: `offers no STARTTLS (${failure.reply}), and mail is never sent in plain text instead`,
            remedy: 'Use a port with TLS from the first byte, such as smtps:// on 465; for a relay in your own network that needs no login, ?tls=off.',
          }
        : tlsVerdict(finding, failure, context);
    case 'login':
      return loginVerdict(failure, context.host);
  }
}

function dnsVerdict(code: string, host: string): Verdict {
  if (code === 'ENOTFOUND') return { summary: `there is no host ${host} in DNS`, remedy: 'Correct the host in MAIL_TRANSPORTS.' };
  return { summary: `no name server tells the address of ${host} (${code})`, remedy: 'Look at the DNS of this host: /etc/resolv.conf, and whether port 53 is open. Other names do not resolve either then.' };
}

function connectVerdict(port: number, code: string, { host, alternatives }: SmtpContext): Verdict {
  const other = alternatives[0];
  switch (code) {
    case 'ETIMEDOUT':
      return {
        summary: `${port} hangs: this host probably blocks SMTP; Render's free web services and Railway below Pro do, DigitalOcean and Hetzner too`,
        remedy: `${other === undefined ? wayRound(port) : `Use port ${other}, which answers from here: MAIL_TRANSPORTS=smtp://…@${host}:${other}`}, or an HTTP provider such as resend:, which no host blocks.`,
      };
    case 'ECONNREFUSED':
      return {
        summary: `${port} is refused: nothing listens there, or a firewall says no`,
        remedy: other === undefined ? `Correct the host and the port in MAIL_TRANSPORTS${isLoopback(host) ? '; in a container, localhost is the container itself' : ''}.` : `Use port ${other}, which answers from here.`,
      };
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return { summary: `there is no route to ${host} from here (${code})`, remedy: 'A server with an IPv6 address only needs a host with IPv6; Railway has it off by default. Otherwise look at the network of this host.' };
    default:
      return { summary: `no connection to port ${port} (${code})`, remedy: 'Something on the way ends connections: ask the host whether it filters SMTP, or use an HTTP provider.' };
  }
}

function wayRound(port: number): string {
  return BLOCKED_PORTS.includes(port) ? 'Use port 2525 where the server has it' : 'Ask the host to open the port';
}

function greetingVerdict({ port, tls }: SmtpFinding, { code, reply, responseCode }: SmtpFailure, context: SmtpContext): Verdict {
  if (reply !== undefined) {
    const lasting = (responseCode ?? 0) >= 500;
    return {
      summary: `turns this host away${lasting ? '' : ' for now'}: ${reply}`,
      remedy: lasting ? "The address of this host is on the server's list of those it does not want. Ask the server, or use another one." : 'It may pass by itself; the transport has a break and tries again.',
    };
  }
  if (code === 'ETIMEDOUT' && tls !== 'implicit') {
    return {
      summary: `${port} connects, and says nothing: it wants TLS from the first byte, or something in between swallows SMTP`,
      remedy: port === 465 ? `Write smtps://…@${context.host}.` : `If the port is one for TLS, write smtps://…@${context.host}:${port}. Otherwise this host filters SMTP: use port 2525 or an HTTP provider.`,
    };
  }
  if (code === 'ETIMEDOUT') return { summary: `${port} connects, and does not greet`, remedy: 'The server is overloaded, or makes unknown hosts wait. Try again; then ask whoever runs it.' };
  return { summary: `${port} connects, and hangs up before it greets (${code})`, remedy: 'The server, or something in between, does not want this host. Ask the server, or use an HTTP provider.' };
}

const CERTIFICATES: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'comes from an authority that nobody knows here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'comes without the certificate of its authority',
  UNABLE_TO_GET_ISSUER_CERT: 'comes without the certificate of its authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'comes from an authority that nobody knows here',
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is made out to another name',
};

function tlsVerdict({ port, tls, certificate }: SmtpFinding, { code }: SmtpFailure, { host }: SmtpContext): Verdict {
  const wrong = CERTIFICATES[code];
  if (wrong !== undefined) {
    const summary = `its certificate ${wrong} (${code}${certificate ? `, for ${certificate.subject}` : ''}), and TLS is never done without`;
    if (code === 'CERT_HAS_EXPIRED') return { summary, remedy: 'Whoever runs the server has to renew it. Compare the clock of this host, too.' };
    if (code === 'CERT_NOT_YET_VALID') return { summary, remedy: 'The clock of this host is probably slow.' };
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { summary, remedy: `Use the name that the certificate is made out to in place of ${host}.` };
    return { summary, remedy: 'Give the server a certificate of a public authority, or make its own one known: NODE_EXTRA_CA_CERTS=/path/to/ca.pem.' };
  }
  if (tls === 'implicit' && (code === 'EPROTO' || /WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code))) {
    return { summary: `${port} speaks plain SMTP first, not TLS`, remedy: `Write smtp://…@${host}:${port}: it goes on to TLS by STARTTLS.` };
  }
  if (code === 'ETIMEDOUT') return { summary: `${port} connects, and TLS hangs`, remedy: 'Something in between swallows TLS, or the port speaks plain SMTP first: then write smtp:// in place of smtps://.' };
  return { summary: `TLS fails on ${port} (${code})`, remedy: 'Ask whoever runs the server which TLS it speaks; below 1.2 nothing is sent.' };
}

function loginVerdict({ code, reply, responseCode }: SmtpFailure, host: string): Verdict {
  if (code === 'ECONNECTION' && reply === undefined) {
    return { summary: 'the address that exchanges OAuth2 refresh tokens gave none', remedy: 'Look whether oauth_token_url can be reached from here.' };
  }
  if (code === 'ETIMEDOUT') return { summary: 'the login hangs', remedy: 'The server makes clients wait, often after wrong passwords. Try again in some minutes.' };
  if (reply === undefined) return { summary: `the login fails (${code}): a refresh token that was refused, or a connection that ended`, remedy: 'Make a new refresh token, or correct the user and the password in MAIL_TRANSPORTS.' };
  if (responseCode !== undefined && responseCode < 500) return { summary: `the login is refused for now: ${reply}`, remedy: 'It may pass by itself; the transport has a break and tries again.' };
  return { summary: `the login is refused: ${reply}`, remedy: loginRemedy(host, reply) };
}

function loginRemedy(host: string, reply: string): string {
  if (/(^|\.)(gmail|google|googlemail)\.com$/i.test(host)) {
    return 'Gmail takes no password of an account here: turn on 2-step verification, make an app password at https://myaccount.google.com/apppasswords, and write its 16 letters without blanks into MAIL_TRANSPORTS. Or use OAuth2.';
  }
  if (/(^|\.)(office365|outlook)\.com$/i.test(host) || /5\.7\.139/.test(reply)) {
    return 'Microsoft has turned logins by password off for most: allow "Authenticated SMTP" for this mailbox, or use OAuth2.';
  }
  if (/(^|\.)sendgrid\.net$/i.test(host)) return 'With SendGrid the user is the word apikey, and the password the API key.';
  return 'Correct the user and the password in MAIL_TRANSPORTS (special characters percent-encoded); many providers want an app password or an API key here.';
}

function detailsOf({ port, tls, stages, addresses, greeting, certificate, offersLogin, failure }: SmtpFinding, configured: boolean): Record<string, unknown> {
  return { port, tls, configured, stages, addresses, ...(greeting ? { greeting } : {}), ...(certificate ? { certificate: told(certificate) } : {}), offersLogin, ...(failure ? { failure } : {}) };
}

function told({ subject, issuer, validTo }: Certificate): Certificate {
  return { subject, issuer, validTo };
}
