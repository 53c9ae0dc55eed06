import { SKEW_LIMIT_MS } from '../database/database-clock.js';
import { judgeCompatibility } from '../database/schema-history.js';
import { remedyFor, type Unusable } from '../database/unusable-policy.js';
import type { DatabaseFacts, DatabaseFinding } from './database-probe.js';
import { type Check, fail, ok, type Verdict, warn } from './report.js';

/** Milliseconds a statement may take on the way: an accept makes several. */
const SLOW_MS = 50;

interface DatabaseContext {
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
      return [
        {
          area: 'database',
          name,
          ...warn('the embedded Postgres is not running', 'It runs while Otpost does: npm start. Ask again then.'),
        },
      ];
    case 'away':
      return [{ area: 'database', name, ...awayVerdict(found.error) }];
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
  return (
    history.pending.length === 0 && judgeCompatibility(history.unknown, oldestVersions, version).kind !== 'too new'
  );
}

function upVerdict({ version, connectMs, ms, timeZone, readOnly }: DatabaseFacts): Verdict {
  const details = { version, connectMs, timeZone, readOnly };
  const summary = `PostgreSQL ${version.split(' ')[0]} answers; time zone ${timeZone}, sessions use UTC`;
  if (readOnly)
    return {
      ms,
      ...fail('it is read-only: a replica, or a server in recovery', 'Name the primary in DATABASE_URL.', details),
    };
  if (ms > SLOW_MS)
    return {
      ms,
      ...warn(
        `${summary}; far away`,
        'Run Otpost and Postgres in the same region: an accept makes several statements.',
        details,
      ),
    };
  return { ms, ...ok(summary, details) };
}

function awayVerdict(error: Unusable): Verdict {
  return fail(`Postgres cannot be used: ${error.message}`, `${remedyFor(error)} Without it nothing is accepted.`);
}

function schemaVerdict(
  { history, migrations, oldestVersions }: DatabaseFacts,
  { migrateOnStart, version }: DatabaseContext,
): Verdict {
  const { pending, unknown, edited, interrupted, failed } = history;
  const details = { applied: migrations - pending.length, pending, newer: unknown, edited, interrupted };
  if (failed) {
    return fail(
      `migration ${failed.name} failed`,
      `Mend the cause and run: npm run prisma -- migrate resolve --rolled-back ${failed.name}`,
      details,
    );
  }
  const compatibility = judgeCompatibility(unknown, oldestVersions, version);
  if (compatibility.kind === 'too new') {
    return fail(
      `a newer Otpost migrated it (${compatibility.migration}), and version ${version} no longer fits`,
      `Run version ${compatibility.oldestVersion ?? 'that made it'} or newer.`,
      details,
    );
  }
  if (pending.length > 0) {
    const summary = `${pending.length} of ${migrations} are not applied yet: ${pending.join(', ')}`;
    return migrateOnStart
      ? warn(summary, 'The next start applies them.', details)
      : fail(summary, 'MIGRATE_ON_START is off: run the migration job of this deployment.', details);
  }
  if (compatibility.kind !== 'current')
    return warn(
      `a newer Otpost migrated it (${compatibility.migration}); version ${version} still works on it`,
      'Finish the deployment.',
      details,
    );
  if (edited.length > 0)
    return warn(
      `applied from other texts than those of this build: ${edited.join(', ')}`,
      'Compare the build with the one that migrated the database.',
      details,
    );
  return ok(`all ${migrations} applied`, details);
}

function connectionsVerdict(
  { maxConnections, reservedConnections, usedConnections }: DatabaseFacts,
  { perProcess }: DatabaseContext,
): Verdict {
  const usable = maxConnections - reservedConnections;
  const details = { maxConnections, reservedConnections, usedConnections, perProcess };
  const summary = `${usedConnections} of ${usable} in use; one process opens at most ${perProcess}`;
  const remedy = 'Lower DATABASE_POOL, or raise max_connections of Postgres.';
  if (perProcess > usable) return fail(summary, remedy, details);
  if (usable - usedConnections < perProcess) return warn(`${summary}: one more process may find none`, remedy, details);
  return ok(summary, details);
}

function clockVerdict({ skewMs, skewErrorMs }: DatabaseFacts): Verdict {
  const details = { skewMs, skewErrorMs };
  if (Math.abs(skewMs) <= SKEW_LIMIT_MS + skewErrorMs) return ok(`${Math.abs(skewMs)} ms apart`, details);
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  return warn(
    `this host is ${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} Postgres, by whose clock codes, sessions and mail go; certificates and log lines go by this host's`,
    'Turn on time synchronisation (NTP) on both.',
    details,
  );
}
