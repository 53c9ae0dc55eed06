import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { useHeld } from '../ui/held';
import { Choice, Listing, Pager, SearchBar, SearchField } from '../ui/listing';
import { Button, Cell, Empty, Fault, Loading, Page, Section, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';
import { count } from '../words';
import { Imports } from './imports';

type Subscriber = Schemas['SubscriberView'];
const STATUSES: Subscriber['status'][] = ['active', 'pending', 'unsubscribed', 'bounced', 'complained'];
const TONES = { active: 'good', pending: 'wait', unsubscribed: 'quiet', bounced: 'bad', complained: 'bad' } as const;

export function AudiencePage() {
  const { id } = useParams({ from: '/audiences/$id' });
  const { every } = useLive();
  const { act } = useMay();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { id } };
  const { data, error } = useQuery({
    queryKey: ['audience', id],
    queryFn: () => told(api.GET('/v1/audiences/{id}', { params })),
    refetchInterval: every,
  });
  const [asked, setAsked] = useState<'rename' | 'remove'>();
  const [name, setName] = useState('');
  const confirmed = async () => {
    if (asked === 'rename') {
      await told(api.PATCH('/v1/audiences/{id}', { params, body: { name: name.trim() } }));
      await queries.invalidateQueries({ queryKey: ['audience', id] });
      return;
    }
    await told(api.DELETE('/v1/audiences/{id}', { params }));
    await navigate({ to: '/audiences' });
    await queries.invalidateQueries({ queryKey: ['audiences'] });
  };
  return (
    <Page
      title={data?.name ?? 'Audience'}
      side={
        data &&
        act && (
          <>
            <Button
              onClick={() => {
                setName(data.name);
                setAsked('rename');
              }}
            >
              Rename
            </Button>
            <Button onClick={() => setAsked('remove')}>Remove</Button>
          </>
        )
      }
    >
      <Fault error={error} />
      {!data && !error && <Loading />}
      {data && (
        <>
          <Imports audience={id} />
          <Subscribers audience={id} counts={data.subscribers} />
        </>
      )}
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        danger={asked === 'remove'}
        title={asked === 'remove' ? 'Remove this audience?' : 'Rename it'}
        action={asked === 'remove' ? 'Remove' : 'Rename'}
        onConfirm={confirmed}
      >
        {asked === 'remove' ? (
          <p>With all its subscribers, who are gone within seconds. Messages that were sent stay on record.</p>
        ) : (
          <Field label="Name" hint="People see it where they leave.">
            {(field) => (
              <input
                id={field}
                required
                maxLength={200}
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
        )}
      </Confirm>
    </Page>
  );
}

function Subscribers({ audience, counts }: { audience: string; counts: Schemas['AudienceDetails']['subscribers'] }) {
  const { q, status, cursor } = useSearch({ from: '/audiences/$id' });
  const navigate = useNavigate({ from: '/audiences/$id' });
  const { every } = useLive();
  const { act } = useMay();
  const [asked, setAsked] = useState<Subscriber | 'new'>();
  const query = { q, status: status as Subscriber['status'] | undefined, cursor };
  const { data, error, isPlaceholderData } = useQuery({
    queryKey: ['subscribers', audience, query],
    queryFn: () => told(api.GET('/v1/audiences/{id}/subscribers', { params: { path: { id: audience }, query } })),
    placeholderData: keepPreviousData,
    refetchInterval: every,
  });
  const { items, hold } = useHeld(
    isPlaceholderData ? undefined : data?.items,
    JSON.stringify(query),
    asked !== undefined,
  );
  return (
    <Section title="Subscribers" side={act && <Button onClick={() => setAsked('new')}>Add somebody</Button>}>
      <SearchBar onSearch={(word) => void navigate({ search: { q: word('q'), status } })}>
        <SearchField
          name="q"
          value={q}
          data-search
          maxLength={200}
          aria-label="Address"
          placeholder="A part of the address   /"
        />
        <Choice
          label="Status"
          every={`Everybody (${count(STATUSES.reduce((sum, one) => sum + counts[one], 0))})`}
          options={STATUSES.map((one) => [one, `${one} (${count(counts[one])})`])}
          value={status}
          onChange={(chosen) => void navigate({ search: { q, status: chosen } })}
        />
      </SearchBar>
      <Listing
        list={{ data, error }}
        items={items}
        hold={hold}
        plain
        label="Subscribers"
        heads={['Address', 'Status', 'Known', 'Language', 'Got', 'Last', 'Since', ...(act ? ['Action'] : [])]}
        empty={
          <Empty title={data?.nextCursor ? 'None on this page' : 'Nobody is like this'}>
            {data?.nextCursor
              ? 'There may be some further on.'
              : q || status
                ? 'Take a filter away.'
                : 'Import a file, or add somebody.'}
          </Empty>
        }
        row={(one) => (
          <tr key={one.id}>
            <Cell head="" wide>
              <Link to="/messages" search={{ to: one.email }} data-row>
                <b>{one.email}</b>
              </Link>
            </Cell>
            <Cell head="Status">
              <Tag tone={TONES[one.status]}>{one.status}</Tag>
            </Cell>
            <Cell head="Known" wide>
              {Object.entries(one.attributes)
                .map(([name, value]) => `${name}: ${value}`)
                .join(', ')}
            </Cell>
            <Cell head="Language">{one.locale}</Cell>
            <Cell head="Got" number>
              {count(one.sentCount)}
            </Cell>
            <Cell head="Last" number>
              <Time at={one.lastSentAt} />
            </Cell>
            <Cell head="Since" number>
              <Time at={one.statusChangedAt} />
            </Cell>
            {act && (
              <Cell head="">
                {one.status === 'active' || one.status === 'pending' ? (
                  <Button aria-label={`Unsubscribe ${one.email}`} onClick={() => setAsked(one)}>
                    Unsubscribe
                  </Button>
                ) : null}
              </Cell>
            )}
          </tr>
        )}
      />
      <Pager next={data?.nextCursor} />
      {act && <ChangeSubscriber audience={audience} asked={asked} onClose={() => setAsked(undefined)} />}
    </Section>
  );
}

function ChangeSubscriber({
  audience,
  asked,
  onClose,
}: {
  audience: string;
  asked: Subscriber | 'new' | undefined;
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const [form, setForm] = useState({ email: '', name: '', confirm: true });
  const confirmed = async () => {
    if (asked === 'new') {
      const body = {
        ...{ email: form.email.trim(), confirm: form.confirm },
        ...(form.name.trim() ? { attributes: { name: form.name.trim() } } : {}),
      };
      await told(api.POST('/v1/audiences/{id}/subscribers', { params: { path: { id: audience } }, body }));
      setForm({ email: '', name: '', confirm: true });
    } else {
      const path = { id: audience, subscriberId: (asked as Subscriber).id };
      const body = { status: 'unsubscribed' as const };
      await told(api.PATCH('/v1/audiences/{id}/subscribers/{subscriberId}', { params: { path }, body }));
    }
    await queries.invalidateQueries({ queryKey: ['subscribers', audience] });
    await queries.invalidateQueries({ queryKey: ['audience', audience] });
  };
  return (
    <Confirm
      open={asked !== undefined}
      onClose={onClose}
      title={asked === 'new' ? 'Add somebody' : 'Send nothing more?'}
      action={asked === 'new' ? 'Add' : 'Unsubscribe'}
      onConfirm={confirmed}
    >
      {asked === 'new' ? (
        <>
          <Field label="Address">
            {(id) => (
              <input
                id={id}
                type="email"
                required
                value={form.email}
                onChange={(event) => setForm({ ...form, email: event.target.value })}
              />
            )}
          </Field>
          <Field label="Name" hint="Broadcasts say it with {{ subscriber.name }}.">
            {(id) => (
              <input
                id={id}
                maxLength={200}
                value={form.name}
                onChange={(event) => setForm({ ...form, name: event.target.value })}
              />
            )}
          </Field>
          <label className={styles.check}>
            <input
              type="checkbox"
              checked={form.confirm}
              onChange={(event) => setForm({ ...form, confirm: event.target.checked })}
            />{' '}
            Ask them by mail first
          </label>
        </>
      ) : (
        <p>
          <b>{asked?.email}</b> gets no more broadcasts of this audience, and what waits for them is not sent.
        </p>
      )}
    </Confirm>
  );
}
