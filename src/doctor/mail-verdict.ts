import { LANES } from '../core/lanes.js';
import type { MailFacts, WorkerFacts } from '../health/mail-facts.js';
import { reportOf, type TransportReport } from '../health/mail-report-policy.js';
import type { Check } from './check.js';

export interface MailContext {
  /** Names of the configured transports, as in MAIL_TRANSPORTS. */
  transports: readonly string[];
  /** This machine. */
  host: string;
  now: Date;
}

/** What the record tells: who delivers, what became of the ways out, and whether every message is accounted for. */
export function mailVerdicts(facts: MailFacts, { transports, host, now }: MailContext): Check[] {
  const report = reportOf(facts, { transports, broker: { kind: 'not asked', up: true } });
  return [
    ...workerVerdicts(facts.workers, now),
    ...facts.pauses.map(pauseVerdict),
    ...report.transports.map((transport) => transportVerdict(transport, host)),
    waitingVerdict(report.problems.find(({ code }) => code === 'mail_waits')?.message),
    ledgerVerdict(facts.ledger),
  ];
}

function workerVerdicts(workers: readonly WorkerFacts[], now: Date): Check[] {
  const alive = workers.filter((worker) => worker.alive);
  const told = (worker: WorkerFacts) => `${worker.name} (${worker.lanes.join(', ')}; ${secondsSince(worker.heartbeatAt, now)} s ago)`;
  const details = { workers: workers.map(({ name, lanes, heartbeatAt, alive: lives }) => ({ name, lanes, heartbeatAt: heartbeatAt.toISOString(), alive: lives })) };
  if (alive.length === 0) {
    const [last] = workers;
    return [
      {
        area: 'workers',
        name: 'heartbeats',
        status: 'fail',
        summary: `no worker is alive${last ? `; last heard of: ${told(last)}` : ''}`,
        remedy: 'Start one: ROLE=worker, or ROLE=all. Meanwhile a web process delivers, unless OUTBOX_RESCUE=off.',
        details,
      },
    ];
  }
  const idle = LANES.filter((lane) => !alive.some(({ lanes }) => lanes.includes(lane)));
  return [
    { area: 'workers', name: 'heartbeats', status: 'ok', summary: `${alive.length} alive: ${alive.map(told).join(', ')}`, details },
    ...idle.map((lane): Check => ({ area: 'workers', name: `lane ${lane}`, status: 'fail', summary: 'no live worker works it: its mail waits', remedy: `Add ${lane} to WORKER_LANES of a worker.` })),
  ];
}

/** On purpose, but easily forgotten. */
function pauseVerdict({ lane, pausedAt, reason }: MailFacts['pauses'][number]): Check {
  const summary = `paused since ${pausedAt.toISOString()}${reason === null ? '' : ` (${reason})`}: its mail waits`;
  return { area: 'mail', name: `lane ${lane}`, status: 'warn', summary, remedy: `otpost queue resume ${lane}` };
}

function transportVerdict({ name, state, pausedAt, pauseReason, backoffUntil, unreachableFrom, lastAttempt }: TransportReport, host: string): Check {
  const base = { area: 'mail' as const, name, details: { state, pauseReason, lastAttempt } };
  const resume = `Mend it, then: otpost transports resume ${name}`;
  if (state === 'paused') {
    return { ...base, status: 'fail', summary: `paused since ${pausedAt?.toISOString()} (${pauseReason ?? 'no reason given'}); its mail is kept`, remedy: resume };
  }
  const here = unreachableFrom.some((one) => one.host === host);
  if (unreachableFrom.length > 0) {
    const hosts = unreachableFrom.map((one) => (one.host === host ? 'this host' : one.host)).join(', ');
    return { ...base, status: here ? 'fail' : 'warn', summary: `deliveries could not reach it from ${hosts}`, remedy: here ? 'See what is said of it under smtp or http above.' : 'Run otpost doctor there.' };
  }
  switch (state) {
    case 'backing_off':
      return { ...base, status: 'warn', summary: `has a break until ${backoffUntil?.toISOString()}`, remedy: 'It ends by itself.' };
    case 'failing':
      return { ...base, status: 'warn', summary: `none of the last attempts was handed over (${lastAttempt?.errorCode ?? 'no code'})`, remedy: 'Look at the timeline of one of these messages: GET /v1/emails/:id' };
    case 'unused':
      return { ...base, status: 'ok', summary: 'open; nothing was sent this way lately' };
    default:
      return { ...base, status: 'ok', summary: `open; last attempt ${lastAttempt?.at.toISOString()}: ${lastAttempt?.status}` };
  }
}

/** @param problem what health says of it */
function waitingVerdict(problem: string | undefined): Check {
  const base = { area: 'mail' as const, name: 'waiting' };
  if (problem === undefined) return { ...base, status: 'ok', summary: 'no due mail waits for long' };
  return { ...base, status: 'warn', summary: problem, remedy: 'See the workers and the transports; a rate that is used up does this too.' };
}

function ledgerVerdict({ accepted, imbalance }: MailFacts['ledger']): Check {
  const base = { area: 'mail' as const, name: 'ledger' };
  if (imbalance === 0) return { ...base, status: 'ok', summary: `balances: ${accepted} accepted, each accounted for` };
  return { ...base, status: 'fail', summary: `off by ${imbalance}: a message was lost or doubled`, remedy: 'This is a bug of Otpost: please report it.' };
}

function secondsSince(at: Date, now: Date): number {
  return Math.max(0, Math.round((now.getTime() - at.getTime()) / 1_000));
}
