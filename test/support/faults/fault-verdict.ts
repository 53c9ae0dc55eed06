import { appendFileSync } from 'node:fs';
import type { FaultClient } from './fault-client.js';
import type { FaultSink } from './fault-sink.js';

/** A message as the record has it at the end of a case. */
export interface FaultRow {
  to: string;
  id: string;
  lane: string;
  status: string;
  attempts: number;
  messageId: string;
  possibleDuplicate: boolean;
  offered: boolean;
  /**
   * States in order, such as `queued sending lease_expired/deferred sending sent`: the error code stands before its
   * state.
   */
  story: string;
  /** Process that claimed it last. */
  worker: string | null;
}

export const READ_ROWS = `
  SELECT to_address AS "to", m.id, lane::text, m.status::text, attempts, message_id AS "messageId",
    possible_duplicate AS "possibleDuplicate", offered_at IS NOT NULL AS offered, e.story, e.worker
  FROM outbound_emails m JOIN LATERAL (
    SELECT string_agg(coalesce(error_code || '/', '') || status::text, ' ' ORDER BY id) AS story,
      (array_agg(worker ORDER BY id DESC) FILTER (WHERE status = 'sending'))[1] AS worker
    FROM email_events WHERE email_id = m.id
  ) e ON true`;

/** Nobody knows: it stays so, or goes out once more in 15 minutes, flagged, which no case waits for. */
export function isUnknown({ status, possibleDuplicate }: FaultRow): boolean {
  return status === 'unknown' || (status === 'deferred' && possibleDuplicate);
}

/** Still under way: another attempt will be made soon, or is. */
export function isUnderWay(row: FaultRow): boolean {
  return ['queued', 'sending', 'deferred', 'scheduled'].includes(row.status) && !isUnknown(row);
}

export interface Verdict {
  name: string;
  /** 2xx the client saw. */
  accepted: number;
  /** Requests without a 2xx. */
  unanswered: number;
  /** Different messages that the sink took. */
  atTheSink: number;
  /** Copies too many, of messages that are not marked unknown. */
  duplicates: number;
  unknown: number;
  /** Accepted, and neither at the sink nor in a true other end: no row, `sent` but not there, or still waiting. */
  lost: string[];
  /** What must never be, said with its recipient: a second copy of an unknown message, a copy of a refused one, … */
  wrong: string[];
  seconds: number;
}

/** Compares what the client was promised, what the record says and what the sink has. */
export function judge(
  name: string,
  recipients: readonly string[],
  rows: readonly FaultRow[],
  client: FaultClient,
  sink: FaultSink,
  seconds: number,
): Verdict {
  const byRecipient = new Map<string, FaultRow[]>();
  for (const row of rows) byRecipient.set(row.to, [...(byRecipient.get(row.to) ?? []), row]);
  const verdict: Verdict = {
    name,
    accepted: 0,
    unanswered: 0,
    atTheSink: 0,
    duplicates: 0,
    unknown: 0,
    lost: [],
    wrong: [],
    seconds,
  };
  for (const to of recipients) {
    const accepted = client.accepted.has(to);
    if (accepted) verdict.accepted++;
    if (client.unanswered.has(to)) verdict.unanswered++;
    const [row, second] = byRecipient.get(to) ?? [];
    const copies = sink.copies.get(to) ?? [];
    if (copies.length > 0) verdict.atTheSink++;
    const unknown = row !== undefined && isUnknown(row);
    if (unknown) verdict.unknown++;
    else verdict.duplicates += Math.max(0, copies.length - 1);
    const told = `${to}: ${row ? row.story : 'no row'}; ${copies.length} at the sink`;
    if (copies.length === 0 && isLost(row, accepted)) verdict.lost.push(told);
    if (second) verdict.wrong.push(`accepted twice: ${told}`);
    if (!row && copies.length > 0) verdict.wrong.push(`never accepted: ${told}`);
    if (unknown && copies.length > 1) verdict.wrong.push(`sent again silently: ${told}`);
    if (row && !unknown && row.status !== 'sent' && copies.length > 0)
      verdict.wrong.push(`taken, but the record denies it: ${told}`);
    if (copies.some(({ messageId }) => messageId !== row?.messageId))
      verdict.wrong.push(`under another Message-ID: ${told}`);
  }
  return verdict;
}

function isLost(row: FaultRow | undefined, accepted: boolean): boolean {
  if (!row) return accepted;
  return row.status === 'sent' || isUnderWay(row);
}

const COLUMNS = ['accepted', 'unanswered', 'at the sink', 'duplicates', 'unknown', 'lost', 'seconds'];

function line(name: string, figures: readonly string[]): string {
  return [name.padEnd(62), ...figures.map((figure, index) => figure.padStart(COLUMNS[index]!.length))].join(' | ');
}

let headed = false;

/** A line of the run's table: to the terminal at once, and to the file that `npm run test:faults` shows at the end. */
export function print({ name, accepted, unanswered, atTheSink, duplicates, unknown, lost, seconds }: Verdict): void {
  const text = line(name, [
    ...[accepted, unanswered, atTheSink, duplicates, unknown, lost.length].map(String),
    seconds.toFixed(1),
  ]);
  process.stdout.write(headed ? `${text}\n` : `${line('case', COLUMNS)}\n${text}\n`);
  headed = true;
  const file = process.env['FAULTS_TABLE'];
  if (file) appendFileSync(file, `${text}\n`);
}
