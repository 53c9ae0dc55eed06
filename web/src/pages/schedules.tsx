import { useQuery } from '@tanstack/react-query';
import { api, told } from '../api/client';
import { useLive } from '../live';
import { Listing } from '../ui/listing';
import { Cell, Empty, Page, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';
import { span } from '../words';

/** Work that is done now and then, by whichever process takes it. */
export function SchedulesPage() {
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['schedules'],
    queryFn: () => told(api.GET('/v1/operations/schedules')),
    refetchInterval: every,
  });
  return (
    <Page title="Schedules">
      <Listing
        list={{ data, error }}
        label="Schedules"
        heads={['Work', 'State', 'Did last', 'Took', 'Ran last', 'Runs next']}
        empty={<Empty title="Nothing was planned yet">A process plans its work within a second of its start.</Empty>}
        row={(one) => (
          <tr key={one.name}>
            <Cell head="" wide>
              <b className="mono">{one.name}</b>
            </Cell>
            <Cell head="State">
              {one.runningOn ? (
                <>
                  <Tag tone="wait">under way</Tag> <span className={styles.soft}>on {one.runningOn}</span>
                </>
              ) : one.lastError ? (
                <Tag tone="bad">failed</Tag>
              ) : one.late ? (
                <Tag tone="bad">late</Tag>
              ) : one.lastRunAt ? (
                <Tag tone="good">well</Tag>
              ) : (
                <Tag>not yet</Tag>
              )}
            </Cell>
            <Cell head="Did last" wide>
              {one.lastError ?? one.lastResult ?? '–'}
            </Cell>
            <Cell head="Took" number>
              {one.lastTookMs === null ? '–' : span(one.lastTookMs)}
            </Cell>
            <Cell head="Ran last" number>
              <Time at={one.lastRunAt} />
            </Cell>
            <Cell head="Runs next" number>
              <Time at={one.nextRunAt} />
            </Cell>
          </tr>
        )}
      />
    </Page>
  );
}
