import { Link } from '@tanstack/react-router';
import type { Schemas } from '../api/client';
import { Cell, Empty, Section, Table, Tag } from '../ui/parts';
import { exact, many, span } from '../words';
import styles from './overview.module.css';

type Worker = Schemas['WorkerView'];

/** By name: the order in which they were heard of changes every few seconds. */
export function Workers({ workers, version }: { workers: Worker[]; version: string }) {
  return (
    <Section title="Workers">
      {workers.length === 0 ? (
        <Empty title="No worker was heard of in the last hour">Start one: ROLE=worker, or ROLE=all.</Empty>
      ) : (
        <Table label="Workers" heads={['Worker', 'State', 'Does now', 'Lanes', 'Version', 'Up for', 'Last heard of']}>
          {[...workers]
            .sort((one, other) => (one.name < other.name ? -1 : 1))
            .map((worker) => (
              <tr key={worker.name}>
                <Cell head="" wide>
                  <b className="mono">{worker.name}</b>
                </Cell>
                <Cell head="State">{worker.alive ? <Tag tone="good">alive</Tag> : <Tag tone="bad">silent</Tag>}</Cell>
                <Cell head="Does now">
                  <Doing worker={worker} />
                </Cell>
                <Cell head="Lanes">{worker.lanes.join(', ')}</Cell>
                <Cell head="Version">
                  {worker.version ?? '–'} {worker.version !== version && <Tag tone="wait">not as this</Tag>}
                </Cell>
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

function Doing({ worker: { alive, hands, tasks } }: { worker: Worker }) {
  if (hands.length === 0 && tasks.length === 0) return alive ? 'waits for mail' : '–';
  return (
    <>
      {hands.map(({ lane, count: messages, since }) => (
        <div key={lane}>
          hands over {many(messages, 'message')} of{' '}
          <Link to="/messages" search={{ lane, status: 'sending' }}>
            {lane}
          </Link>{' '}
          <span className={styles.soft} title={exact(since)}>
            for {span(Math.max(0, Date.now() - Date.parse(since)))}
          </span>
        </div>
      ))}
      {tasks.map((task) => (
        <div key={task}>
          does <Link to="/schedules">{task}</Link>
        </div>
      ))}
    </>
  );
}
