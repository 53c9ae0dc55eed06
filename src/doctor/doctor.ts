import { access, constants } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Settings } from '../config/settings.js';
import { heloName } from '../config/smtp-manners.js';
import { quote } from '../core/quote.js';
import { VERSION } from '../core/version.js';
import { PrismaService } from '../database/prisma.service.js';
import { MailFactsReader } from '../health/mail-facts.js';
import { Ledger } from '../mail/ledger.js';
import { MailHistory } from '../mail/mail-history.js';
import { keysOf } from '../mail/transport/choices.js';
import { TransportRecords } from '../mail/transport/transport-records.js';
import { POSTGRES_POOL } from '../queue/broker.js';
import { brokerChecks } from './broker-checks.js';
import { type Area, type Check, inOrder, type Report, worstOf } from './check.js';
import { configurationVerdicts } from './configuration-verdict.js';
import { type DatabaseFinding, probeDatabase } from './database-probe.js';
import { databaseVerdicts, fitsSchema } from './database-verdict.js';
import { mailVerdicts } from './mail-verdict.js';
import type { Names } from './names.js';
import { providerCheck } from './provider-checks.js';
import { secretsOf } from './secrets.js';
import { senderChecks } from './sender-checks.js';
import { smtpChecks } from './smtp-checks.js';

export interface Examination {
  settings: Settings;
  /** Of reading the environment. */
  warnings: readonly string[];
  names: Names;
  now: () => Date;
  signal: AbortSignal;
  /** Told what is begun and what is over, for those that wait. */
  progress?: (what: string, state: 'begun' | 'over') => void;
}

/**
 * Asks everything that mail depends on, side by side, from where it is called. Changes nothing and sends nothing: logins
 * are tried, Redis gets one key that goes by itself. One part that cannot be examined keeps no other from it.
 */
export async function examine(examination: Examination): Promise<Report> {
  const { settings, warnings, names, now } = examination;
  const parts: Promise<Check[]>[] = [
    part(examination, 'configuration', async () => configurationVerdicts(settings, warnings)),
    part(examination, 'database', () => databaseChecks(settings, now)),
    part(examination, 'broker', () => brokerChecks(settings.redisUrl)),
    ...transportParts(examination),
    part(examination, 'dns', () => senderChecks(settings, names)),
  ];
  const checks = inOrder((await Promise.all(parts)).flat());
  return { host: hostname(), role: settings.role, at: now().toISOString(), checks, status: worstOf(checks) };
}

/** A part that breaks is an answer too: whoever asks needs the others all the more. */
async function part({ progress, settings }: Examination, area: Area, work: () => Promise<Check[]>, name: string = area): Promise<Check[]> {
  progress?.(name, 'begun');
  try {
    return await work();
  } catch (error) {
    const { name: kind, message } = error as Error;
    return [{ area, name, status: 'fail', summary: `could not be examined: ${quote(`${kind}: ${message}`, secretsOf(settings))}`, remedy: 'This may be a bug of Otpost; the other answers hold.' }];
  } finally {
    progress?.(name, 'over');
  }
}

function transportParts(examination: Examination): Promise<Check[]>[] {
  const { settings, names, now, signal } = examination;
  const { transports, from } = settings.mail;
  const keys = keysOf(transports);
  return transports.map((transport, index) => {
    const key = keys[index]!;
    switch (transport.kind) {
      case 'smtp':
        return part(examination, 'smtp', () => smtpChecks(transport, { names, login: true, helo: heloName(hostname(), settings.http.appUrl), now: now(), signal }), key);
      case 'capture':
        return part(examination, 'local', async () => [{ area: 'local', name: key, status: 'skip', summary: 'mail is kept for the built-in inbox and sent to nobody' }], key);
      case 'file':
        return part(examination, 'local', async () => [await folderCheck(key, transport.folder)], key);
      default:
        return part(examination, 'http', async () => [await providerCheck(key, transport, { sender: from.address, now: now(), signal })], key);
    }
  });
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
async function recordChecks(found: DatabaseFinding, { mail }: Settings, now: () => Date): Promise<Check[]> {
  if (found.kind !== 'up' || !fitsSchema(found, VERSION)) {
    const summary = found.kind === 'up' ? 'not looked at: the schema is not that of this build' : 'not looked at: Postgres is away';
    return [{ area: 'workers', name: 'heartbeats', status: 'skip', summary }, { area: 'mail', name: 'record', status: 'skip', summary }];
  }
  const prisma = new PrismaService({ url: found.url, poolSize: 1 });
  try {
    const reader = new MailFactsReader(prisma, new Ledger(prisma), new MailHistory(prisma), new TransportRecords(prisma));
    // By the clock of Postgres, which heartbeats are written by.
    const time = new Date(now().getTime() + found.skewMs);
    return mailVerdicts(await reader.read(), { transports: mail.transports.map(({ name }) => name), host: hostname(), now: time });
  } finally {
    await prisma.$disconnect();
  }
}

async function folderCheck(name: string, folder: string): Promise<Check> {
  const base = { area: 'local' as const, name };
  try {
    await access(resolve(folder), constants.W_OK | constants.X_OK);
    return { ...base, status: 'ok', summary: 'the folder can be written; mail is sent to nobody' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { ...base, status: 'ok', summary: 'the folder is made with the first message; mail is sent to nobody' };
    return { ...base, status: 'fail', summary: `the folder cannot be written (${code ?? 'unknown'})`, remedy: 'Let the user that Otpost runs as write there, or name another folder.' };
  }
}
