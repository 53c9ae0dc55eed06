import { access, constants } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Settings, SmtpPort, SmtpSettings, TransportSettings } from '../config/settings.js';
import { heloName } from '../config/smtp-entry.js';
import type { Logger } from '../core/logger.js';
import { keysOf, allTransports } from '../mail/routing/routes.js';
import { loginOf } from '../mail/transport/smtp-session.js';
import { TIMEOUTS, timeoutsFor } from '../mail/transport/timeouts.js';
import type { ProbeTimes } from './greeting-watch.js';
import { Names } from './network.js';
import { providerCheck, reachCheck } from './provider-checks.js';
import { type Area, type Check, fail, ok, skip, timeWords, transportSecrets, type Verdict } from './report.js';
import { probeSmtp, type SmtpFinding } from './smtp-probe.js';
import { smtpVerdict } from './smtp-verdict.js';

/** Where servers listen, besides what is configured. */
const WELL_KNOWN: readonly SmtpPort[] = [
  { port: 587, tls: 'starttls' },
  { port: 465, tls: 'implicit' },
  { port: 2525, tls: 'starttls' },
  { port: 25, tls: 'starttls' },
];

/** Milliseconds: a connection that takes longer is one that a host has blocked. */
const CONNECT_MS = 5_000;
/** Milliseconds: longer than servers make all clients wait, to find those that do not. */
const QUIET_MS = 15_000;

/** Told what is begun and what is over, for those that wait. */
export type Progress = (what: string, state: 'begun' | 'over') => void;

interface SmtpLook {
  names: Names;
  /** Whether to log in; nothing is ever sent. */
  login: boolean;
  /** What this host calls itself where the settings say nothing. */
  helo: string;
  now: Date;
  signal: AbortSignal;
  progress?: Progress | undefined;
  /** In place of those of deliveries. */
  times?: Partial<ProbeTimes>;
}

/** Every port of one server, side by side; where none can be reached, also those that are not configured. */
export async function smtpChecks(settings: SmtpSettings, look: SmtpLook): Promise<Check[]> {
  const { greetingMs, setupMs, openingMs } = timeoutsFor(TIMEOUTS, settings.timeouts);
  const times = { connectMs: CONNECT_MS, quietMs: QUIET_MS, greetingMs, setupMs, ...look.times };
  // A delivery tries one port after the other: it goes by one that works, and ends at one where the server turns it
  // away.
  const decides = ({ failure }: SmtpFinding) => !failure || failure.last === true;
  const decided = new AbortController();
  const found = await Promise.all(
    settings.ports.map(async (port) => {
      const finding = await probe(settings, port, { ...look, times, enough: decided.signal });
      if (decides(finding)) decided.abort();
      return finding;
    }),
  );
  const others =
    !look.signal.aborted && found.every(isOutOfReach)
      ? WELL_KNOWN.filter(({ port }) => settings.ports.every((one) => one.port !== port))
      : [];
  const enough = AbortSignal.abort();
  const more = await Promise.all(others.map((port) => probe(settings, port, { ...look, login: false, times, enough })));
  const context = {
    host: settings.host,
    hasLogin: look.login && settings.user !== undefined,
    oauth: settings.oauth !== undefined,
    alternatives: more.filter(({ failure }) => !failure).map(({ port }) => port),
    greetingMs: times.greetingMs,
    openingMs,
    now: look.now,
  };
  const decisive = found.find(decides);
  const otherWorks = decisive !== undefined && !decisive.failure;
  const behind = otherWorks ? undefined : found.find(({ failure }) => !failure)?.port;
  return [
    ...found.map((finding) => smtpVerdict(finding, { ...context, configured: true, otherWorks, behind })),
    ...more.map((finding) =>
      smtpVerdict(finding, { ...context, configured: false, otherWorks: false, behind: undefined }),
    ),
  ];
}

function probe(
  settings: SmtpSettings,
  { port, tls }: SmtpPort,
  { names, login, helo, signal, progress, times, enough }: SmtpLook & { times: ProbeTimes; enough: AbortSignal },
): Promise<SmtpFinding> {
  return probeSmtp(
    {
      host: settings.host,
      port,
      tls,
      login: login ? loginOf(settings) : undefined,
      oauth: login && settings.oauth !== undefined,
      helo: settings.helo ?? helo,
      secrets: transportSecrets(settings),
      times,
      enough,
      waiting: () => {
        const what = `the greeting of ${settings.host}:${port}, for up to ${timeWords(times.greetingMs)}`;
        progress?.(what, 'begun');
        return () => progress?.(what, 'over');
      },
    },
    names,
    signal,
  );
}

/**
 * As opposed to a server that is there and refuses something: another port of it would, too. A name is the same for
 * all.
 */
function isOutOfReach({ failure }: SmtpFinding): boolean {
  return (
    failure !== undefined &&
    ['connect', 'tls', 'greeting'].includes(failure.stage) &&
    failure.responseCode === undefined
  );
}

export function areaOf({ kind }: TransportSettings): Area {
  if (kind === 'smtp') return 'smtp';
  return kind === 'capture' || kind === 'file' ? 'local' : 'http';
}

interface Asked {
  settings: Settings;
  names: Names;
  now: () => Date;
  signal: AbortSignal;
  progress?: Progress;
}

/** One transport, from here to the login. @param name tells it from the others of its kind */
export async function transportChecks(
  transport: TransportSettings,
  name: string,
  { settings, names, now, signal, progress }: Asked,
): Promise<Check[]> {
  switch (transport.kind) {
    case 'smtp':
      return smtpChecks(transport, {
        names,
        login: true,
        helo: heloName(hostname(), settings.http.appUrl),
        now: now(),
        signal,
        progress,
      });
    case 'capture':
      return [{ area: 'local', name, ...skip('mail is kept for the built-in inbox and sent to nobody') }];
    case 'file':
      return [{ area: 'local', name, ...(await folderVerdict(transport.folder)) }];
    default:
      return [await providerCheck(name, transport, { sender: settings.mail.from.address, now: now(), signal })];
  }
}

async function folderVerdict(folder: string): Promise<Verdict> {
  try {
    await access(resolve(folder), constants.W_OK | constants.X_OK);
    return ok('the folder can be written; mail is sent to nobody');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return ok('the folder is made with the first message; mail is sent to nobody');
    return fail(
      `the folder cannot be written (${code ?? 'unknown'})`,
      'Let the user that Otpost runs as write there, or name another folder.',
    );
  }
}

/** Milliseconds for all transports together. */
const WITHIN_MS = 10_000;

/**
 * The short form of `otpost doctor`, for the start of a process that delivers: a line in the log for each transport of
 * this host, whether it can be reached. It logs in nowhere, sends nothing, and the states of the transports do not hear
 * of it. Never rejects.
 * @param signal ends it, without a word
 */
export async function tellReach(settings: Settings, log: Logger, signal: AbortSignal): Promise<void> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
  const transports = allTransports(settings);
  const keys = keysOf(transports);
  const helo = heloName(hostname(), settings.http.appUrl);
  const tell = async (transport: TransportSettings, name: string): Promise<void> => {
    try {
      const checks = await look(transport, name, helo, within);
      if (!signal.aborted) tellOf(name, checks, log);
    } catch (error) {
      log.warn({ err: error, transport: name }, 'whether the transport can be reached could not be found out');
    }
  };
  await Promise.all(transports.map((transport, index) => tell(transport, keys[index]!)));
}

async function look(transport: TransportSettings, name: string, helo: string, signal: AbortSignal): Promise<Check[]> {
  switch (transport.kind) {
    case 'capture':
    case 'file':
      return [];
    case 'smtp':
      return smtpChecks(transport, { names: new Names(), login: false, helo, now: new Date(), signal });
    default:
      return [await reachCheck(name, transport, signal)];
  }
}

/** One line a transport: the port that works, or what is wrong with the first one. */
function tellOf(transport: string, checks: readonly Check[], log: Logger): void {
  const works = checks.find(({ status, details }) => status === 'ok' && details?.['configured'] !== false);
  if (works)
    return log.info(
      { transport, ms: works.ms },
      `${works.area === 'smtp' ? works.name : transport} answers (${Math.round(works.ms ?? 0)} ms)`,
    );
  const wrong = checks.find(({ status }) => status === 'fail' || status === 'warn');
  if (wrong) log.warn({ transport, ms: wrong.ms, remedy: wrong.remedy }, `${wrong.name}: ${wrong.summary}`);
}
