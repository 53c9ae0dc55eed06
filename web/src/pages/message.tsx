import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay } from '../me';
import { useOverview } from '../overview';
import { Confirm } from '../ui/dialogs';
import { Badge, Button, Cell, Copy, FactList, Fault, Loading, Page, Section, Table, Time } from '../ui/parts';
import { CANCELLABLE, RESOLUTIONS, RETRYABLE, span, STATUS_WORDS } from '../words';
import { Content, useContent } from './message-content';
import styles from './message.module.css';

type Email = Schemas['EmailView'];
type Asked = 'retry' | 'cancel' | 'again' | (typeof RESOLUTIONS)[number]['as'];

const QUESTIONS: Record<Asked, { title: string; text: string; action: string; danger?: boolean }> = {
  retry: { title: 'Try again now?', text: 'It is queued at once, whatever was planned.', action: 'Try again' },
  cancel: {
    title: 'Do not send it?',
    text: 'It stays on record as cancelled.',
    action: 'Cancel the message',
    danger: true,
  },
  again: {
    title: 'Send it again?',
    text: 'The same words to the same people, as a new message. Who has it already has it twice.',
    action: 'Send again',
  },
  sent: { title: 'It was sent?', text: RESOLUTIONS[0].text, action: 'It was sent' },
  not_sent: { title: 'Send it again?', text: RESOLUTIONS[1].text, action: 'Send it again' },
  failed: { title: 'Leave it?', text: RESOLUTIONS[2].text, action: 'Leave it' },
};

export function MessagePage() {
  const { id } = useParams({ from: '/messages/$id' });
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['message', id],
    queryFn: () => told(api.GET('/v1/emails/{id}', { params: { path: { id } } })),
    refetchInterval: every,
  });
  return (
    <Page
      title={data ? (data.subject ?? data.template ?? 'Message') : 'Message'}
      side={data && <Actions email={data} />}
    >
      <Fault error={error} />
      {!data && !error && <Loading />}
      {data && (
        <>
          <Facts email={data} />
          {data.status === 'unknown' && <Desk email={data} />}
          <Timeline email={data} />
          <Recipients email={data} />
          <Content id={id} />
        </>
      )}
    </Page>
  );
}

function useChange(email: Email) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { id: email.id } };
  return async (asked: Asked): Promise<void> => {
    if (asked === 'retry') await told(api.POST('/v1/emails/{id}/retry', { params }));
    else if (asked === 'cancel') await told(api.POST('/v1/emails/{id}/cancel', { params }));
    else if (asked === 'again') {
      const header = { 'Idempotency-Key': crypto.randomUUID() };
      const { id } = await told(api.POST('/v1/emails/{id}/send-again', { params: { ...params, header } }));
      await navigate({ to: '/messages/$id', params: { id } });
    } else await told(api.POST('/v1/emails/{id}/resolve', { params, body: { as: asked } }));
    await queries.invalidateQueries({ queryKey: ['message', email.id] });
  };
}

function Ask({ email, asked, onClose }: { email: Email; asked: Asked | undefined; onClose: () => void }) {
  const change = useChange(email);
  const question = asked && QUESTIONS[asked];
  return (
    <Confirm
      open={asked !== undefined}
      onClose={onClose}
      title={question?.title ?? ''}
      action={question?.action ?? ''}
      danger={question?.danger ?? false}
      onConfirm={() => change(asked!)}
    >
      <p>{question?.text}</p>
    </Confirm>
  );
}

function Actions({ email }: { email: Email }) {
  const { act } = useMay();
  const [asked, setAsked] = useState<Asked>();
  const content = useContent(email.id);
  if (!act) return null;
  return (
    <>
      {RETRYABLE.includes(email.status) && (
        <Button kind="main" onClick={() => setAsked('retry')}>
          Try again
        </Button>
      )}
      {CANCELLABLE.includes(email.status) && <Button onClick={() => setAsked('cancel')}>Cancel</Button>}
      {content.data && <Button onClick={() => setAsked('again')}>Send again</Button>}
      <Ask email={email} asked={asked} onClose={() => setAsked(undefined)} />
    </>
  );
}

/** The three answers to a lost one, and what each of them does. */
function Desk({ email }: { email: Email }) {
  const { administer } = useMay();
  const [asked, setAsked] = useState<Asked>();
  return (
    <Section title="What became of it?">
      <p>
        The message was given to the server whole, and its answer was lost: it may have been taken or not. Otpost does
        not send it twice by itself. Look for <code>{email.messageId}</code> in the log of the server, or ask the
        recipient.
      </p>
      {administer ? (
        <div className={styles.desk}>
          {RESOLUTIONS.map(({ as, title, text }) => (
            <div key={as}>
              <Button onClick={() => setAsked(as)}>{title}</Button>
              <p>{text}</p>
            </div>
          ))}
        </div>
      ) : (
        <p>An administrator can say which.</p>
      )}
      <Ask email={email} asked={asked} onClose={() => setAsked(undefined)} />
    </Section>
  );
}

function Facts({ email }: { email: Email }) {
  const rows: [string, React.ReactNode, 'wide'?][] = [
    [
      'Status',
      <>
        <Badge status={email.status} /> <span className={styles.soft}>{STATUS_WORDS[email.status]}</span>
      </>,
    ],
    ['To', email.to],
    ['From', email.from],
    ['Lane', email.lane],
    ['Tries', `${email.attempts} of ${email.maxAttempts}`],
    ['Accepted', <Time at={email.createdAt} />],
  ];
  if (email.scheduledAt) rows.push(['Scheduled for', <Time at={email.scheduledAt} />]);
  if (email.nextAttemptAt) rows.push(['Next try', <Time at={email.nextAttemptAt} />]);
  if (email.sentAt)
    rows.push([
      'Handed over',
      <>
        <Time at={email.sentAt} />{' '}
        <span className={styles.soft}>
          after {span(Date.parse(email.sentAt) - Date.parse(email.scheduledAt ?? email.createdAt))}
        </span>
      </>,
    ]);
  if (email.expiresAt) rows.push(['Expires', <Time at={email.expiresAt} />]);
  if (email.transport) rows.push(['Transport', email.transport]);
  if (email.template)
    rows.push([
      'Template',
      <Link to="/templates/$name" params={{ name: email.template }}>
        {email.template}
      </Link>,
    ]);
  if (email.tags.length > 0) rows.push(['Tags', email.tags.join(', ')]);
  for (const [name, value] of Object.entries(email.metadata)) rows.push([name, String(value)]);
  if (email.splitFrom)
    rows.push([
      'Split off',
      <Link to="/messages/$id" params={{ id: email.splitFrom }}>
        {email.splitFrom}
      </Link>,
    ]);
  if (email.traceId) rows.push(['Trace', <Trace id={email.traceId} />]);
  if (email.providerMessageId) rows.push(["Provider's id", <code>{email.providerMessageId}</code>]);
  rows.push(['Message-ID', <code>{email.messageId}</code>, 'wide']);
  if (email.lastReply)
    rows.push([
      'Said last',
      <>
        {email.lastErrorCode && <code>{email.lastErrorCode}</code>} <q>{email.lastReply}</q>
      </>,
      'wide',
    ]);
  return (
    <Section
      title="Message"
      side={
        <span className={styles.id}>
          <code>{email.id}</code> <Copy text={email.id} label="Copy id" />
        </span>
      }
    >
      <FactList rows={rows} />
      {email.possibleDuplicate && (
        <p className={styles.doubt}>It was sent again after an unknown outcome: the recipient may have it twice.</p>
      )}
    </Section>
  );
}

/** A link where TRACE_URL says where traces are looked at. */
function Trace({ id }: { id: string }) {
  const { data } = useOverview();
  if (!data?.traceUrl) return <code>{id}</code>;
  return (
    <a href={data.traceUrl.replaceAll('{traceId}', id)} target="_blank" rel="noreferrer">
      <code>{id}</code>
    </a>
  );
}

function Timeline({ email: { events } }: { email: Email }) {
  return (
    <Section title="Timeline">
      <ol className={styles.timeline}>
        {events.map((event, at) => (
          <li key={at}>
            <span className={styles.when}>
              <Time at={event.at} />
              {at > 0 && <small>+{span(Math.max(0, Date.parse(event.at) - Date.parse(events[at - 1]!.at)))}</small>}
            </span>
            <span className={styles.what}>
              <Badge status={event.status} />
              {event.attempt > 0 && <span className={styles.soft}>try {event.attempt}</span>}
              {event.transport && event.transport !== 'none' && <span>{event.transport}</span>}
              {event.errorCode && <code>{event.errorCode}</code>}
              {event.worker && <span className={styles.soft}>by {event.worker}</span>}
              {event.reply && <q>{event.reply}</q>}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Recipients({ email: { id, recipients } }: { email: Email }) {
  return (
    <Section title="Recipients">
      <Table label="Recipients" heads={['Address', 'As', 'Status', 'Timeline']}>
        {recipients.map(({ kind, address, name, status, emailId }) => (
          <tr key={kind + address}>
            <Cell head="" wide>
              {name && `${name} `}
              <b>{address}</b>
            </Cell>
            <Cell head="As">{kind}</Cell>
            <Cell head="Status">
              <Badge status={status} />
            </Cell>
            <Cell head="Timeline">
              {emailId === id ? (
                'this one'
              ) : (
                <Link to="/messages/$id" params={{ id: emailId }}>
                  its own
                </Link>
              )}
            </Cell>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
