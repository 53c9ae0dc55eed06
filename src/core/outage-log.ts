import type { Logger } from './logger.js';
import { lasted, type OutageLine } from './outage-policy.js';

/** What is away, and what that means for whoever reads the log. */
export interface Dependency {
  /** Such as `Postgres`. */
  name: string;
  /** Such as `db.example.com:5432`; never credentials. */
  place: string;
  /** A sentence or two: what stops, and what goes on. */
  meanwhile: string;
  /** Of an outage that costs no more than time. */
  level: 'error' | 'warn';
}

/** Writes what the policy has decided; nothing where it has nothing to say. */
export function tellOutage(
  log: Logger,
  { name, place, meanwhile, level }: Dependency,
  line: OutageLine | undefined,
): void {
  switch (line?.kind) {
    case undefined:
      return;
    case 'began':
      return log[level]({ reason: line.reason }, `${name} cannot be used at ${place}: ${line.reason}. ${meanwhile}`);
    case 'goes_on':
      return log[level](
        factsOf(line),
        `${name} still cannot be used at ${place}, for ${lasted(line.forMs)} now: ${line.reason}. ${meanwhile}`,
      );
    case 'over':
      return log.info(factsOf(line), `${name} is back at ${place}: it was away for ${lasted(line.forMs)}`);
  }
}

function factsOf({ forMs, leftOut }: { forMs: number; leftOut: number }): {
  awaySeconds: number;
  linesLeftOut?: number;
} {
  return { awaySeconds: Math.round(forMs / 1_000), ...(leftOut > 0 ? { linesLeftOut: leftOut } : {}) };
}

/**
 * A logger that first offers each error to whoever tells of outages. What `takes` takes is not written at its level:
 * every timer and every message would say the same, with a stack, until the outage is over. It is written at `debug`.
 */
export function withoutOutages(log: Logger, takes: (error: unknown) => boolean): Logger {
  const sieved =
    (level: 'error' | 'warn') =>
    (facts: unknown, ...rest: [message?: string]): void => {
      if (typeof facts === 'object' && facts !== null && 'err' in facts && takes(facts.err)) {
        const { err, ...others } = facts;
        log.debug({ ...others, error: err instanceof Error ? err.name : String(err) }, ...rest);
      } else log[level](facts, ...rest);
    };
  const heard = Object.create(log) as Logger;
  heard.error = sieved('error');
  heard.warn = sieved('warn');
  return heard;
}
