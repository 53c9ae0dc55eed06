import type { MailFacts } from '../health/health-monitor.js';
import { type MailReport, whyNotFlowing } from '../health/mail-report-policy.js';
import type { MailProblem } from '../health/troubles-policy.js';

/** A problem, and since when it is one; null where the record does not say. */
export type DatedProblem = Omit<MailProblem, 'since'> & {
  since: Date | null;
  /** notice: it asks for a look, and mail flows all the same. */
  level: 'fault' | 'notice';
};

/** The worst first, where mail flows all the same or nothing is due. */
const BY_WEIGHT: readonly MailProblem['code'][] = [
  'ledger_imbalance',
  'database_down',
  'no_worker',
  'no_way_out',
  'transport_paused',
  'transport_unreachable',
  'sender_refused',
  'transport_failing',
  'lane_without_worker',
  'quota_used',
  'slow_handover',
  'codes_expired',
  'mail_waits',
  'lane_paused',
  'transport_backing_off',
  'broker_down',
];

/** What is wrong, the one thing to mend first at the beginning. A ledger that is off comes before all mail. */
export function weighed(
  report: MailReport,
  facts: Pick<MailFacts, 'pauses' | 'workers' | 'slowHandovers'>,
  { now, brokerSince }: { now: Date; brokerSince: Date },
): DatedProblem[] {
  const first = report.problems.find(({ code }) => code === 'ledger_imbalance') ?? whyNotFlowing(report);
  const rest = report.problems
    .filter((problem) => problem !== first)
    .sort((left, right) => BY_WEIGHT.indexOf(left.code) - BY_WEIGHT.indexOf(right.code));
  const dated = (problem: MailProblem, level: DatedProblem['level']): DatedProblem => ({
    ...problem,
    level,
    since: problem.since ?? sinceOf(problem, report, facts, { now, brokerSince }),
  });
  const faults = [...(first ? [first] : []), ...rest];
  return [
    ...faults.map((problem) => dated(problem, 'fault')),
    ...report.notices.map((problem) => dated(problem, 'notice')),
  ];
}

function sinceOf(
  { code, message }: MailProblem,
  { transports, oldestDueSeconds }: MailReport,
  { pauses, workers, slowHandovers }: Pick<MailFacts, 'pauses' | 'workers' | 'slowHandovers'>,
  { now, brokerSince }: { now: Date; brokerSince: Date },
): Date | null {
  const ago = (seconds: number): Date => new Date(now.getTime() - seconds * 1_000);
  switch (code) {
    case 'lane_paused':
      return pauses.find(({ lane }) => message.includes(` ${lane} `))?.pausedAt ?? null;
    case 'no_worker':
      return earliest(workers.slice(0, 1).map(({ heartbeatAt }) => heartbeatAt));
    case 'transport_paused':
      return transports.find(({ name, pausedAt }) => pausedAt && message.includes(name))?.pausedAt ?? null;
    case 'transport_unreachable':
      return earliest(
        transports
          .filter(({ name }) => message.includes(name))
          .flatMap(({ unreachableFrom }) =>
            unreachableFrom.filter(({ host }) => message.includes(host)).map(({ since }) => since),
          ),
      );
    case 'broker_down':
      return brokerSince;
    case 'mail_waits':
      return ago(oldestDueSeconds);
    case 'slow_handover':
      return ago(slowHandovers.oldestSeconds);
    default:
      return null;
  }
}

function earliest(moments: readonly Date[]): Date | null {
  return moments.reduce<Date | null>((first, moment) => (first && first <= moment ? first : moment), null);
}
