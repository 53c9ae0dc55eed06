import type { AuditRecord, AuditResult, AUDIT_RESULTS as AuditResults } from '../audit/audit.js';
import { eitherOf, moment } from './arguments.js';
import type { Command } from './command.js';
import type { ExitCode } from './io.js';
import type { Session } from './session.js';

// Said again, for to import them would load Nest and Prisma; the compiler keeps both the same.
const AUDIT_RESULTS: typeof AuditResults = ['done', 'refused'];

export function declare(program: Command): void {
  program
    .command('audit')
    .command('list')
    .summary('show who did what, newest first')
    .synopsis(
      '[--action ACTION] [--actor ID] [--target ID] [--result done|refused]',
      ' [--since TIME] [--until TIME] [--limit N] [--json]',
    )
    .description(
      'Shows the record of security events, newest first: who did what to what, when, from where, and whether it was let.',
    )
    .option('--action <ACTION>', 'such as session.started, or its first word, such as session')
    .option('--actor <ID>', 'the account or the API key that acted')
    .option('--target <ID>', 'what was acted upon')
    .option('--result <RESULT>', AUDIT_RESULTS.join(' or '), eitherOf('--result', AUDIT_RESULTS))
    .option('--since <TIME>', 'at or after, such as 2030-01-31T09:00:00Z', moment('--since'))
    .option('--until <TIME>', 'before', moment('--until'))
    .limited()
    .option('--json', 'print a list of objects')
    .onDatabase(list);
}

interface Query {
  action?: string;
  actor?: string;
  target?: string;
  result?: AuditResult;
  since?: Date;
  until?: Date;
  limit: number;
}

async function list(
  { io, prisma }: Session,
  { actor: actorId, target: targetId, limit, ...filter }: Query,
): Promise<ExitCode> {
  const { AuditRecords } = await import('../audit/audit.js');
  return io.list(await new AuditRecords(prisma).list({ ...filter, actorId, targetId }, limit), {
    none: 'Nothing was recorded that fits.',
    heading: ['AT', 'ACTION', 'RESULT', 'ACTOR', 'TARGET', 'FROM', 'DETAILS'],
    row: rowOf,
    shown,
  });
}

/** As GET /v1/audit shows it. */
function shown({
  id,
  at,
  action,
  result,
  actorKind,
  actorId,
  targetKind,
  targetId,
  ip,
  userAgent,
  requestId,
  details,
}: AuditRecord): object {
  const target = targetKind !== null && targetId !== null ? { kind: targetKind, id: targetId } : null;
  return {
    id: String(id),
    at,
    action,
    result,
    actor: { kind: actorKind, id: actorId },
    target,
    ip,
    userAgent,
    requestId,
    details,
  };
}

function rowOf({ at, action, result, actorKind, actorId, targetKind, targetId, ip, details }: AuditRecord): string[] {
  const second = `${at.toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const actor = [actorKind, actorId].filter(Boolean).join(' ');
  const target = [targetKind, targetId].filter(Boolean).join(' ') || '-';
  return [second, action, result, actor, target, ip ?? '-', detailsOf(details)];
}

/** Such as `from=admin to=user`; what is no plain word stands in quotes. */
function detailsOf(details: AuditRecord['details']): string {
  const pairs = Object.entries(details ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  const word = (value: unknown) =>
    typeof value === 'string' && /^[\w.:@-]+$/.test(value) ? value : JSON.stringify(value);
  return pairs.map(([key, value]) => `${key}=${word(value)}`).join(' ') || '-';
}
