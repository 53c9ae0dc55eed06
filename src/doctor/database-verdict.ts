import { SKEW_LIMIT_MS } from '../database/clock-policy.js';
import { judgeCompatibility } from '../database/schema-compatibility.js';
import type { Check } from './check.js';
import type { DatabaseFacts, DatabaseFinding } from './database-probe.js';

/** Milliseconds a statement may take on the way: an accept makes several. */
const SLOW_MS = 50;

export interface DatabaseContext {
  /** Host and database, without credentials. */
  name: string;
  migrateOnStart: boolean;
  /** Connections that one process opens at most. */
  perProcess: number;
  /** Of this build. */
  version: string;
}

/** The database, its schema, its connections, and its clock. */
export function databaseVerdicts(found: DatabaseFinding, context: DatabaseContext): Check[] {
  const { name } = context;
  switch (found.kind) {
    case 'not_running':
      return [{ area: 'database', name, status: 'warn', summary: 'the embedded Postgres is not running', remedy: 'It runs while Otpost does: npm start. Ask again then.' }];
    case 'away':
      return [{ area: 'database', name, status: 'fail', ...awayVerdict(found.error) }];
    case 'up':
      return [
        { area: 'database', name, ...upVerdict(found) },
        { area: 'database', name: 'migrations', ...schemaVerdict(found, context) },
        { area: 'database', name: 'connections', ...connectionsVerdict(found, context) },
        { area: 'clock', name: 'this host and Postgres', ...clockVerdict(found) },
      ];
  }
}

/** Whether the tables are those of this build. */
export function fitsSchema({ history, oldestVersions }: DatabaseFacts, version: string): boolean {
  return history.pending.length === 0 && judgeCompatibility(history.unknown, oldestVersions, version).kind !== 'too new';
}

type Verdict = Pick<Check, 'status' | 'ms' | 'summary' | 'remedy' | 'details'>;

function upVerdict({ version, connectMs, ms, timeZone, readOnly }: DatabaseFacts): Verdict {
  const details = { version, connectMs, timeZone, readOnly };
  const summary = `PostgreSQL ${version.split(' ')[0]} answers; time zone ${timeZone}, sessions use UTC`;
  if (readOnly) return { status: 'fail', ms, summary: 'it is read-only: a replica, or a server in recovery', remedy: 'Name the primary in DATABASE_URL.', details };
  if (ms > SLOW_MS) return { status: 'warn', ms, summary: `${summary}; far away`, remedy: 'Run Otpost and Postgres in the same region: an accept makes several statements.', details };
  return { status: 'ok', ms, summary, details };
}

function awayVerdict({ code, message }: { code: string | undefined; message: string }): Pick<Check, 'summary' | 'remedy'> {
  const summary = `Postgres cannot be used: ${message}`;
  switch (code) {
    case '28P01':
    case '28000':
      return { summary, remedy: 'Correct the user and the password in DATABASE_URL; a server that insists on TLS needs ?sslmode=require.' };
    case '3D000':
      return { summary, remedy: 'Create the database, or correct its name in DATABASE_URL.' };
    case '53300':
      return { summary, remedy: 'All its connections are taken: lower DATABASE_POOL, or raise max_connections.' };
    default:
      return { summary, remedy: 'Without it nothing is accepted. Look whether it runs, whether DATABASE_URL names its host and port, and whether this machine may connect to it.' };
  }
}

function schemaVerdict({ history, migrations, oldestVersions }: DatabaseFacts, { migrateOnStart, version }: DatabaseContext): Verdict {
  const { pending, unknown, edited, interrupted, failed } = history;
  const details = { applied: migrations - pending.length, pending, newer: unknown, edited, interrupted };
  if (failed) {
    return { status: 'fail', summary: `migration ${failed.name} failed`, remedy: `Mend the cause and run: npm run prisma -- migrate resolve --rolled-back ${failed.name}`, details };
  }
  const compatibility = judgeCompatibility(unknown, oldestVersions, version);
  if (compatibility.kind === 'too new') {
    return { status: 'fail', summary: `a newer Otpost migrated it (${compatibility.migration}), and version ${version} no longer fits`, remedy: `Run version ${compatibility.oldestVersion ?? 'that made it'} or newer.`, details };
  }
  if (pending.length > 0) {
    const summary = `${pending.length} of ${migrations} are not applied yet: ${pending.join(', ')}`;
    return migrateOnStart
      ? { status: 'warn', summary, remedy: 'The next start applies them.', details }
      : { status: 'fail', summary, remedy: 'MIGRATE_ON_START is off: run the migration job of this deployment.', details };
  }
  if (compatibility.kind !== 'current') return { status: 'warn', summary: `a newer Otpost migrated it (${compatibility.migration}); version ${version} still works on it`, remedy: 'Finish the deployment.', details };
  if (edited.length > 0) return { status: 'warn', summary: `applied from other texts than those of this build: ${edited.join(', ')}`, remedy: 'Compare the build with the one that migrated the database.', details };
  return { status: 'ok', summary: `all ${migrations} applied`, details };
}

function connectionsVerdict({ maxConnections, reservedConnections, usedConnections }: DatabaseFacts, { perProcess }: DatabaseContext): Verdict {
  const usable = maxConnections - reservedConnections;
  const details = { maxConnections, reservedConnections, usedConnections, perProcess };
  const summary = `${usedConnections} of ${usable} in use; one process opens at most ${perProcess}`;
  const remedy = 'Lower DATABASE_POOL, or raise max_connections of Postgres.';
  if (perProcess > usable) return { status: 'fail', summary, remedy, details };
  if (usable - usedConnections < perProcess) return { status: 'warn', summary: `${summary}: one more process may find none`, remedy, details };
  return { status: 'ok', summary, details };
}

function clockVerdict({ skewMs, skewErrorMs }: DatabaseFacts): Verdict {
  const details = { skewMs, skewErrorMs };
  if (Math.abs(skewMs) <= SKEW_LIMIT_MS + skewErrorMs) return { status: 'ok', summary: `${Math.abs(skewMs)} ms apart`, details };
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  return {
    status: 'warn',
    summary: `this host is ${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} Postgres, by whose clock codes, sessions and mail go; certificates and log lines go by this host's`,
    remedy: 'Turn on time synchronisation (NTP) on both.',
    details,
  };
}
