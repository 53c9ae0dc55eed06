import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { useHeld } from '../ui/held';
import { Listing, Pager } from '../ui/listing';
import { Button, Cell, Empty, Page, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';
import { count, many } from '../words';

type Broadcast = Schemas['BroadcastView'];
export const BROADCAST_TONES: Record<Broadcast['status'], 'good' | 'wait' | 'bad' | 'quiet'> = {
  scheduled: 'quiet',
  sending: 'wait',
  paused: 'bad',
  done: 'good',
  cancelled: 'quiet',
};

/** How many of those that it is for have their message. */
export function Made({ one }: { one: Broadcast }) {
  if (one.total === null) return <span className={styles.soft}>not begun</span>;
  return (
    <>
      {count(one.expanded)} of {count(one.total)}
    </>
  );
}

export function BroadcastsPage() {
  const { cursor } = useSearch({ from: '/broadcasts' });
  const { every } = useLive();
  const { act } = useMay();
  const { data, error, isPlaceholderData } = useQuery({
    queryKey: ['broadcasts', cursor],
    queryFn: () => told(api.GET('/v1/broadcasts', { params: { query: cursor ? { cursor } : {} } })),
    placeholderData: keepPreviousData,
    refetchInterval: every,
  });
  const { items, news, show, hold } = useHeld(isPlaceholderData ? undefined : data?.items, cursor ?? '');
  const [making, setMaking] = useState(false);
  return (
    <Page
      title="Broadcasts"
      side={
        act && (
          <Button kind="main" onClick={() => setMaking(true)}>
            New broadcast
          </Button>
        )
      }
    >
      <Listing
        list={{ data, error }}
        items={items}
        hold={hold}
        label="Broadcasts"
        heads={['Subject', 'Status', 'Messages', 'Pace', 'Accepted', 'Begins', 'Over']}
        empty={
          <Empty title="Nothing was told to an audience yet">
            A broadcast says the same to everybody who is active in an audience, at a pace that you choose.
          </Empty>
        }
        row={(one) => (
          <tr key={one.id}>
            <Cell head="" wide>
              <Link to="/broadcasts/$id" params={{ id: one.id }} data-row>
                <b>{one.subject || '–'}</b>
              </Link>
            </Cell>
            <Cell head="Status">
              <Tag tone={BROADCAST_TONES[one.status]}>{one.status}</Tag>
            </Cell>
            <Cell head="Messages" number>
              <Made one={one} />
            </Cell>
            <Cell head="Pace">{one.rate ?? 'as fast as it goes'}</Cell>
            <Cell head="Accepted" number>
              <Time at={one.createdAt} />
            </Cell>
            <Cell head="Begins" number>
              <Time at={one.startedAt ?? one.scheduledAt ?? one.createdAt} />
            </Cell>
            <Cell head="Over" number>
              <Time at={one.finishedAt ?? one.cancelledAt} />
            </Cell>
          </tr>
        )}
      >
        {news > 0 && (
          <Button kind="quiet" onClick={show}>
            {many(news, 'new broadcast')}: show
          </Button>
        )}
      </Listing>
      <Pager next={data?.nextCursor} />
      {act && <NewBroadcast open={making} onClose={() => setMaking(false)} />}
    </Page>
  );
}

const EMPTY = { audience: '', subject: '', text: '', rate: '', scheduledAt: '' };

function NewBroadcast({ open, onClose }: { open: boolean; onClose: () => void }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const audiences = useQuery({
    queryKey: ['audiences', 'all'],
    queryFn: () => told(api.GET('/v1/audiences', { params: { query: { limit: 100 } } })),
    enabled: open,
  });
  const [form, setForm] = useState(EMPTY);
  const set = (changes: Partial<typeof EMPTY>) => setForm({ ...form, ...changes });
  const create = async () => {
    const body = {
      ...{ audience: form.audience, subject: form.subject.trim(), text: form.text },
      ...(form.rate.trim() ? { rate: form.rate.trim() } : {}),
      ...(form.scheduledAt ? { scheduledAt: new Date(form.scheduledAt).toISOString() } : {}),
    };
    const header = { 'Idempotency-Key': crypto.randomUUID() };
    const { id } = await told(api.POST('/v1/broadcasts', { params: { header }, body }));
    setForm(EMPTY);
    await queries.invalidateQueries({ queryKey: ['broadcasts'] });
    await navigate({ to: '/broadcasts/$id', params: { id } });
  };
  return (
    <Confirm open={open} onClose={onClose} title="Tell an audience" action="Accept it" onConfirm={create}>
      <Field label="Audience" hint="All who are active in it when it begins.">
        {(id) => (
          <select id={id} required value={form.audience} onChange={(event) => set({ audience: event.target.value })}>
            <option value="">Choose one</option>
            {audiences.data?.items.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Subject">
        {(id) => (
          <input
            id={id}
            required
            maxLength={500}
            value={form.subject}
            onChange={(event) => set({ subject: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="Text"
        hint="{{ subscriber.name }} and {{ subscriber.email }} stand for what each has. A way to leave is added by itself."
      >
        {(id) => (
          <textarea
            id={id}
            required
            rows={7}
            value={form.text}
            onChange={(event) => set({ text: event.target.value })}
          />
        )}
      </Field>
      <Field label="Pace" hint="Such as 50/min or 2000/h. Empty: as fast as the transports go.">
        {(id) => (
          <input id={id} maxLength={20} value={form.rate} onChange={(event) => set({ rate: event.target.value })} />
        )}
      </Field>
      <Field label="Begins" hint="Empty: at once.">
        {(id) => (
          <input
            id={id}
            type="datetime-local"
            value={form.scheduledAt}
            onChange={(event) => set({ scheduledAt: event.target.value })}
          />
        )}
      </Field>
    </Confirm>
  );
}
