import { type AuditFilter, type AuditRecord, AuditRecords } from '../audit/audit-records.js';
import type { PrismaService } from '../database/prisma.service.js';
import type { ExitCode, Terminal } from './command.js';
import { printTable } from './table.js';

export async function listAudit({ filter, limit, json }: { filter: AuditFilter; limit: number; json: boolean }, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const records = await new AuditRecords(prisma).list(filter, limit);
  if (json) terminal.out(JSON.stringify(records.map(shown)));
  else if (records.length === 0) terminal.err('Nothing was recorded that fits.');
  else printRecords(records, terminal);
  return 0;
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
