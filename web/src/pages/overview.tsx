import { ApiProblem, type Schemas } from '../api/client';
import { useLive } from '../live';
import { useOverview } from '../overview';
import { Loading, Page, Section, Tag } from '../ui/parts';
import { States } from '../ui/states';
import { count, span } from '../words';
import { Banner } from './banner';
import { Lanes } from './lanes';
import styles from './overview.module.css';
import { Sms } from './sms';
import { Transports } from './transports';
import { Workers } from './workers';

type Overview = Schemas['OverviewView'];

/** As a call would be refused; where Postgres hangs, it would be so only after a while. */
const AWAY = new ApiProblem(503, 'unavailable', 'Postgres does not answer.', '');

export function OverviewPage() {
  const { every, away } = useLive();
  const { data, error: refused, isPending } = useOverview(every);
  const error = away ? AWAY : refused;
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
          {data.transports.some(({ channel }) => channel === 'sms') && <Sms />}
          <Workers workers={data.workers} version={data.version} />
        </div>
      )}
    </Page>
  );
}

function Ledger({ ledger: { accepted, states, imbalance } }: { ledger: Overview['ledger'] }) {
  return (
    <Section
      title="Ledger"
      side={imbalance === 0 ? <Tag tone="good">balanced</Tag> : <Tag tone="bad">off by {imbalance}</Tag>}
    >
      <p className={styles.sum}>
        <b>{count(accepted)}</b> accepted{accepted > 0 && ', and each is in one state:'}
      </p>
      <States counts={states} />
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
