import { isLoopback } from '../config/values.js';
import { DAY_MS } from '../core/durations.js';
import { isRefusal } from '../mail/transport/smtp-dial.js';
import { type Check, fail, ok, skip, timeWords, type Verdict, warn } from './report.js';
import { loginVerdict, tokenVerdict } from './smtp-login-verdict.js';
import type { Certificate, ProbeFailure, SmtpFinding } from './smtp-probe.js';

/** Days before its end that a certificate is worth a warning; Let's Encrypt renews 30 days before. */
const EXPIRES_SOON_DAYS = 14;
/** Ports that hosts block to keep spam in; 2525 is the one that they forget. */
const BLOCKED_PORTS = [25, 465, 587];

export interface SmtpContext {
  host: string;
  /** MAIL_TRANSPORTS has a user for it. */
  hasLogin: boolean;
  /** The login presents an access token in place of a password. */
  oauth: boolean;
  /** The port is among those that the transport tries. */
  configured: boolean;
  /** Another configured port of the transport works, and deliveries get to it. */
  otherWorks: boolean;
  /** A configured port that works, and that deliveries do not get to: the server turns them away before. */
  behind: number | undefined;
  /** Ports that are not configured, and answer from here. */
  alternatives: readonly number[];
  /** Milliseconds that deliveries wait for a greeting. */
  greetingMs: number;
  /** Milliseconds that one message waits for a connection that is being opened. */
  openingMs: number;
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
  const { failure } = finding;
  const verdict = failureVerdict(finding, failure, context);
  if (failure.last && failure.stage !== 'login' && context.behind !== undefined) {
    const first = `${context.behind} works, and is not tried after that: put it first in SMTP_PORTS.`;
    return { ...base, ...fail(verdict.summary, `${first} ${verdict.remedy ?? ''}`.trim()) };
  }
  if (!otherWorks || failure.stage === 'token' || failure.stage === 'login') return { ...base, ...verdict };
  const remedy =
    'Nothing has to be done: mail goes out by another port of this server. Remove this one from SMTP_PORTS to save the time.';
  return { ...base, ...warn(verdict.summary, remedy) };
}

/** One that can be reached and gets as far as it was to. */
function workingVerdict(
  { certificate, tls, offersLogin, stages }: SmtpFinding,
  { hasLogin, openingMs, now }: SmtpContext,
): Verdict {
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
  if ((stages.greeting ?? 0) >= openingMs) {
    return warn(
      [`greets after ${timeWords(stages.greeting!)} only`, ...words.slice(1)].join(', '),
      `Mail goes out, and late: a message waits ${timeWords(openingMs)} for a new connection, then goes another way or comes back for it. Ask whoever runs the server; many look for the name of this host in DNS first.`,
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
      return ehloVerdict(failure);
    case 'starttls':
      return failure.reply ? noStarttlsVerdict(failure.reply, failure) : tlsVerdict(finding, failure, context);
    case 'token':
      return tokenVerdict(failure);
    case 'login':
      return loginVerdict(failure, context);
  }
}

function ehloVerdict({ code, reply, last }: ProbeFailure): Verdict {
  if (reply !== undefined && !last)
    return fail(
      `knows no EHLO (${reply}), so there is no STARTTLS, and mail is never sent in plain text instead`,
      `A firewall that looks into SMTP takes both away. ${OTHER_TLS}`,
    );
  if (reply !== undefined)
    return fail(
      `greets, then refuses this host: ${reply}`,
      'Ask whoever runs the server; a firewall that looks into SMTP does this too.',
    );
  return fail(
    code === 'ETIMEDOUT' ? `greets, then says nothing more (${code})` : `greets, then hangs up (${code})`,
    'Ask whoever runs the server; a firewall that looks into SMTP does this too.',
  );
}

const OTHER_TLS =
  'Use a port with TLS from the first byte, such as smtps:// on 465; for a relay in your own network that needs no login, ?tls=off.';

function noStarttlsVerdict(reply: string, { responseCode = 0 }: ProbeFailure): Verdict {
  return responseCode >= 400 && responseCode < 500
    ? fail(
        `has no STARTTLS for now (${reply}), and mail is never sent in plain text instead`,
        `It may pass by itself; the transport has a break and tries again. Otherwise: ${OTHER_TLS}`,
      )
    : fail(`offers no STARTTLS (${reply}), and mail is never sent in plain text instead`, OTHER_TLS);
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
  { port, stages }: SmtpFinding,
  { code, reply, responseCode, speaksTls }: ProbeFailure,
  { host, greetingMs, alternatives }: SmtpContext,
): Verdict {
  if (reply !== undefined && !isRefusal(responseCode))
    return fail(
      `${port} answers with something that is no mail server's: ${reply}`,
      'Another program listens there. Mail is sent by 587 or 465; 143 and 993 (IMAP), and 110 and 995 (POP3), are for reading it.',
    );
  if (reply !== undefined) {
    const lasting = (responseCode ?? 0) >= 500;
    return fail(
      `turns this host away${lasting ? '' : ' for now'}: ${reply}`,
      lasting
        ? "The address of this host is on the server's list of those it does not want. Ask the server, or use another one."
        : 'It may pass by itself; the transport has a break and tries again.',
    );
  }
  if (speaksTls)
    return fail(`${port} wants TLS from the first byte`, `Write smtps://…@${host}${port === 465 ? '' : `:${port}`}.`);
  if (code !== 'ETIMEDOUT')
    return fail(
      `${port} connects, and hangs up before it greets (${code})`,
      'The server, or something in between, does not want this host. Ask the server, or use an HTTP provider.',
    );
  const waited = timeWords(stages.greeting ?? 0);
  const whole = timeWords(greetingMs);
  if (waited !== whole)
    return fail(
      `${port} connects, and has not greeted within ${waited}`,
      `A slow server gets ${whole} for its greeting from deliveries, and from otpost doctor where no other port answers.`,
    );
  return fail(
    `${port} connects, and does not greet within ${waited}`,
    `The server is overloaded or makes this host wait: ask whoever runs it. Or something in between swallows SMTP: ${alternatives[0] === undefined ? `use port 2525 where the server has it` : `use port ${alternatives[0]}, which answers from here`}, or an HTTP provider.`,
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
  if (code === 'ETIMEDOUT' && tls === 'starttls')
    return fail(`${port} agrees to STARTTLS, and TLS hangs`, `Something in between swallows TLS. ${OTHER_TLS}`);
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
