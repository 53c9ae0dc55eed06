import type { Lane } from '../core/lanes.js';
import type { MailFacts, WorkerFacts } from '../health/health-monitor.js';
import {
  hasOpen,
  lanesOf,
  remedyForLane,
  reportOf,
  transportProblems,
  type ConfiguredTransport,
} from '../health/mail-report-policy.js';
import type { MailProblem, TransportReport } from '../health/troubles-policy.js';
import { type Check, fail, ok, warn } from './report.js';

interface MailContext {
  transports: readonly ConfiguredTransport[];
  /** This machine. */
  host: string;
  now: Date;
}

/** What the record tells: who delivers, what became of the transports, and whether every message is accounted for. */
export function mailVerdicts(facts: MailFacts, { transports, host, now }: MailContext): Check[] {
  const report = reportOf(facts, { transports, broker: { kind: 'not asked', up: true } });
  const problemOf = (wanted: MailProblem['code']) => report.problems.find(({ code }) => code === wanted);
  // Where none is open, mail does not flow, whatever the reason.
  const open = hasOpen(report.transports);
  return [
    ...workerVerdicts(facts.workers, problemOf('no_worker'), now, lanesOf(transports)),
    ...facts.pauses.map(pauseVerdict),
    ...report.transports.map((transport) => transportVerdict(transport, host, open)),
    flowVerdict('hand-overs', 'none has been under way for long', problemOf('slow_handover')),
    ...report.problems
      .filter(({ code }) => code in NAMES)
      .map(({ code, message, remedy }): Check => ({ area: 'mail', name: NAMES[code]!, ...fail(message, remedy) })),
    ...report.notices.map(({ code, message, remedy }): Check => ({
      area: 'mail',
      name: NAMES[code]!,
      ...warn(message, remedy),
    })),
    flowVerdict('waiting', 'no due mail waits for long', problemOf('mail_waits')),
    ledgerVerdict(facts.ledger),
  ];
}

/** Of what is told only where there is something to tell. */
const NAMES: Partial<Record<MailProblem['code'], string>> = {
  quota_used: 'quota',
  codes_expired: 'codes',
  bounce_rate: 'bounces',
  unknown_waiting: 'unknown outcomes',
  webhook_disabled: 'webhooks',
  webhook_failing: 'webhooks',
  clock_skew: 'clocks of workers',
};

function workerVerdicts(
  workers: readonly WorkerFacts[],
  noneAlive: MailProblem | undefined,
  now: Date,
  lanes: readonly Lane[],
): Check[] {
  const alive = workers.filter((worker) => worker.alive);
  const told = (worker: WorkerFacts) =>
    `${worker.name} (${worker.lanes.join(', ') || 'no lane'}; ${secondsSince(worker.heartbeatAt, now)} s ago)`;
  const details = {
    workers: workers.map(({ name, lanes, heartbeatAt, alive: lives }) => ({
      name,
      lanes,
      heartbeatAt: heartbeatAt.toISOString(),
      alive: lives,
    })),
  };
  if (noneAlive) {
    const remedy = `${noneAlive.remedy} Meanwhile a web process delivers, unless OUTBOX_RESCUE=off.`;
    return [{ area: 'workers', name: 'heartbeats', ...fail(uncapitalised(noneAlive.message), remedy, details) }];
  }
  const idle = lanes.filter((lane) => !alive.some((worker) => worker.lanes.includes(lane)));
  return [
    { area: 'workers', name: 'heartbeats', ...ok(`${alive.length} alive: ${alive.map(told).join(', ')}`, details) },
    ...idle.map((lane): Check => ({
      area: 'workers',
      name: `lane ${lane}`,
      ...fail('no live worker works it: its mail waits', remedyForLane(lane, alive)),
    })),
  ];
}

/** On purpose, but easily forgotten. */
function pauseVerdict({ lane, pausedAt, reason }: MailFacts['pauses'][number]): Check {
  const summary = `paused since ${pausedAt.toISOString()}${reason === null ? '' : ` (${reason})`}: its mail waits`;
  return { area: 'mail', name: `lane ${lane}`, ...warn(summary, `otpost queue resume ${lane}`) };
}

/**
 * @param open whether mail goes out by some transport: what is wrong with this one then asks for a look, and no more
 */
function transportVerdict(transport: TransportReport, host: string, open: boolean): Check {
  const { name, state, pausedAt, pauseReason, lastErrorCode, unreachableFrom, lastAttempt } = transport;
  const base = { area: 'mail' as const, name, details: { state, pauseReason, lastErrorCode, lastAttempt } };
  const here = unreachableFrom.find((one) => one.host === host);
  const [problem] = transportProblems(here ? { ...transport, unreachableFrom: [here] } : transport);
  if (!problem) {
    const summary =
      state === 'unused'
        ? 'open; nothing was sent this way lately'
        : `open; last attempt ${lastAttempt?.at.toISOString()}: ${lastAttempt?.status}`;
    return { ...base, ...ok(summary) };
  }
  const { message, remedy } = problem;
  const resume = state === 'paused' ? ` Then: otpost transports resume ${name}` : '';
  const since =
    state === 'paused' ? ` Paused since ${pausedAt?.toISOString()} (${pauseReason ?? 'no reason given'}).` : '';
  return {
    ...base,
    status: state === 'paused' || here || !open ? 'fail' : 'warn',
    summary: `${message}${since}`,
    remedy: `${remedy}${resume}`,
  };
}

function flowVerdict(name: string, well: string, problem: MailProblem | undefined): Check {
  const base = { area: 'mail' as const, name };
  if (problem === undefined) return { ...base, ...ok(well) };
  return { ...base, ...fail(problem.message, problem.remedy) };
}

function ledgerVerdict({ accepted, imbalance }: MailFacts['ledger']): Check {
  const base = { area: 'mail' as const, name: 'ledger' };
  if (imbalance === 0) return { ...base, ...ok(`balances: ${accepted} accepted, each accounted for`) };
  return {
    ...base,
    ...fail(`off by ${imbalance}: a message was lost or doubled`, 'This is a bug of Otpost: please report it.'),
  };
}

function secondsSince(at: Date, now: Date): number {
  return Math.max(0, Math.round((now.getTime() - at.getTime()) / 1_000));
}

function uncapitalised(sentence: string): string {
  return `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

/** A state that a message does not leave by itself; `sent` may still become bounced, which the provider tells later. */
const ENDS: Readonly<Record<string, 'good' | 'bad'>> = {
  sent: 'good',
  delivered: 'good',
  complained: 'bad',
  bounced: 'bad',
  failed: 'bad',
  unknown: 'bad',
  suppressed: 'bad',
  expired: 'bad',
  cancelled: 'bad',
};

export function endOf(status: string): 'good' | 'bad' | undefined {
  return ENDS[status];
}

export interface WaitingMessage {
  status: string;
  lane: Lane;
  nextAttemptAt: Date;
  lastErrorCode: string | null;
}

/** What may hold up any message. The others are of no concern to this one. */
const HOLDS_UP: readonly MailProblem['code'][] = [
  'lane_paused',
  'no_worker',
  'lane_without_worker',
  'transport_paused',
  'transport_backing_off',
  'transport_unreachable',
  'sender_refused',
];

/**
 * Why a message has not gone yet, in plain words, the likeliest reason first.
 * @param transports those of mail
 */
export function whyWaiting(
  message: WaitingMessage,
  facts: MailFacts,
  transports: readonly (ConfiguredTransport & { rate?: unknown })[],
  now: Date,
): string[] {
  const { problems } = reportOf(facts, { transports, broker: { kind: 'not asked', up: true } });
  const reasons = problems
    .filter(({ code }) => HOLDS_UP.includes(code))
    .filter(
      ({ code, message: words }) =>
        (code !== 'lane_without_worker' && code !== 'lane_paused') ||
        new RegExp(`lane ${message.lane}[. ]`).test(words),
    )
    .map(({ message: words, remedy }) => `${words} ${remedy}`);
  if (message.status === 'sending') reasons.push('A worker is handing it over at this moment.');
  if (message.status === 'deferred') {
    const seconds = Math.max(0, Math.ceil((message.nextAttemptAt.getTime() - now.getTime()) / 1_000));
    reasons.push(
      `The last attempt did not get through (${message.lastErrorCode ?? 'no code'}); the next one is in ${seconds} s.`,
    );
  }
  const rated = transports.filter(({ rate, daily }) => rate !== undefined || daily !== undefined);
  if (reasons.length === 0 && rated.length > 0)
    reasons.push(
      `The rate or the daily quota of ${rated.map(({ name }) => name).join(', ')} is probably used up: other mail was first.`,
    );
  return reasons.length > 0 ? reasons : ['Nothing is known to hold it up: other mail of its lane may be first.'];
}
