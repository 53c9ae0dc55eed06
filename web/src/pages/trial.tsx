import { useMutation, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay, useMe } from '../me';
import { useOverview } from '../overview';
import { Field } from '../ui/dialogs';
import { Button, cx, Empty, Fault, Page, Section, Tag, Time } from '../ui/parts';
import { count, span } from '../words';
import styles from './trial.module.css';

type Trial = Schemas['TrialView'];
type Email = Schemas['EmailView'];
type Event = Email['events'][number];

/** From this web process, and by a worker: what works one way and not the other says where to look. */
export function TrialPage() {
  const me = useMe();
  const { act } = useMay();
  const start = useMutation({ mutationFn: () => told(api.POST('/v1/operations/codes', { body: {} })) });
  if (!act) {
    return (
      <Page title="Send yourself a code">
        <Empty title="This is for operators">It sends mail, and you look and change nothing.</Empty>
      </Page>
    );
  }
  return (
    <Page
      title="Send yourself a code"
      side={
        <Button kind="main" disabled={start.isPending} onClick={() => start.mutate()}>
          {start.data ? 'Send another one' : 'Send me a code'}
        </Button>
      }
    >
      <Fault error={start.error} />
      <Section title="By a worker, as every code goes">
        {start.data ? (
          <Steps key={start.data.id} trial={start.data} />
        ) : (
          <p className={styles.soft}>
            A code goes to <b>{me?.email}</b> by the lane critical. It opens nothing; each step of its way is shown here
            as it is made, with the process that made it.
          </p>
        )}
      </Section>
      <FromHere />
    </Page>
  );
}

type State = 'done' | 'now' | 'wrong' | 'open';

/** What the timeline of its message says of a code. */
function Steps({ trial }: { trial: Trial }) {
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['message', trial.emailId],
    queryFn: () => told(api.GET('/v1/emails/{id}', { params: { path: { id: trial.emailId } } })),
    refetchInterval: every,
  });
  const [arrivedAt, setArrivedAt] = useState<string>();
  const events = data?.events ?? [];
  const accepted = events[0];
  const claimed = events.find(({ status }) => status === 'sending');
  const ended = events.filter(({ status }) => !['queued', 'scheduled', 'sending'].includes(status)).at(-1);
  const handed = data?.sentAt ? events.find(({ status }) => status === 'sent') : undefined;
  const wrong = data !== undefined && ['failed', 'unknown', 'expired', 'suppressed', 'cancelled'].includes(data.status);
  return (
    <>
      <Fault error={error} />
      <ol className={styles.steps} aria-label="Steps">
        <Step state={accepted ? 'done' : 'now'} title="Accepted and committed" at={accepted?.at}>
          by the web process <code>{trial.acceptedBy}</code>, as{' '}
          <Link to="/messages/$id" params={{ id: trial.emailId }}>
            message {trial.reference}
          </Link>
        </Step>
        <Step
          state={claimed ? 'done' : wrong ? 'wrong' : 'now'}
          title="Taken by a worker"
          at={claimed?.at}
          after={accepted?.at}
        >
          {claimed ? (
            <>
              <code>{claimed.worker}</code> claimed it
            </>
          ) : wrong ? (
            'no worker took it'
          ) : (
            'it waits: where this takes seconds, no worker lives, or its lane is paused'
          )}
        </Step>
        <Step
          state={handed ? 'done' : wrong && claimed ? 'wrong' : claimed ? 'now' : 'open'}
          title="Handed over to a mail server"
          at={handed?.at ?? (claimed && ended?.at)}
          after={claimed?.at}
        >
          <HandOver event={handed ?? (claimed && ended)} />
        </Step>
        <Step
          state={arrivedAt ? 'done' : handed ? 'now' : 'open'}
          title="In your mailbox"
          at={arrivedAt}
          after={handed?.at}
        >
          {arrivedAt ? (
            'you gave the right code back'
          ) : handed ? (
            <GiveBack trial={trial} onArrived={() => setArrivedAt(new Date().toISOString())} />
          ) : (
            'give its six digits back here'
          )}
        </Step>
      </ol>
    </>
  );
}

function HandOver({ event }: { event: Event | undefined }) {
  if (!event) return 'not yet';
  return (
    <>
      {event.transport && event.transport !== 'none' && (
        <>
          by <code>{event.transport}</code>{' '}
        </>
      )}
      {event.errorCode && (
        <>
          {event.status} <code>{event.errorCode}</code>{' '}
        </>
      )}
      {event.reply && <q>{event.reply}</q>}
    </>
  );
}

const MARKS: Record<State, string> = { done: 'done', now: 'under way', wrong: 'failed', open: 'not yet' };
const STATE_TONES = { done: 'good', now: 'wait', wrong: 'bad', open: 'quiet' } as const;

function Step({
  state,
  title,
  at,
  after,
  children,
}: {
  state: State;
  title: string;
  at?: string | undefined;
  /** When the step before was made. */
  after?: string | undefined;
  children: ReactNode;
}) {
  return (
    <li className={cx(styles.step, styles[state])}>
      <Tag tone={STATE_TONES[state]}>{MARKS[state]}</Tag>
      <div>
        <p className={styles.title}>
          {title}
          {at && (
            <span className={styles.soft}>
              {' '}
              <Time at={at} />
              {after && ` · +${span(Math.max(0, Date.parse(at) - Date.parse(after)))}`}
            </span>
          )}
        </p>
        <div className={styles.soft}>{children}</div>
      </div>
    </li>
  );
}

function GiveBack({ trial, onArrived }: { trial: Trial; onArrived: () => void }) {
  const [code, setCode] = useState('');
  const check = useMutation({
    mutationFn: () =>
      told(api.POST('/v1/operations/codes/{id}/check', { params: { path: { id: trial.id } }, body: { code } })),
    onSuccess: onArrived,
  });
  return (
    <form
      className={styles.code}
      onSubmit={(event) => {
        event.preventDefault();
        check.mutate();
      }}
    >
      <Field label="The six digits" hint={`Of the mail to ${trial.to} with the reference ${trial.reference}.`}>
        {(id) => (
          <input
            id={id}
            required
            inputMode="numeric"
            autoComplete="one-time-code"
            maxLength={64}
            value={code}
            onChange={(event) => setCode(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" kind="main" disabled={check.isPending}>
        It arrived
      </Button>
      <Fault error={check.error} />
    </form>
  );
}

/** The same transports from the host of the web process: workers may be elsewhere, and see another network. */
function FromHere() {
  const overview = useOverview();
  const names = overview.data?.transports.map(({ name }) => name) ?? [];
  const probe = useMutation({
    mutationFn: async () => {
      const test = (name: string) =>
        told(api.POST('/v1/operations/transports/{name}/test', { params: { path: { name } } }));
      return Promise.all(names.map(test));
    },
  });
  return (
    <Section
      title="From this web process"
      side={
        <Button disabled={names.length === 0 || probe.isPending} onClick={() => probe.mutate()}>
          {probe.isPending ? 'It is being tried…' : 'Try the transports'}
        </Button>
      }
    >
      <p className={styles.soft}>
        Each transport as far as the login, without a message. What works from here and not by a worker is wrong between
        the worker and the server; what works nowhere is wrong with the server, or with MAIL_TRANSPORTS.
      </p>
      <Fault error={probe.error} />
      <ol className={styles.steps} aria-label="Transports">
        {probe.data?.map(({ name, host, result, checks }) => {
          const told =
            checks.find(({ status }) => (result === 'ok' ? status === 'ok' : status === 'fail')) ?? checks[0];
          return (
            <Step key={name} state={result === 'ok' ? 'done' : 'wrong'} title={`${name} from ${host}`}>
              {told?.summary} {told?.ms !== null && told?.ms !== undefined && `(${span(told.ms)})`}
              {told?.remedy && <p>{told.remedy}</p>}
              {checks.length > 1 && <p>{count(checks.length)} ports were tried.</p>}
            </Step>
          );
        })}
      </ol>
    </Section>
  );
}
