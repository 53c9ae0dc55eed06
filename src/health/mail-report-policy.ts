import { LANES } from '../core/lanes.js';
import type { AttemptFacts } from '../mail/mail-history.js';
import type { TransportRecord } from '../mail/transport/transport-records.js';
import type { MailFacts, WorkerFacts } from './mail-facts.js';

/** Seconds that due mail may wait before health says so. */
const WAITING_TOO_LONG_S = 30;

export interface MailProblem {
  /** Stable. */
  code:
    | 'ledger_imbalance'
    | 'mail_waits'
    | 'no_worker'
    | 'lane_without_worker'
    | 'lane_paused'
    | 'transport_paused'
    | 'transport_backing_off'
    | 'transport_failing'
    | 'transport_unreachable'
    | 'broker_down'
    | 'database_down';
  message: string;
}

export interface TransportReport {
  name: string;
  /** unused: nothing was sent this way lately. */
  state: 'ok' | 'unused' | 'failing' | 'backing_off' | 'unreachable' | 'paused';
  pausedAt: Date | null;
  pauseReason: string | null;
  backoffUntil: Date | null;
  /** Hosts that cannot reach it, and since when; other hosts may well. */
  unreachableFrom: { host: string; since: Date }[];
  lastAttempt: Omit<AttemptFacts, 'transport'> | null;
}

export interface MailReport {
  status: 'ok' | 'degraded';
  ledger: MailFacts['ledger'];
  oldestDueSeconds: number;
  workers: WorkerFacts[];
  transports: TransportReport[];
  problems: MailProblem[];
}

export interface Surroundings {
  /** Names of the configured transports, the preferred one first. */
  transports: readonly string[];
  /** `error`: the class of what took it down. */
  broker: { kind: string; up: boolean; error?: string };
}

/** What the facts mean to an operator. `ok` is only said where nothing asks for a look. */
export function reportOf(facts: MailFacts, { transports: configured, broker }: Surroundings): MailReport {
  const transports = configured.map((name, index) => {
    // A second account at the same server has a state of its own, numbered.
    const nth = configured.slice(0, index + 1).filter((other) => other === name).length;
    const key = nth === 1 ? name : `${name}#${nth}`;
    return transportReport(
      key,
      facts.states.find((state) => state.name === key),
      facts.attempts.filter(({ transport }) => transport === name),
    );
  });
  const problems = [
    ...ledgerProblems(facts.ledger.imbalance),
    ...waitingProblems(facts.oldestDueSeconds),
    ...facts.pauses.map(pauseProblem),
    ...workerProblems(facts.workers),
    ...transports.flatMap(transportProblems),
    ...brokerProblems(broker),
  ];
  const { ledger, oldestDueSeconds, workers } = facts;
  return { status: problems.length === 0 ? 'ok' : 'degraded', ledger, oldestDueSeconds, workers, transports, problems };
}

function transportReport(name: string, state: TransportRecord | undefined, attempts: AttemptFacts[]): TransportReport {
  const [last] = attempts;
  return {
    name,
    state: stateOf(state, attempts),
    pausedAt: state?.pausedAt ?? null,
    pauseReason: state?.pauseReason ?? null,
    backoffUntil: state?.backoffUntil ?? null,
    unreachableFrom: state?.unreachableFrom.map(({ host, since }) => ({ host, since })) ?? [],
    lastAttempt: last ? { status: last.status, errorCode: last.errorCode, at: last.at } : null,
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
  return [{ code: 'ledger_imbalance', message: `The ledger is off by ${imbalance}: a message was lost or doubled. This is a bug of Otpost.` }];
}

function waitingProblems(oldestDueSeconds: number): MailProblem[] {
  if (oldestDueSeconds <= WAITING_TOO_LONG_S) return [];
  return [{ code: 'mail_waits', message: `Due mail has been waiting for ${oldestDueSeconds} s.` }];
}

/** Without the reason: whoever paused it wrote that for people, and this is read by monitors. */
function pauseProblem({ lane, pausedAt }: MailFacts['pauses'][number]): MailProblem {
  return { code: 'lane_paused', message: `The lane ${lane} is paused since ${pausedAt.toISOString()}. To deliver it again: otpost queue resume ${lane}` };
}

function workerProblems(workers: readonly WorkerFacts[]): MailProblem[] {
  const alive = workers.filter((worker) => worker.alive);
  if (alive.length === 0) return [{ code: 'no_worker', message: 'No worker is alive. Start one: ROLE=worker, or ROLE=all.' }];
  return LANES.filter((lane) => !alive.some(({ lanes }) => lanes.includes(lane))).map((lane) => ({
    code: 'lane_without_worker',
    message: `No live worker works the lane ${lane}. See WORKER_LANES.`,
  }));
}

function transportProblems(transport: TransportReport): MailProblem[] {
  return [...stateProblems(transport), ...reachProblems(transport)];
}

/** One host without a way out matters, though others deliver: what it claims waits. */
function reachProblems({ name, unreachableFrom }: TransportReport): MailProblem[] {
  if (unreachableFrom.length === 0) return [];
  const hosts = unreachableFrom.map(({ host }) => host).join(', ');
  return [{ code: 'transport_unreachable', message: `${name} cannot be reached from ${hosts}. What is in the way there, "otpost doctor" says.` }];
}

function stateProblems({ name, state, pauseReason, lastAttempt }: TransportReport): MailProblem[] {
  switch (state) {
    case 'ok':
    case 'unused':
    case 'unreachable':
      return [];
    case 'paused':
      return [{ code: 'transport_paused', message: `${name} is paused (${pauseReason ?? 'no reason given'}); its mail is kept.` }];
    case 'backing_off':
      return [{ code: 'transport_backing_off', message: `${name} is left alone for a while, as it asked.` }];
    case 'failing':
      return [{ code: 'transport_failing', message: `None of the last attempts through ${name} was handed over (${lastAttempt?.errorCode ?? 'no code'}).` }];
  }
}

function brokerProblems({ kind, up, error = 'no answer' }: Surroundings['broker']): MailProblem[] {
  if (up) return [];
  return [{ code: 'broker_down', message: `The broker (${kind}) cannot be used (${error}). Accepting goes on; workers drain on their timer.` }];
}
