import { isAbsolute, relative } from 'node:path';
import type { Settings } from './config/settings.js';
import { VERSION } from './core/process-facts.js';
import { tellReach } from './doctor/transport-checks.js';
import { allTransports } from './mail/routing/routes.js';
import type { RunningProcess } from './process.js';

/** Tells whoever started the process where to look: people in development, a log line in production. */
export async function announce(settings: Settings, running: RunningProcess): Promise<void> {
  const { log, url, smtp } = running;
  const { production, role, database, redisUrl, mail } = settings;
  const captured = mail.transports.some(({ kind }) => kind === 'capture');
  log.info(
    {
      version: VERSION,
      url,
      ...(smtp.length > 0 ? { smtp } : {}),
      broker: redisUrl ? 'redis' : 'postgres',
      transports: allTransports(settings).map(({ name }) => name),
      ...(role === 'web' ? {} : { lanes: mail.lanes }),
    },
    'ready',
  );
  if (production || url === undefined || role === 'worker') return;
  const address = new URL(url).port;
  const app = `http://localhost:${address}`;
  const lines = [
    '',
    `  Otpost ${VERSION} is running`,
    '',
    `  App    ${app}`,
    ...(await setupLines(app, running)),
    ...(captured ? [`  Inbox  ${app}/inbox   (every mail is captured there; nothing leaves this machine)`] : []),
    `  API    ${app}/docs`,
    ...smtp.map((place) => `  SMTP   ${place}; the password is an API key`),
    `  Data   ${database.url ? 'the Postgres of DATABASE_URL' : `${shortened(settings.dataDir)} (a Postgres of its own)`}`,
    '',
    '  Try    curl -s -X POST ' +
      `${app}/v1/accounts -H 'content-type: application/json' -d '{"email":"ada@example.com"}'`,
    `  Ctrl-C stops ${database.url ? 'Otpost; Postgres goes on' : 'everything, Postgres too'}.`,
    '',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** To the console and never to the log: whoever reads the token may make themselves the administrator. */
async function setupLines(app: string, running: RunningProcess): Promise<string[]> {
  try {
    const token = await running.offerSetup();
    return token === undefined
      ? []
      : [`  Setup  ${app}/setup/${token}`, '         (makes the first administrator; works once, for 24 hours)'];
  } catch (error) {
    running.log.warn({ err: error }, 'no setup link could be made; restart, or use: otpost admin create');
    return [];
  }
}

/**
 * Lets a process that delivers find out, beside its work, whether it can reach its transports. Nobody waits for it; a
 * stop ends it.
 */
export function lookAround(settings: Settings, running: RunningProcess): RunningProcess {
  if (settings.role === 'web' || settings.logLevel === 'silent') return running;
  const stopping = new AbortController();
  void tellReach(settings, running.log, stopping.signal);
  return {
    ...running,
    stop: () => {
      stopping.abort();
      return running.stop();
    },
  };
}

function shortened(folder: string): string {
  const path = relative(process.cwd(), folder);
  return path.startsWith('..') || isAbsolute(path) ? folder : path;
}
