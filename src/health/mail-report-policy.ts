import { type Lane, LANES, MAIL_LANES } from '../core/lanes.js';
import type { AttemptFacts } from '../mail/outbox/records.js';
import { OF_SENDER } from '../mail/routing/refusals-policy.js';
import { causeOf } from '../mail/routing/causes.js';
import { keysOf } from '../mail/routing/routes.js';
import type { TransportRecord } from '../mail/routing/breaker-records.js';
import { quotaFor } from '../mail/routing/rate-limits.js';
import type { MailFacts, WorkerFacts } from './health-monitor.js';
import {
  expiredCodeProblems,
  type MailProblem,
  noticesOf,
  noneOpen,
  quotaProblems,
  type TransportReport,
  type UsedQuota,
} from './troubles-policy.js';

/** Seconds that due mail may wait before health says so. */
const WAITING_TOO_LONG_S = 30;

export interface MailReport {
  status: 'ok' | 'degraded';
  ledger: MailFacts['ledger'];
  oldestDueSeconds: number;
  workers: WorkerFacts[];
  transports: TransportReport[];
  /** What keeps mail from flowing as it should. */
  problems: MailProblem[];
  /** What asks for a look, though mail flows; `status` does not mind. */
  notices: MailProblem[];
}

/** What the facts are held against. */
interface Configured {
  transports: readonly ConfiguredTransport[];
  /** `error`: the class of what took it down. */
  broker: { kind: string; up: boolean; error?: string };
}

/** A configured transport; of those of a channel the preferred one comes first. */
export interface ConfiguredTransport {
  name: string;
  /** Messages a day that it may send; undefined: no quota. */
  daily?: number;
  /** Undefined: of mail. */
  channel?: 'sms';
}

/** Lanes that there are transports for. */
export function lanesOf(transports: readonly ConfiguredTransport[]): readonly Lane[] {
  return transports.some(({ channel }) => channel === 'sms') ? LANES : MAIL_LANES;
}

/** What the facts mean to an operator. `ok` is only said where nothing asks for a look. */
export function reportOf(facts: MailFacts, { transports: configured, broker }: Configured): MailReport {
  const keys = keysOf(configured);
  const transports = configured.map(({ name, channel }, index) =>
    transportReport(
      { name: keys[index]!, channel: channel ?? 'email' },
      facts.states.find((state) => state.name === keys[index]),
      facts.attempts.filter(({ transport }) => transport === name),
    ),
  );
  const problems = [
    ...ledgerProblems(facts.ledger.imbalance),
    ...brokerProblems(broker),
    ...facts.pauses.map(pauseProblem),
    ...workerProblems(facts.workers, lanesOf(configured)),
    ...noneOpen(ofMail(transports)),
    ...transports.flatMap(transportProblems),
    ...quotaProblems(usedUp(keys, configured, facts.usedToday)),
    ...handoverProblems(facts.slowHandovers),
    ...expiredCodeProblems(facts.messages),
    ...waitingProblems(facts.oldestDueSeconds),
  ];
  const { ledger, oldestDueSeconds, workers } = facts;
  const status = problems.length === 0 ? 'ok' : 'degraded';
  return { status, ledger, oldestDueSeconds, workers, transports, problems, notices: noticesOf(facts) };
}

/**
 * Transports whose quota leaves nothing for mail other than codes, and those of SMS, which carry nothing else, whose is
 * used up.
 */
function usedUp(
  keys: readonly string[],
  transports: readonly ConfiguredTransport[],
  usedToday: MailFacts['usedToday'],
): UsedQuota[] {
  return transports.flatMap(({ daily, channel }, index) => {
    const name = keys[index]!;
    const used = usedToday.get(name) ?? 0;
    const all = daily === undefined ? Infinity : quotaFor(channel === 'sms' ? 'sms' : 'default', daily);
    return used >= all ? [{ name, channel: channel ?? 'email', used, daily: daily! }] : [];
  });
}

const OF_WORKERS: readonly MailProblem['code'][] = ['lane_paused', 'no_worker', 'lane_without_worker'];
const OF_TRANSPORTS: readonly MailProblem['code'][] = [
  'no_way_out',
  'transport_paused',
  'transport_backing_off',
  'transport_unreachable',
  'transport_failing',
  'sender_refused',
];

/**
 * Why mail does not flow, if it does not. One transport that does not work is no reason beside another one that does.
 */
export function whyNotFlowing({ problems, transports }: MailReport): MailProblem | undefined {
  const first = (codes: readonly MailProblem['code'][]) => problems.find(({ code }) => codes.includes(code));
  const ofTransports = hasOpen(transports) ? first(['sender_refused']) : first(OF_TRANSPORTS);
  const waits = first(['mail_waits']);
  return (waits && first(OF_WORKERS)) ?? ofTransports ?? first(['quota_used', 'slow_handover']) ?? waits;
}

/** Whether mail goes out by some transport; one for SMS carries none. */
export function hasOpen(transports: readonly TransportReport[]): boolean {
  return ofMail(transports).some(({ state }) => state === 'ok' || state === 'unused');
}

function ofMail(transports: readonly TransportReport[]): TransportReport[] {
  return transports.filter(({ channel }) => channel === 'email');
}

function transportReport(
  way: Pick<TransportReport, 'name' | 'channel'>,
  state: TransportRecord | undefined,
  attempts: AttemptFacts[],
): TransportReport {
  const [last] = attempts;
  return {
    ...way,
    state: stateOf(state, attempts),
    pausedAt: state?.pausedAt ?? null,
    pauseReason: state?.pauseReason ?? null,
    backoffUntil: state?.backoffUntil ?? null,
    lastErrorCode: state?.lastErrorCode ?? null,
    lastReply: state?.lastReply ?? null,
    unreachableFrom:
      state?.unreachableFrom.map(({ host, since, lastErrorCode, lastReply }) => ({
        host,
        since,
        lastErrorCode,
        lastReply,
      })) ?? [],
    lastAttempt: last ? { status: last.status, errorCode: last.errorCode, reply: last.reply, at: last.at } : null,
  };
}

function stateOf(state: TransportRecord | undefined, attempts: AttemptFacts[]): TransportReport['state'] {
  if (state?.pausedAt) return 'paused';
  if (state?.backingOff) return 'backing_off';
  if (attempts.some(({ status }) => status === 'sent')) return 'ok';
  if (state && state.unreachableFrom.length > 0) return 'unreachable';
  return attempts.length === 0 ? 'unused' : 'failing';
}

function ledgerProblems(imbalance: number): MailProblem[] {
  if (imbalance === 0) return [];
  return [
    {
      code: 'ledger_imbalance',
      message: `The ledger is off by ${imbalance}: a message was lost or doubled.`,
      remedy: 'This is a bug of Otpost: please report it.',
    },
  ];
}

function waitingProblems(oldestDueSeconds: number): MailProblem[] {
  if (oldestDueSeconds <= WAITING_TOO_LONG_S) return [];
  return [
    {
      code: 'mail_waits',
      message: `Due mail has been waiting for ${oldestDueSeconds} s.`,
      remedy:
        'What holds it up stands beside this. Where nothing does, the workers have more than they can do, or a rate (MAIL_RATE, ?rate=, ?daily=) is used up.',
    },
  ];
}

function handoverProblems({ count, oldestSeconds, awaitingReply }: MailFacts['slowHandovers']): MailProblem[] {
  if (count === 0) return [];
  const many = count === 1 ? 'One message has' : `${count} messages have`;
  const reply =
    awaitingReply === 0
      ? ''
      : ` ${awaitingReply === 1 ? 'One of them has' : `${awaitingReply} of them have`} been taken by a server that does not give its final reply.`;
  return [
    {
      code: 'slow_handover',
      message: `${many} been in state sending for up to ${oldestSeconds} s.${reply}`,
      remedy:
        'A server has 10 minutes for its final reply, after which the outcome counts as unknown. Ask whoever runs the server why it hangs; other mail does not wait for these.',
    },
  ];
}

/** Without the reason: whoever paused it wrote that for people, and this is read by monitors. */
function pauseProblem({ lane, pausedAt }: MailFacts['pauses'][number]): MailProblem {
  return {
    code: 'lane_paused',
    message: `The lane ${lane} is paused since ${pausedAt.toISOString()}.`,
    remedy: `To deliver it again: otpost queue resume ${lane}`,
  };
}

function workerProblems(workers: readonly WorkerFacts[], lanes: readonly Lane[]): MailProblem[] {
  const alive = workers.filter((worker) => worker.alive);
  const [silent] = workers;
  if (alive.length === 0 && silent) {
    return [
      {
        code: 'no_worker',
        message: `The worker ${silent.name} was heard of ${silent.silentSeconds} s ago for the last time: it hangs, or was killed.`,
        remedy:
          'Restart it (under Supervisor: supervisorctl restart worker). If it is gone for good, start another one: ROLE=worker, or ROLE=all.',
      },
    ];
  }
  if (alive.length === 0)
    return [{ code: 'no_worker', message: 'No worker is alive.', remedy: 'Start one: ROLE=worker, or ROLE=all.' }];
  return lanes
    .filter((lane) => !alive.some((worker) => worker.lanes.includes(lane)))
    .map((lane) => ({
      code: 'lane_without_worker',
      message: `No live worker works the lane ${lane}.`,
      remedy: remedyForLane(lane, alive),
    }));
}

/** A worker without MAIL_TRANSPORTS works no mail beside processes that send it: see capture-by-default.ts. */
export function remedyForLane(lane: Lane, alive: readonly WorkerFacts[]): string {
  const added = `Add ${lane} to WORKER_LANES of a worker.`;
  const ofMail: readonly Lane[] = MAIL_LANES;
  const without = alive.filter(({ lanes }) => !lanes.some((one) => ofMail.includes(one))).map(({ name }) => name);
  if (without.length === 0 || !ofMail.includes(lane)) return added;
  return `${added} No mail is worked by ${without.join(', ')}: where MAIL_TRANSPORTS is not set there, set it as in the other processes.`;
}

/** What is wrong with one transport, the worst first. */
export function transportProblems(transport: TransportReport): MailProblem[] {
  return [...stateProblems(transport), ...reachProblems(transport)];
}

/** One host without a transport matters, though others deliver: what it claims waits. */
function reachProblems({ name, unreachableFrom }: TransportReport): MailProblem[] {
  return unreachableFrom.map(({ host, lastErrorCode, lastReply }) => {
    const errorCode = lastErrorCode ?? 'unreachable';
    const { cause, remedy } = causeOf(name, { errorCode, reply: lastReply });
    return { code: 'transport_unreachable', message: `From ${host}: ${cause}`, remedy, errorCode };
  });
}

function stateProblems({ name, state, lastErrorCode, lastReply, lastAttempt }: TransportReport): MailProblem[] {
  const words = (
    code: MailProblem['code'],
    errorCode: string | null,
    reply: string | null,
    more: string,
  ): MailProblem => {
    const { cause, remedy } = causeOf(name, { errorCode: errorCode ?? 'unknown', reply });
    return { code, message: `${cause}${more}`, remedy, ...(errorCode === null ? {} : { errorCode }) };
  };
  if (state === 'paused')
    return [words('transport_paused', lastErrorCode, lastReply, ' It is paused, and its mail is kept.')];
  if (state === 'backing_off')
    return [
      words(
        'transport_backing_off',
        lastErrorCode,
        lastReply,
        ' It has a break, and its mail goes another way or waits.',
      ),
    ];
  // For as long as the newest attempt says so.
  if (lastAttempt?.errorCode && OF_SENDER.includes(lastAttempt.errorCode))
    return [words('sender_refused', lastAttempt.errorCode, lastAttempt.reply, '')];
  if (state !== 'failing') return [];
  return [
    {
      code: 'transport_failing',
      message: `None of the last messages through ${name} was handed over. The last one: ${lastAttempt?.errorCode ?? 'no code'}${lastAttempt?.reply ? `, ${lastAttempt.reply}` : ''}`,
      remedy: 'Look at the timeline of one of them: GET /v1/emails/:id.',
    },
  ];
}

function brokerProblems({ kind, up, error = 'no answer' }: Configured['broker']): MailProblem[] {
  if (up) return [];
  return [
    {
      code: 'broker_down',
      message: `The broker (${kind}) cannot be used: ${error}. Accepting goes on; workers drain on their timer.`,
      remedy: 'Look at the broker, and at REDIS_URL where there is one.',
    },
  ];
}
