import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay, useMe } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { Button, Empty, FactList, Fault, Loading, Page, Section, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';
import { States } from '../ui/states';
import { ago, count, type Status, STATUSES } from '../words';
import { BROADCAST_TONES } from './broadcasts';

type Broadcast = Schemas['BroadcastDetails'];
type Asked = 'pause' | 'resume' | 'cancel' | 'test';

const QUESTIONS: Record<Exclude<Asked, 'test'>, { title: string; action: string; text: string }> = {
  pause: {
    title: 'Pause it?',
    action: 'Pause it',
    text: 'No worker takes a message of it until it is resumed. What a worker has in its hands goes out.',
  },
  resume: { title: 'Go on with it?', action: 'Go on', text: 'What is left goes out, at its pace.' },
  cancel: {
    title: 'End it?',
    action: 'End it',
    text: 'What no worker has in its hands ends as cancelled. It cannot be taken up again.',
  },
};

export function BroadcastPage() {
  const { id } = useParams({ from: '/broadcasts/$id' });
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['broadcast', id],
    queryFn: () => told(api.GET('/v1/broadcasts/{id}', { params: { path: { id } } })),
    refetchInterval: every,
  });
  return (
    <Page title={data?.subject || 'Broadcast'} side={data && <Actions broadcast={data} />}>
      <Fault error={error} />
      {!data && !error && <Loading />}
      {data && (
        <>
          <Progress broadcast={data} />
          <Facts broadcast={data} />
        </>
      )}
    </Page>
  );
}

function Actions({ broadcast: { id, status } }: { broadcast: Broadcast }) {
  const queries = useQueryClient();
  const me = useMe();
  const { act } = useMay();
  const [asked, setAsked] = useState<Asked>();
  const [to, setTo] = useState('');
  const [sent, setSent] = useState<string>();
  if (!act) return null;
  const params = { path: { id } };
  const open = status === 'scheduled' || status === 'sending' || status === 'paused';
  const confirmed = async () => {
    if (asked === 'pause') await told(api.POST('/v1/broadcasts/{id}/pause', { params }));
    else if (asked === 'resume') await told(api.POST('/v1/broadcasts/{id}/resume', { params }));
    else if (asked === 'cancel') await told(api.POST('/v1/broadcasts/{id}/cancel', { params }));
    else {
      const header = { 'Idempotency-Key': crypto.randomUUID() };
      const body = { to: to.trim() };
      setSent((await told(api.POST('/v1/broadcasts/{id}/test', { params: { ...params, header }, body }))).id);
    }
    await queries.invalidateQueries({ queryKey: ['broadcast', id] });
  };
  const question = asked && asked !== 'test' ? QUESTIONS[asked] : undefined;
  return (
    <>
      {sent && (
        <Link to="/messages/$id" params={{ id: sent }}>
          The test is on its way
        </Link>
      )}
      <Button
        onClick={() => {
          setTo(me?.email ?? '');
          setAsked('test');
        }}
      >
        Send a test
      </Button>
      {open && status !== 'paused' && <Button onClick={() => setAsked('pause')}>Pause</Button>}
      {status === 'paused' && (
        <Button kind="main" onClick={() => setAsked('resume')}>
          Resume
        </Button>
      )}
      {open && <Button onClick={() => setAsked('cancel')}>Cancel</Button>}
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        danger={asked === 'cancel'}
        title={question?.title ?? 'Send it to'}
        action={question?.action ?? 'Send'}
        onConfirm={confirmed}
      >
        {question ? (
          <p>{question.text}</p>
        ) : (
          <Field label="Address" hint="As a subscriber reads it; its subject begins with [Test].">
            {(field) => (
              <input id={field} type="email" required value={to} onChange={(event) => setTo(event.target.value)} />
            )}
          </Field>
        )}
      </Confirm>
    </>
  );
}

const WAITING: Status[] = ['queued', 'scheduled', 'deferred', 'sending'];

function Progress({ broadcast }: { broadcast: Broadcast }) {
  const { id, status, total, expanded, counts, estimatedEndAt, startedAt, pausedAt } = broadcast;
  const there = STATUSES.filter((one) => (counts[one] ?? 0) > 0);
  const over = there.filter((one) => !WAITING.includes(one)).reduce((sum, one) => sum + counts[one]!, 0);
  const whole = Math.max(total ?? 0, expanded);
  const left = Math.max(0, whole - there.reduce((sum, one) => sum + counts[one]!, 0));
  return (
    <Section title="Progress" side={<Tag tone={BROADCAST_TONES[status]}>{status}</Tag>}>
      {total === null ? (
        <Empty title="It has not begun">
          {broadcast.scheduledAt ? (
            <>
              It begins <Time at={broadcast.scheduledAt} />.
            </>
          ) : (
            'A worker takes it up within seconds.'
          )}
        </Empty>
      ) : (
        <>
          <p className={styles.sum} role="status">
            <b>{count(over)}</b> of {count(whole)} are over
            <span className={styles.soft}>
              {startedAt && ` · begun ${ago(startedAt)}`}
              {pausedAt && ` · paused ${ago(pausedAt)}`}
              {estimatedEndAt && (
                <>
                  {' '}
                  · ends about <Time at={estimatedEndAt} />
                </>
              )}
            </span>
          </p>
          <States
            counts={counts}
            broadcast={id}
            left={left}
            bar={{
              ...{ role: 'progressbar', 'aria-label': 'Messages that are over' },
              ...{ 'aria-valuemin': 0, 'aria-valuemax': whole, 'aria-valuenow': over },
            }}
          />
        </>
      )}
    </Section>
  );
}

function Facts({ broadcast: one }: { broadcast: Broadcast }) {
  const rows: [string, React.ReactNode][] = [
    [
      'Audience',
      <Link to="/audiences/$id" params={{ id: one.audience }}>
        look at it
      </Link>,
    ],
    ['From', one.from],
    ['Pace', one.rate ?? 'as fast as it goes'],
    [
      'Only to those with',
      Object.entries(one.filter)
        .map(([name, value]) => `${name}: ${value}`)
        .join(', ') || 'no filter',
    ],
    ['Tries of each', one.maxAttempts],
    ['Accepted', <Time at={one.createdAt} />],
    ['Scheduled for', <Time at={one.scheduledAt} />],
    ['Begun', <Time at={one.startedAt} />],
    ['All messages made', <Time at={one.expandedAt} />],
    ['Over', <Time at={one.finishedAt ?? one.cancelledAt} />],
    [
      'Messages',
      <Link to="/messages" search={{ broadcast: one.id }}>
        all of it
      </Link>,
    ],
    [
      'Audit',
      <Link to="/audit" search={{ targetId: one.id }}>
        what was done to it
      </Link>,
    ],
  ];
  if (one.template) rows.push(['Template', one.template]);
  if (one.tags.length > 0) rows.push(['Tags', one.tags.join(', ')]);
  return (
    <Section title="Broadcast">
      <FactList rows={rows} />
    </Section>
  );
}
