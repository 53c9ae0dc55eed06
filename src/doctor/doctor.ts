import { hostname } from 'node:os';
import type { Settings } from '../config/settings.js';
import { quote } from '../core/mask.js';
import { VERSION } from '../core/process-facts.js';
import { PrismaService } from '../database/prisma.service.js';
import { MailFactsReader } from '../health/health-monitor.js';
import { keysOf, allTransports } from '../mail/routing/routes.js';
import { POSTGRES_POOL } from '../queue/broker.js';
import { brokerChecks } from './broker-checks.js';
import { type DatabaseFinding, probeDatabase } from './database-probe.js';
import { databaseVerdicts, fitsSchema } from './database-verdict.js';
import { mailVerdicts } from './mail-verdict.js';
import type { Names } from './network.js';
import {
  type Area,
  type Check,
  configurationVerdicts,
  fail,
  inOrder,
  type Report,
  secretsOf,
  skip,
  worstOf,
} from './report.js';
import { senderChecks } from './sender-checks.js';
import { areaOf, type Progress, transportChecks } from './transport-checks.js';

export interface Examination {
  settings: Settings;
  /** Of reading the environment. */
  warnings: readonly string[];
  names: Names;
  now: () => Date;
  signal: AbortSignal;
  /** Told what is begun and what is over, for those that wait. */
  progress?: Progress;
}

/**
 * Asks everything that mail depends on, side by side, from where it is called. Changes nothing and sends nothing:
 * logins are tried, Redis gets one key that goes by itself. One part that cannot be examined keeps no other from it.
 */
export async function examine(examination: Examination): Promise<Report> {
  const { settings, warnings, names, now } = examination;
  const transports = allTransports(settings);
  const keys = keysOf(transports);
  const parts = [
    part(examination, 'configuration', async () => configurationVerdicts(settings, warnings)),
    part(examination, 'database', () => databaseChecks(settings, now)),
    part(examination, 'broker', () => brokerChecks(settings.redisUrl)),
    ...transports.map((transport, index) =>
      part(examination, areaOf(transport), () => transportChecks(transport, keys[index]!, examination), keys[index]),
    ),
    part(examination, 'dns', () => senderChecks(settings, names)),
  ];
  const checks = inOrder((await Promise.all(parts)).flat());
  return { host: hostname(), role: settings.role, at: now().toISOString(), checks, status: worstOf(checks) };
}

/** A part that breaks is an answer too: whoever asks needs the others all the more. */
async function part(
  { progress, settings }: Examination,
  area: Area,
  work: () => Promise<Check[]>,
  name: string = area,
): Promise<Check[]> {
  progress?.(name, 'begun');
  try {
    return await work();
  } catch (error) {
    const { name: kind, message } = error as Error;
    const summary = `could not be examined: ${quote(`${kind}: ${message}`, secretsOf(settings))}`;
    return [{ area, name, ...fail(summary, 'This may be a bug of Otpost; the other answers hold.') }];
  } finally {
    progress?.(name, 'over');
  }
}

async function databaseChecks(settings: Settings, now: () => Date): Promise<Check[]> {
  const found = await probeDatabase(settings);
  const { database, redisUrl } = settings;
  const context = {
    name: database.url === undefined ? 'embedded' : new URL(database.url).host,
    migrateOnStart: database.migrateOnStart,
    perProcess: database.poolSize + (redisUrl === undefined ? POSTGRES_POOL : 0),
    version: VERSION,
  };
  return [...databaseVerdicts(found, context), ...(await recordChecks(found, settings, now))];
}

/** What the record tells, where it can be read. */
async function recordChecks(found: DatabaseFinding, settings: Settings, now: () => Date): Promise<Check[]> {
  if (found.kind !== 'up' || !fitsSchema(found, VERSION)) {
    const summary =
      found.kind === 'up' ? 'not looked at: the schema is not that of this build' : 'not looked at: Postgres is away';
    return [
      { area: 'workers', name: 'heartbeats', ...skip(summary) },
      { area: 'mail', name: 'record', ...skip(summary) },
    ];
  }
  const prisma = new PrismaService({ url: found.url, poolSize: 1 });
  try {
    const reader = new MailFactsReader(prisma);
    // By the clock of Postgres, which heartbeats are written by.
    const time = new Date(now().getTime() + found.skewMs);
    return mailVerdicts(await reader.read(), {
      transports: allTransports(settings),
      host: hostname(),
      now: time,
    });
  } finally {
    await prisma.$disconnect();
  }
}
