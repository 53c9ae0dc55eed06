import { LANES } from '../core/lanes.js';
import type { AttemptFacts, MailFacts, TransportStateFacts, WorkerFacts } from './mail-facts.js';

/** Seconds that due mail may wait before health says so. */
const WAITING_TOO_LONG_S = 30;

export interface MailProblem {
  /** Stable. */
  code:
    | 'ledger_imbalance'
    | 'mail_waits'
    | 'no_worker'
    | 'lane_without_worker'
    | 'transport_paused'
    | 'transport_backing_off'
    | 'transport_failing'
    | 'broker_down'
    | 'database_down';
  message: string;
}

export interface TransportReport {
  name: string;
  /** unused: nothing was sent this way lately. */
  state: 'ok' | 'unused' | 'failing' | 'backing_off' | 'paused';
  pausedAt: Date | null;
  pauseReason: string | null;
  backoffUntil: Date | null;
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
  broker: { kind: string; up: boolean };
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
    ...workerProblems(facts.workers),
    ...transports.flatMap(transportProblems),
    ...brokerProblems(broker),
  ];
  const { ledger, oldestDueSeconds, workers } = facts;
  return { status: problems.length === 0 ? 'ok' : 'degraded', ledger, oldestDueSeconds, workers, transports, problems };
}

function transportReport(name: string, state: TransportStateFacts | undefined, attempts: AttemptFacts[]): TransportReport {
  const [last] = attempts;
  return {
    name,
    state: stateOf(state, attempts),
    pausedAt: state?.pausedAt ?? null,
    pauseReason: state?.pauseReason ?? null,
    backoffUntil: state?.backoffUntil ?? null,
    lastAttempt: last ? { status: last.status, errorCode: last.errorCode, at: last.at } : null,
  };
}

function stateOf(state: TransportStateFacts | undefined, attempts: AttemptFacts[]): TransportReport['state'] {
  if (state?.pausedAt) return 'paused';
  if (state?.backingOff) return 'backing_off';
  if (attempts.length === 0) return 'unused';
  return attempts.some(({ status }) => status === 'sent') ? 'ok' : 'failing';
}

function ledgerProblems(imbalance: number): MailProblem[] {
  if (imbalance === 0) return [];
  return [{ code: 'ledger_imbalance', message: `The ledger is off by ${imbalance}: a message was lost or doubled. This is a bug of Otpost.` }];
}

function waitingProblems(oldestDueSeconds: number): MailProblem[] {
  if (oldestDueSeconds <= WAITING_TOO_LONG_S) return [];
  return [{ code: 'mail_waits', message: `Due mail has been waiting for ${oldestDueSeconds} s.` }];
}

function workerProblems(workers: readonly WorkerFacts[]): MailProblem[] {
  const alive = workers.filter((worker) => worker.alive);
  if (alive.length === 0) return [{ code: 'no_worker', message: 'No worker is alive. Start one: ROLE=worker, or ROLE=all.' }];
  return LANES.filter((lane) => !alive.some(({ lanes }) => lanes.includes(lane))).map((lane) => ({
    code: 'lane_without_worker',
    message: `No live worker works the lane ${lane}. See WORKER_LANES.`,
  }));
}

function transportProblems({ name, state, pauseReason, lastAttempt }: TransportReport): MailProblem[] {
  switch (state) {
    case 'ok':
    case 'unused':
      return [];
    case 'paused':
      return [{ code: 'transport_paused', message: `${name} is paused (${pauseReason ?? 'no reason given'}); its mail is kept.` }];
    case 'backing_off':
      return [{ code: 'transport_backing_off', message: `${name} is left alone for a while, as it asked or because it does not answer.` }];
    case 'failing':
      return [{ code: 'transport_failing', message: `None of the last attempts through ${name} was handed over (${lastAttempt?.errorCode ?? 'no code'}).` }];
  }
}

function brokerProblems({ kind, up }: Surroundings['broker']): MailProblem[] {
  if (up) return [];
  return [{ code: 'broker_down', message: `The broker (${kind}) does not answer. Accepting goes on; workers drain on their timer.` }];
}
