import { isLoopback } from '../config/values.js';
import { PROVIDERS } from '../mail/providers/providers.js';
import { type Check, fail, ok, skip, type Verdict, warn } from './report.js';
import type { Certificate, ProbeFailure, SmtpFinding } from './smtp-probe.js';

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

/** What a probe of one port means, in plain words. */
export function smtpVerdict(finding: SmtpFinding, context: SmtpContext): Check {
  const { host, configured, otherWorks } = context;
  const shown = host.includes(':') ? `[${host}]` : host;
  const base = {
    area: 'smtp' as const,
    name: `${shown}:${finding.port}`,
    ms: finding.ms,
    details: detailsOf(finding, configured),
  };
  if (!configured)
    return { ...base, ...skip(`not configured; ${finding.failure ? 'does not work from here' : 'answers from here'}`) };
  if (!finding.failure) return { ...base, ...workingVerdict(finding, context) };
  const verdict = failureVerdict(finding, finding.failure, context);
  if (!otherWorks || finding.failure.stage === 'login') return { ...base, ...verdict };
  const remedy =
    'Nothing has to be done: mail goes out by another port of this server. Remove this one from SMTP_PORTS to save the time.';
  return { ...base, ...warn(verdict.summary, remedy) };
}

/** One that can be reached and gets as far as it was to. */
function workingVerdict({ certificate, tls, offersLogin }: SmtpFinding, { hasLogin, now }: SmtpContext): Verdict {
  const daysLeft = certificate && Math.floor((Date.parse(certificate.validTo) - now.getTime()) / DAY_MS);
  if (hasLogin && !offersLogin) {
    return warn(
      'answers, but offers no login: mail goes out without the user and the password of MAIL_TRANSPORTS',
      tls === 'off'
        ? 'Most servers offer a login with TLS only; add ?tls=on.'
        : 'Ask whoever runs the server, or remove the user and the password.',
    );
  }
  const words = [
    'answers',
    ...(certificate ? [`certificate good for ${daysLeft} days`] : tls === 'off' ? ['plain text'] : []),
    ...(hasLogin ? ['login accepted'] : ['no login configured']),
  ];
  if (daysLeft !== undefined && daysLeft < EXPIRES_SOON_DAYS) {
    return warn(
      words.join(', '),
      'Whoever runs the server has to renew its certificate; afterwards no mail goes this way.',
    );
  }
  return ok(words.join(', '));
}

function failureVerdict(finding: SmtpFinding, failure: ProbeFailure, context: SmtpContext): Verdict {
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
      return fail(
        failure.reply
          ? `greets, then refuses this host: ${failure.reply}`
          : `greets, then says nothing more (${failure.code})`,
        'Ask whoever runs the server; a firewall that looks into SMTP does this too.',
      );
    case 'starttls':
      return failure.reply
        ? fail(
            `offers no STARTTLS (${failure.reply}), and mail is never sent in plain text instead`,
            'Use a port with TLS from the first byte, such as smtps:// on 465; for a relay in your own network that needs no login, ?tls=off.',
          )
        : tlsVerdict(finding, failure, context);
    case 'login':
      return loginVerdict(failure, context.host);
  }
}

function dnsVerdict(code: string, host: string): Verdict {
  if (code === 'ENOTFOUND') return fail(`there is no host ${host} in DNS`, 'Correct the host in MAIL_TRANSPORTS.');
  return fail(
    `no name server tells the address of ${host} (${code})`,
    'Look at the DNS of this host: /etc/resolv.conf, and whether port 53 is open. Other names do not resolve either then.',
  );
}

function connectVerdict(port: number, code: string, { host, alternatives }: SmtpContext): Verdict {
  const other = alternatives[0];
  switch (code) {
    case 'ETIMEDOUT':
      return fail(
        `${port} hangs: this host probably blocks SMTP; Render's free web services and Railway below Pro do, DigitalOcean and Hetzner too`,
        `${other === undefined ? wayRound(port) : `Use port ${other}, which answers from here: MAIL_TRANSPORTS=smtp://…@${host}:${other}`}, or an HTTP provider (docs/transports.md), which no host blocks.`,
      );
    case 'ECONNREFUSED':
      return fail(
        `${port} is refused: nothing listens there, or a firewall says no`,
        other === undefined
          ? `Correct the host and the port in MAIL_TRANSPORTS${isLoopback(host) ? '; in a container, localhost is the container itself' : ''}.`
          : `Use port ${other}, which answers from here.`,
      );
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return fail(
        `there is no route to ${host} from here (${code})`,
        'A server with an IPv6 address only needs a host with IPv6; Railway has it off by default. Otherwise look at the network of this host.',
      );
    default:
      return fail(
        `no connection to port ${port} (${code})`,
        'Something on the way ends connections: ask the host whether it filters SMTP, or use an HTTP provider.',
      );
  }
}

function wayRound(port: number): string {
  return BLOCKED_PORTS.includes(port) ? 'Use port 2525 where the server has it' : 'Ask the host to open the port';
}

function greetingVerdict(
  { port, tls }: SmtpFinding,
  { code, reply, responseCode }: ProbeFailure,
  context: SmtpContext,
): Verdict {
  if (reply !== undefined) {
    const lasting = (responseCode ?? 0) >= 500;
    return fail(
      `turns this host away${lasting ? '' : ' for now'}: ${reply}`,
      lasting
        ? "The address of this host is on the server's list of those it does not want. Ask the server, or use another one."
        : 'It may pass by itself; the transport has a break and tries again.',
    );
  }
  if (code === 'ETIMEDOUT' && tls !== 'implicit') {
    return fail(
      `${port} connects, and says nothing: it wants TLS from the first byte, or something in between swallows SMTP`,
      port === 465
        ? `Write smtps://…@${context.host}.`
        : `If the port is one for TLS, write smtps://…@${context.host}:${port}. Otherwise this host filters SMTP: use port 2525 or an HTTP provider.`,
    );
  }
  if (code === 'ETIMEDOUT')
    return fail(
      `${port} connects, and does not greet`,
      'The server is overloaded, or makes unknown hosts wait. Try again; then ask whoever runs it.',
    );
  return fail(
    `${port} connects, and hangs up before it greets (${code})`,
    'The server, or something in between, does not want this host. Ask the server, or use an HTTP provider.',
  );
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

function tlsVerdict({ port, tls, certificate }: SmtpFinding, { code }: ProbeFailure, { host }: SmtpContext): Verdict {
  const wrong = CERTIFICATES[code];
  if (wrong !== undefined) {
    const summary = `its certificate ${wrong} (${code}${certificate ? `, for ${certificate.subject}` : ''}), and TLS is never done without`;
    if (code === 'CERT_HAS_EXPIRED')
      return fail(summary, 'Whoever runs the server has to renew it. Compare the clock of this host, too.');
    if (code === 'CERT_NOT_YET_VALID') return fail(summary, 'The clock of this host is probably slow.');
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
      return fail(summary, `Use the name that the certificate is made out to in place of ${host}.`);
    return fail(
      summary,
      'Give the server a certificate of a public authority, or make its own one known: NODE_EXTRA_CA_CERTS=/path/to/ca.pem.',
    );
  }
  if (tls === 'implicit' && (code === 'EPROTO' || /WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code))) {
    return fail(
      `${port} speaks plain SMTP first, not TLS`,
      `Write smtp://…@${host}:${port}: it goes on to TLS by STARTTLS.`,
    );
  }
  if (code === 'ETIMEDOUT')
    return fail(
      `${port} connects, and TLS hangs`,
      'Something in between swallows TLS, or the port speaks plain SMTP first: then write smtp:// in place of smtps://.',
    );
  return fail(
    `TLS fails on ${port} (${code})`,
    'Ask whoever runs the server which TLS it speaks; below 1.2 nothing is sent.',
  );
}

function loginVerdict({ code, reply, responseCode }: ProbeFailure, host: string): Verdict {
  if (code === 'ECONNECTION' && reply === undefined) {
    return fail(
      'the address that exchanges OAuth2 refresh tokens gave none',
      'Look whether oauth_token_url can be reached from here.',
    );
  }
  if (code === 'ETIMEDOUT')
    return fail(
      'the login hangs',
      'The server makes clients wait, often after wrong passwords. Try again in some minutes.',
    );
  if (reply === undefined)
    return fail(
      `the login fails (${code}): a refresh token that was refused, or a connection that ended`,
      'Make a new refresh token, or correct the user and the password in MAIL_TRANSPORTS.',
    );
  if (responseCode !== undefined && responseCode < 500)
    return fail(
      `the login is refused for now: ${reply}`,
      'It may pass by itself; the transport has a break and tries again.',
    );
  return fail(`the login is refused: ${reply}`, loginRemedy(host, reply));
}

function loginRemedy(host: string, reply: string): string {
  if (/(^|\.)(gmail|google|googlemail)\.com$/i.test(host)) {
    return 'Gmail takes no password of an account here: turn on 2-step verification, make an app password at https://myaccount.google.com/apppasswords, and write its 16 letters without blanks into MAIL_TRANSPORTS. Or use OAuth2.';
  }
  if (/(^|\.)(office365|outlook)\.com$/i.test(host) || /5\.7\.139/.test(reply)) {
    return 'Microsoft has turned logins by password off for most: allow "Authenticated SMTP" for this mailbox, or use OAuth2.';
  }
  const relay = PROVIDERS.find(({ relay }) => relay.hosts.test(host))?.relay;
  if (relay?.remedy !== undefined) return relay.remedy;
  return 'Correct the user and the password in MAIL_TRANSPORTS (special characters percent-encoded); many providers want an app password or an API key here.';
}

function detailsOf(
  { port, tls, stages, addresses, greeting, certificate, offersLogin, failure }: SmtpFinding,
  configured: boolean,
): Record<string, unknown> {
  return {
    port,
    tls,
    configured,
    stages,
    addresses,
    ...(greeting ? { greeting } : {}),
    ...(certificate ? { certificate: told(certificate) } : {}),
    offersLogin,
    ...(failure ? { failure } : {}),
  };
}

function told({ subject, issuer, validTo }: Certificate): Certificate {
  return { subject, issuer, validTo };
}
