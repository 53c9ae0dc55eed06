import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiProblem, api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { Button, Cell, Confirm, cx, Empty, Field, Loading, Page, Section, Table, Tag, Time } from '../ui/parts';
import { ago, count, exact, many, short, span, STATUS_WORDS, STATUSES, TONES } from '../words';
import styles from './overview.module.css';

type Overview = Schemas['OverviewView'];
type Lane = Schemas['LaneView'];
type Transport = Schemas['TransportView'];

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
  broker_down: 'The broker is away',
  database_down: 'Postgres does not answer',
};

/** The service writes times for machines; people read them in their zone. */
const inZone = (text: string): string => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (moment) => short(moment));

/** `600/min`, `14/s`, `500/day` */
function rateWords({ count: most, windowMs }: { count: number; windowMs: number }): string {
  const unit = { 1000: 's', 60000: 'min', 3600000: 'h', 86400000: 'day' }[windowMs];
  return unit ? `${count(most)}/${unit}` : `${count(most)} in ${span(windowMs)}`;
}

export function OverviewPage() {
  const { every } = useLive();
  const { data, error, isPending } = useQuery({
    queryKey: ['overview'],
    queryFn: () => told(api.GET('/v1/operations/overview')),
    refetchInterval: every,
  });
  return (
    <Page title="Overview" side={data && <span className={styles.version}>Otpost {data.version}</span>}>
      <Banner data={data} error={error} />
      {isPending && !error && <Loading />}
      {data && (
        <div className={error ? styles.old : undefined}>
          <Ledger ledger={data.ledger} />
          <HandOvers hand={data.handOvers} />
          <Lanes lanes={data.lanes} />
          <Transports transports={data.transports} />
          <Workers workers={data.workers} />
        </div>
      )}
    </Page>
  );
}

/** The one thing that is wrong. Its place is kept while nothing is, so that the page stays where it is. */
function Banner({ data, error }: { data: Overview | undefined; error: unknown }) {
  if (error) {
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
  if (!data) return <div className={styles.banner} aria-hidden="true" />;
  const [first, ...others] = data.problems;
  if (!first) {
    return (
      <div role="status" className={cx(styles.banner, styles.well)}>
        <h2>All is well</h2>
        <p>{data.waiting === 0 ? 'Nothing waits.' : `${many(data.waiting, 'message')} on the way.`}</p>
        <p className={styles.remedy}>Lanes, workers and transports were looked at {ago(data.at)}.</p>
      </div>
    );
  }
  return (
    <div role="alert" className={cx(styles.banner, styles.wrong)} data-problem={first.code}>
      <h2>{TITLES[first.code] ?? 'Something is wrong'}</h2>
      <p>{inZone(first.message)}</p>
      <p className={styles.facts}>
        {first.since && (
          <span title={exact(first.since)}>
            Since {short(first.since)} ({ago(first.since)}).{' '}
          </span>
        )}
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
      </p>
      <p className={styles.remedy}>{first.remedy}</p>
      {others.length > 0 && (
        <details className={styles.also}>
          <summary>{many(others.length, 'more thing')} to look at</summary>
          <ul>
            {others.map(({ code, message, remedy }) => (
              <li key={code + message}>
                {inZone(message)} <span className={styles.soft}>{remedy}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Ledger({ ledger: { accepted, states, imbalance } }: { ledger: Overview['ledger'] }) {
  const there = STATUSES.filter((status) => states[status] > 0);
  return (
    <Section
      title="Ledger"
      side={imbalance === 0 ? <Tag tone="good">balanced</Tag> : <Tag tone="bad">off by {imbalance}</Tag>}
    >
      <p className={styles.sum}>
        <b>{count(accepted)}</b> accepted{accepted > 0 && ', and each is in one state:'}
      </p>
      <div className={styles.ledger} aria-hidden="true">
        {there.map((status) => (
          <span key={status} className={styles[TONES[status]]} style={{ flexGrow: states[status] }} />
        ))}
      </div>
      <ul className={styles.legend}>
        {there.map((status) => (
          <li key={status}>
            <Link to="/messages" search={{ status }} title={STATUS_WORDS[status]}>
              <span className={cx(styles.swatch, styles[TONES[status]])} aria-hidden="true" />
              {status} <b>{count(states[status])}</b>
            </Link>
          </li>
        ))}
      </ul>
    </Section>
  );
}

const MINUTES = 60;

function HandOvers({ hand }: { hand: Overview['handOvers'] }) {
  const now = Math.floor(Date.now() / 60_000) * 60_000;
  const by = new Map(hand.minutes.map((minute) => [Math.floor(Date.parse(minute.at) / 60_000) * 60_000, minute]));
  const bars = Array.from({ length: MINUTES }, (_, at) => by.get(now - (MINUTES - 1 - at) * 60_000));
  const most = Math.max(1, ...bars.map((bar) => (bar ? bar.handedOver + bar.notHandedOver : 0)));
  const words = `${count(hand.handedOver)} handed over in the last hour; at most ${count(most)} attempts in a minute`;
  return (
    <Section title="Hand-over, last hour">
      <div className={styles.hand}>
        <dl className={styles.numbers}>
          <div>
            <dt>Handed over</dt>
            <dd>{count(hand.handedOver)}</dd>
          </div>
          <div>
            <dt>Half within</dt>
            <dd>{hand.medianMs === null ? '–' : span(hand.medianMs)}</dd>
          </div>
          <div>
            <dt>95 % within</dt>
            <dd>{hand.p95Ms === null ? '–' : span(hand.p95Ms)}</dd>
          </div>
        </dl>
        <svg
          className={styles.chart}
          viewBox={`0 0 ${MINUTES * 10} 64`}
          preserveAspectRatio="none"
          role="img"
          aria-label={words}
        >
          <line x1="0" x2={MINUTES * 10} y1="63.5" y2="63.5" className={styles.axis} />
          {bars.map((bar, at) => {
            if (!bar) return null;
            const good = (bar.handedOver / most) * 62;
            const bad = (bar.notHandedOver / most) * 62;
            return (
              <g key={at}>
                <title>{`${new Date(bar.at).toLocaleTimeString()}: ${bar.handedOver} handed over, ${bar.notHandedOver} not`}</title>
                <rect x={at * 10 + 1} width="8" y={63 - good} height={good} className={styles.barGood} />
                <rect x={at * 10 + 1} width="8" y={63 - good - bad} height={bad} className={styles.barBad} />
              </g>
            );
          })}
        </svg>
      </div>
    </Section>
  );
}

function Lanes({ lanes }: { lanes: Lane[] }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<{ lane: Lane['lane']; pause: boolean }>();
  const [reason, setReason] = useState('');
  const change = async () => {
    const path = { lane: asked!.lane };
    if (asked!.pause) {
      const body = reason.trim() ? { reason: reason.trim() } : {};
      await told(api.POST('/v1/operations/lanes/{lane}/pause', { params: { path }, body }));
    } else await told(api.POST('/v1/operations/lanes/{lane}/resume', { params: { path } }));
    setReason('');
    await queries.invalidateQueries({ queryKey: ['overview'] });
  };
  return (
    <Section title="Lanes">
      <Table
        label="Lanes"
        heads={['Lane', 'Due', 'Oldest', 'Later', 'Sending', 'Rate', 'Drained in', 'Workers', 'State', 'Action']}
      >
        {lanes.map((lane) => (
          <tr key={lane.lane}>
            <Cell head="" wide>
              <Link to="/messages" search={{ lane: lane.lane }}>
                <b>{lane.lane}</b>
              </Link>
            </Cell>
            <Cell head="Due" number>
              {count(lane.due)}
            </Cell>
            <Cell head="Oldest" number>
              {lane.due > 0 ? span(lane.oldestDueSeconds * 1_000) : '–'}
            </Cell>
            <Cell head="Later" number>
              {count(lane.later)}
            </Cell>
            <Cell head="Sending" number>
              {count(lane.sending)}
            </Cell>
            <Cell head="Rate" number>
              {lane.perSecond === 0
                ? '–'
                : `${lane.perSecond < 1 ? (lane.perSecond * 60).toFixed(0) + '/min' : lane.perSecond.toFixed(1) + '/s'}`}
            </Cell>
            <Cell head="Drained in" number>
              {lane.due === 0 ? '–' : lane.pausedAt ? 'paused' : span(lane.drainSeconds * 1_000)}
            </Cell>
            <Cell head="Workers" number>
              {lane.workers}
            </Cell>
            <Cell head="State">
              {lane.pausedAt ? (
                <span title={exact(lane.pausedAt)}>
                  <Tag tone="bad">paused</Tag>{' '}
                  <span className={styles.soft}>
                    {ago(lane.pausedAt)}
                    {lane.pauseReason && `: ${lane.pauseReason}`}
                  </span>
                </span>
              ) : lane.workers === 0 ? (
                <Tag tone="bad">no worker</Tag>
              ) : (
                <Tag tone="good">open</Tag>
              )}
            </Cell>
            <Cell head="">
              <Button
                onClick={() => setAsked({ lane: lane.lane, pause: !lane.pausedAt })}
                aria-label={`${lane.pausedAt ? 'Resume' : 'Pause'} ${lane.lane}`}
              >
                {lane.pausedAt ? 'Resume' : 'Pause'}
              </Button>
            </Cell>
          </tr>
        ))}
      </Table>
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title={asked?.pause ? `Pause the lane ${asked.lane}?` : `Resume the lane ${asked?.lane}?`}
        action={asked?.pause ? 'Pause it' : 'Resume it'}
        danger={asked?.pause ?? false}
        onConfirm={change}
      >
        {asked?.pause ? (
          <>
            <p>
              No process delivers it until it is resumed. What a worker has in its hands goes out; mail is accepted all
              the same, and waits.
              {asked.lane === 'critical' && <b> Nobody can sign in by code meanwhile.</b>}
            </p>
            <Field label="Reason" hint="For those who find it paused. It must name no address.">
              {(id) => (
                <input id={id} value={reason} maxLength={200} onChange={(event) => setReason(event.target.value)} />
              )}
            </Field>
          </>
        ) : (
          <p>Workers go on within two seconds.</p>
        )}
      </Confirm>
    </Section>
  );
}

const STATE_TONES = {
  ok: 'good',
  unused: 'quiet',
  failing: 'bad',
  backing_off: 'wait',
  unreachable: 'bad',
  paused: 'bad',
} as const;
const STATE_WORDS = {
  ok: 'ok',
  unused: 'unused',
  failing: 'failing',
  backing_off: 'has a break',
  unreachable: 'unreachable',
  paused: 'paused',
} as const;

function Transports({ transports }: { transports: Transport[] }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<string>();
  const resume = async () => {
    await told(api.POST('/v1/operations/transports/{name}/resume', { params: { path: { name: asked! } } }));
    await queries.invalidateQueries({ queryKey: ['overview'] });
  };
  return (
    <Section
      title="Transports"
      side={
        <Link to="/templates" className={styles.small}>
          Send a test
        </Link>
      }
    >
      <Table label="Transports" heads={['Transport', 'State', 'Why', 'Rate', 'Today', 'Last attempt', 'Action']}>
        {transports.map((transport) => {
          const {
            name,
            state,
            unreachableFrom,
            lastErrorCode,
            lastReply,
            pauseReason,
            backoffUntil,
            lastAttempt,
            rate,
            daily,
            sentToday,
          } = transport;
          const held = state === 'paused' || state === 'backing_off' || unreachableFrom.length > 0;
          return (
            <tr key={name}>
              <Cell head="" wide>
                <Link to="/messages" search={{ transport: name.replace(/#\d+$/, '') }}>
                  <b>{name}</b>
                </Link>
              </Cell>
              <Cell head="State">
                <Tag tone={STATE_TONES[state]}>{STATE_WORDS[state]}</Tag>
              </Cell>
              <Cell head="Why" wide>
                {held && (
                  <div className={styles.why}>
                    {state === 'paused' && (
                      <div>
                        {pauseReason}
                        {lastErrorCode && ` · ${lastErrorCode}`}{' '}
                        {transport.pausedAt && (
                          <span className={styles.soft}>
                            since <Time at={transport.pausedAt} />
                          </span>
                        )}
                      </div>
                    )}
                    {state === 'backing_off' && (
                      <div>
                        {lastErrorCode}{' '}
                        <span className={styles.soft}>
                          next try <Time at={backoffUntil} />
                        </span>
                      </div>
                    )}
                    {(state === 'paused' || state === 'backing_off') && lastReply && <q>{lastReply}</q>}
                    {unreachableFrom.map(({ host, since, lastErrorCode: code, lastReply: reply }) => (
                      <div key={host}>
                        from {host}: {code}{' '}
                        <span className={styles.soft}>
                          since <Time at={since} />
                        </span>{' '}
                        {reply && <q>{reply}</q>}
                      </div>
                    ))}
                  </div>
                )}
              </Cell>
              <Cell head="Rate" number>
                {rate ? rateWords(rate) : '–'}
              </Cell>
              <Cell head="Today" number>
                {daily === null ? '–' : `${count(sentToday ?? 0)} of ${count(daily)}`}
              </Cell>
              <Cell head="Last attempt" wide>
                {lastAttempt ? (
                  <span>
                    <Tag tone={TONES[lastAttempt.status]}>{lastAttempt.status}</Tag>{' '}
                    <span className={styles.soft}>{ago(lastAttempt.at)}</span>{' '}
                    {lastAttempt.errorCode && <code>{lastAttempt.errorCode}</code>}{' '}
                    {lastAttempt.reply && <q>{lastAttempt.reply}</q>}
                  </span>
                ) : (
                  '–'
                )}
              </Cell>
              <Cell head="">
                {held && (
                  <Button onClick={() => setAsked(name)} aria-label={`Resume ${name}`}>
                    Resume
                  </Button>
                )}
              </Cell>
            </tr>
          );
        })}
      </Table>
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title={`Resume ${asked}?`}
        action="Resume it"
        onConfirm={resume}
      >
        <p>All workers and hosts use it again at once. It is also tried by itself, with one message a minute.</p>
      </Confirm>
    </Section>
  );
}

function Workers({ workers }: { workers: Overview['workers'] }) {
  return (
    <Section title="Workers">
      {workers.length === 0 ? (
        <Empty title="No worker was heard of in the last hour">Start one: ROLE=worker, or ROLE=all.</Empty>
      ) : (
        <Table label="Workers" heads={['Worker', 'State', 'Does now', 'Lanes', 'Up for', 'Last heard of']}>
          {workers.map((worker) => (
            <tr key={worker.name}>
              <Cell head="" wide>
                <b className="mono">{worker.name}</b>
              </Cell>
              <Cell head="State">{worker.alive ? <Tag tone="good">alive</Tag> : <Tag tone="bad">silent</Tag>}</Cell>
              <Cell head="Does now">
                {worker.sending === 0
                  ? worker.alive
                    ? 'waits for mail'
                    : '–'
                  : `hands over ${many(worker.sending, 'message')}`}
              </Cell>
              <Cell head="Lanes">{worker.lanes.join(', ')}</Cell>
              <Cell head="Up for" number>
                {span(Math.max(0, Date.parse(worker.heartbeatAt) - Date.parse(worker.startedAt)))}
              </Cell>
              <Cell head="Last heard of" number>
                {worker.silentSeconds < 2 ? 'now' : `${span(worker.silentSeconds * 1_000)} ago`}
              </Cell>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}
