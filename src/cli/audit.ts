import { parseArgs } from 'node:util';
import { AUDIT_RESULTS, type AuditResult } from '../audit/audit.js';
import { type AuditFilter, type AuditRecord, AuditRecords } from '../audit/audit-records.js';
import { isMoment } from '../core/is-moment.js';
import { type Command, type Terminal, UsageError } from './command.js';
import { printTable } from './table.js';

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
      const records = await new AuditRecords(prisma).list(filter, limit);
      if (values.json) terminal.out(JSON.stringify(records.map(shown)));
      else if (records.length === 0) terminal.err('Nothing was recorded that fits.');
      else printRecords(records, terminal);
      return 0;
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

/** As GET /v1/audit shows it. */
function shown({ id, at, action, result, actorKind, actorId, targetKind, targetId, ip, userAgent, requestId, details }: AuditRecord): object {
  const target = targetKind !== null && targetId !== null ? { kind: targetKind, id: targetId } : null;
  return { id: String(id), at, action, result, actor: { kind: actorKind, id: actorId }, target, ip, userAgent, requestId, details };
}

/** Such as `from=admin to=user`; what is no plain word stands in quotes. */
function detailsOf(details: AuditRecord['details']): string {
  const pairs = Object.entries(details ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  const word = (value: unknown) => (typeof value === 'string' && /^[\w.:@-]+$/.test(value) ? value : JSON.stringify(value));
  return pairs.map(([key, value]) => `${key}=${word(value)}`).join(' ') || '-';
}

function printRecords(records: readonly AuditRecord[], terminal: Terminal): void {
  printTable(
    [
      ['AT', 'ACTION', 'RESULT', 'ACTOR', 'TARGET', 'FROM', 'DETAILS'],
      ...records.map(({ at, action, result, actorKind, actorId, targetKind, targetId, ip, details }) => [
        `${at.toISOString().slice(0, 19).replace('T', ' ')}Z`,
        action,
        result,
        [actorKind, actorId].filter(Boolean).join(' '),
        [targetKind, targetId].filter(Boolean).join(' ') || '-',
        ip ?? '-',
        detailsOf(details),
      ]),
    ],
    terminal,
  );
}
