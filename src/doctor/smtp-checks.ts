import type { SmtpPort, SmtpSettings } from '../config/settings.js';
import { loginOf } from '../mail/transport/smtp-login.js';
import type { Check } from './check.js';
import type { Names } from './names.js';
import { transportSecrets } from './secrets.js';
import { type SmtpFinding, probeSmtp } from './smtp-probe.js';
import { smtpVerdict } from './smtp-verdict.js';

/** Where servers listen, besides what is configured. */
const WELL_KNOWN: readonly SmtpPort[] = [
  { port: 587, tls: 'starttls' },
  { port: 465, tls: 'implicit' },
  { port: 2525, tls: 'starttls' },
  { port: 25, tls: 'starttls' },
];

export interface SmtpLook {
  names: Names;
  /** Whether to log in; nothing is ever sent. */
  login: boolean;
  /** What this host calls itself where the settings say nothing. */
  helo: string;
  now: Date;
  signal: AbortSignal;
}

/** Every port of one server, side by side; where none can be reached, also those that are not configured. */
export async function smtpChecks(settings: SmtpSettings, look: SmtpLook): Promise<Check[]> {
  const found = await Promise.all(settings.ports.map((port) => probe(settings, port, look)));
  const others = !look.signal.aborted && found.every(isOutOfReach) ? WELL_KNOWN.filter(({ port }) => settings.ports.every((one) => one.port !== port)) : [];
  const more = await Promise.all(others.map((port) => probe(settings, port, { ...look, login: false })));
  const context = {
    host: settings.host,
    hasLogin: look.login && settings.user !== undefined,
    alternatives: more.filter(({ failure }) => !failure).map(({ port }) => port),
    now: look.now,
  };
  const otherWorks = found.some(({ failure }) => !failure);
  return [
    ...found.map((finding) => smtpVerdict(finding, { ...context, configured: true, otherWorks })),
    ...more.map((finding) => smtpVerdict(finding, { ...context, configured: false, otherWorks: false })),
  ];
}

function probe(settings: SmtpSettings, { port, tls }: SmtpPort, { names, login, helo, signal }: SmtpLook): Promise<SmtpFinding> {
  return probeSmtp({ host: settings.host, port, tls, login: login ? loginOf(settings) : undefined, helo: settings.helo ?? helo, secrets: transportSecrets(settings) }, names, signal);
}

/** As opposed to a server that is there and refuses something: another port of it would, too. A name is the same for all. */
function isOutOfReach({ failure }: SmtpFinding): boolean {
  return failure !== undefined && ['connect', 'tls', 'greeting'].includes(failure.stage) && failure.responseCode === undefined;
}
