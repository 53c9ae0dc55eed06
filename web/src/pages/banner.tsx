import { Link } from '@tanstack/react-router';
import { useLayoutEffect, useRef } from 'react';
import { ApiProblem, type Schemas } from '../api/client';
import { cx } from '../ui/parts';
import { ago, count, exact, many, short } from '../words';
import styles from './overview.module.css';

type Overview = Schemas['OverviewView'];
type Problem = Schemas['ProblemView'];

const TITLES: Record<string, string> = {
  ledger_imbalance: 'The ledger does not add up',
  mail_waits: 'Mail waits',
  slow_handover: 'A mail server hangs',
  no_worker: 'No worker delivers mail',
  lane_without_worker: 'A lane has no worker',
  lane_paused: 'A lane is paused',
  transport_paused: 'A transport is paused',
  transport_backing_off: 'A transport has a break',
  transport_failing: 'Mail is not handed over',
  transport_unreachable: 'A mail server cannot be reached',
  sender_refused: 'The sender is refused',
  no_way_out: 'No transport takes mail',
  quota_used: 'The quota of today is used up',
  codes_expired: 'Codes expire before they are sent',
  bounce_rate: 'Many messages come back',
  unknown_waiting: 'Somebody has to say what became of mail',
  webhook_disabled: 'A webhook endpoint was given up',
  webhook_failing: 'A webhook endpoint takes nothing',
  clock_skew: 'The clock of a host is wrong',
  broker_down: 'The broker is away',
  database_down: 'Postgres does not answer',
};

/** Where the error of a transport says more than its state. */
const BY_ERROR: [RegExp, string][] = [
  [/_auth$/, 'A mail server refuses the login'],
  [/_tls$/, 'TLS with a mail server fails'],
  [/_quota$/, 'The quota of the provider is used up'],
  [/_connect_timeout$/, 'A mail server does not answer'],
];

const titleOf = ({ code, errorCode = '' }: Problem): string =>
  (code.startsWith('transport_') ? BY_ERROR.find(([error]) => error.test(errorCode))?.[1] : undefined) ??
  TITLES[code] ??
  'Something is wrong';

/** Where more of it is to be seen. */
const PLACES: Record<string, { to: '/messages' | '/webhooks'; search?: Record<string, string>; words: string }> = {
  unknown_waiting: { to: '/messages', search: { status: 'unknown' }, words: 'Look at them' },
  bounce_rate: { to: '/messages', search: { status: 'failed,bounced,complained', last: '24h' }, words: 'Look at them' },
  codes_expired: { to: '/messages', search: { status: 'expired', lane: 'critical' }, words: 'Look at them' },
  webhook_disabled: { to: '/webhooks', words: 'To the webhooks' },
  webhook_failing: { to: '/webhooks', words: 'To the webhooks' },
};

/** The service writes times for machines; people read them in their zone. */
const inZone = (text: string): string => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (moment) => short(moment));

/** The one thing that is wrong. Its place is kept while nothing is, so that the page stays where it is. */
export function Banner({ data, error }: { data: Overview | undefined; error: unknown }) {
  const ref = useStill();
  return (
    <div ref={ref} className={styles.place}>
      {error ? (
        <Unknown data={data} error={error} />
      ) : !data ? (
        <div className={styles.banner} aria-hidden="true" />
      ) : data.problems.length === 0 ? (
        <Well data={data} />
      ) : (
        <Wrong data={data} />
      )}
    </div>
  );
}

/**
 * What stands below does not move under the pointer: as the banner grows, the page is scrolled along, and it keeps what
 * it has grown to until the next visit.
 */
function useStill() {
  const ref = useRef<HTMLDivElement>(null);
  const height = useRef(0);
  useLayoutEffect(() => {
    const element = ref.current!;
    const now = element.offsetHeight;
    const below = document.querySelector('main:hover') !== null && !element.matches(':hover');
    const passed = element.getBoundingClientRect().top + height.current < 0;
    if (height.current > 0 && now > height.current && (below || passed)) window.scrollBy(0, now - height.current);
    height.current = Math.max(height.current, now);
    element.style.minHeight = `${height.current}px`;
  });
  return ref;
}

function Unknown({ data, error }: { data: Overview | undefined; error: unknown }) {
  const refused = error instanceof ApiProblem;
  return (
    <div role="alert" className={cx(styles.banner, styles.wrong)}>
      <h2>
        {refused && error.status === 503
          ? 'Postgres does not answer'
          : refused
            ? 'This cannot be shown'
            : 'The service cannot be reached'}
      </h2>
      <p>
        {refused && error.status === 503
          ? 'Nothing is accepted meanwhile. What was accepted is kept, and goes out once Postgres is back.'
          : refused
            ? error.message
            : 'The web process does not answer. Mail that was accepted goes out all the same, where workers run.'}
      </p>
      <p className={styles.remedy}>
        {refused && error.status === 503
          ? 'Look at Postgres and at DATABASE_URL; the log says why. '
          : refused
            ? error.remedy
            : 'Look at the web process and its log. '}
        {data && `Below is what was known ${ago(data.at)}.`}
      </p>
    </div>
  );
}

function Well({ data }: { data: Overview }) {
  return (
    <div role="status" className={cx(styles.banner, styles.well)}>
      <h2>All is well</h2>
      <p>{data.waiting === 0 ? 'Nothing waits.' : `${many(data.waiting, 'message')} on the way.`}</p>
      <p className={styles.remedy}>Lanes, workers and transports were looked at {ago(data.at)}.</p>
    </div>
  );
}

/** In red what keeps mail from flowing; in amber what asks for a look while it flows. */
function Wrong({ data }: { data: Overview }) {
  const [first, ...others] = data.problems as [Problem, ...Problem[]];
  const place = PLACES[first.code];
  const flows = first.level === 'notice';
  return (
    <div
      role={flows ? 'status' : 'alert'}
      className={cx(styles.banner, flows ? styles.notice : styles.wrong)}
      data-problem={first.code}
    >
      <h2>{titleOf(first)}</h2>
      <p>{inZone(first.message)}</p>
      <p className={styles.facts}>
        {first.since && (
          <span title={exact(first.since)}>
            Since {short(first.since)} ({ago(first.since)}).{' '}
          </span>
        )}
        {flows ? (
          'Mail flows all the same.'
        ) : (
          <>
            <Link to="/messages" search={{ status: 'queued,deferred' }}>
              {data.waiting === 1 ? '1 message waits' : `${count(data.waiting)} messages wait`}
            </Link>
            {data.expiredLastHour > 0 && (
              <>
                ,{' '}
                <Link to="/messages" search={{ status: 'expired' }}>
                  {count(data.expiredLastHour)} expired in the last hour
                </Link>
              </>
            )}
            .
          </>
        )}
      </p>
      <p className={styles.remedy}>
        {first.remedy}{' '}
        {place && (
          <Link to={place.to} search={place.search ?? {}}>
            {place.words}
          </Link>
        )}
      </p>
      {others.length > 0 && (
        <details className={styles.also}>
          <summary>{many(others.length, 'more thing')} to look at</summary>
          <ul>
            {others.map((one) => (
              <li key={one.code + one.message}>
                <b>{titleOf(one)}.</b> {inZone(one.message)} <span className={styles.soft}>{one.remedy}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}
