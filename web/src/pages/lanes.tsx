import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useMay } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { Button, Cell, Section, Table, Tag } from '../ui/parts';
import { ago, count, exact, span } from '../words';
import styles from './overview.module.css';

type Lane = Schemas['LaneView'];

export function Lanes({ lanes }: { lanes: Lane[] }) {
  const queries = useQueryClient();
  const { act } = useMay();
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
        heads={[
          ...['Lane', 'Due', 'Oldest', 'Later', 'Sending', 'Rate', 'Drained in', 'Workers', 'State'],
          ...(act ? ['Action'] : []),
        ]}
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
            {act && (
              <Cell head="">
                <Button
                  onClick={() => setAsked({ lane: lane.lane, pause: !lane.pausedAt })}
                  aria-label={`${lane.pausedAt ? 'Resume' : 'Pause'} ${lane.lane}`}
                >
                  {lane.pausedAt ? 'Resume' : 'Pause'}
                </Button>
              </Cell>
            )}
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
              {asked.lane === 'sms' && <b> No code goes by SMS meanwhile.</b>}
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
