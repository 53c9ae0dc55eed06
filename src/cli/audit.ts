import { parseArgs } from 'node:util';
import type { AUDIT_RESULTS as AuditResults, AuditResult } from '../audit/audit.js';
import type { AuditFilter } from '../audit/audit-records.js';
import { isMoment } from '../core/is-moment.js';
import { type Command, UsageError } from './command.js';

// Said again, for to import them would load Nest and Prisma; the compiler keeps both the same.
const AUDIT_RESULTS: typeof AuditResults = ['done', 'refused'];

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

const list: Command = {
  name: 'audit list',
  summary: 'show who did what, newest first',
  help: `Usage: otpost audit list [--action ACTION] [--actor ID] [--target ID] [--result done|refused]
                        [--since TIME] [--until TIME] [--limit N] [--json]

Shows the record of security events, newest first: who did what to what, when, from where, and whether it was let.

  --action ACTION  such as session.started, or its first word, such as session
  --actor ID       the account or the API key that acted
  --target ID      what was acted upon
  --result RESULT  ${AUDIT_RESULTS.join(' or ')}
  --since TIME     at or after, such as 2030-01-31T09:00:00Z
  --until TIME     before
  --limit N        at most so many, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} unless it is given
  --json           print a list of objects`,
  parse(args) {
    const { values } = parseArgs({
      args,
      options: {
        action: { type: 'string' },
        actor: { type: 'string' },
        target: { type: 'string' },
        result: { type: 'string' },
        since: { type: 'string' },
        until: { type: 'string' },
        limit: { type: 'string' },
        json: { type: 'boolean' },
      },
    });
    const { action, actor: actorId, target: targetId } = values;
    const filter: AuditFilter = { action, actorId, targetId, result: resultIn(values.result), since: momentIn('since', values.since), until: momentIn('until', values.until) };
    const limit = limitIn(values.limit);
    return async (prisma, terminal) => {
      const { listAudit } = await import('./audit-work.js');
      return listAudit({ filter, limit, json: values.json ?? false }, prisma, terminal);
    };
  },
};

export const AUDIT_COMMANDS: readonly Command[] = [list];

function resultIn(text: string | undefined): AuditResult | undefined {
  const result = AUDIT_RESULTS.find((known) => known === text);
  if (text !== undefined && !result) throw new UsageError(`--result is ${AUDIT_RESULTS.join(' or ')}.`);
  return result;
}

function momentIn(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  if (!isMoment(text)) throw new UsageError(`--${name} is a date and time with its offset, such as 2030-01-31T09:00:00Z.`);
  return new Date(text);
}

function limitIn(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw new UsageError(`--limit is a whole number from 1 to ${MAX_LIMIT}.`);
  return limit;
}
