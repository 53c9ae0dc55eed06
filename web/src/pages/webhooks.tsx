import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import {
  Button,
  Cell,
  Confirm,
  Copy,
  Dialog,
  Empty,
  Fault,
  Field,
  Loading,
  Page,
  Pager,
  Section,
  Table,
  Tag,
  Time,
} from '../ui/parts';
import styles from '../ui/pages.module.css';

type Endpoint = Schemas['WebhookEndpointView'];

function State({ one }: { one: Endpoint }) {
  if (one.disabledAt)
    return (
      <>
        <Tag tone="bad">disabled</Tag> <span className={styles.soft}>{one.disabledReason}</span>
      </>
    );
  if (one.failures > 0)
    return (
      <>
        <Tag tone="wait">failing</Tag> <span className={styles.soft}>{one.failures} in a row</span>
      </>
    );
  return <Tag tone="good">enabled</Tag>;
}

export function WebhooksPage() {
  const queries = useQueryClient();
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['webhooks'],
    queryFn: () => told(api.GET('/v1/webhook-endpoints')),
    refetchInterval: every,
  });
  const [making, setMaking] = useState(false);
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  const [secret, setSecret] = useState<string>();
  const create = async () => {
    const body = { url: url.trim(), ...(description.trim() ? { description: description.trim() } : {}) };
    setSecret((await told(api.POST('/v1/webhook-endpoints', { body }))).secret);
    setUrl('');
    await queries.invalidateQueries({ queryKey: ['webhooks'] });
  };
  return (
    <Page
      title="Webhooks"
      side={
        <Button kind="main" onClick={() => setMaking(true)}>
          New endpoint
        </Button>
      }
    >
      <Fault error={error} />
      <div className={styles.sheet}>
        {!data ? (
          !error && <Loading />
        ) : data.items.length === 0 ? (
          <Empty title="No back end is told of anything">An endpoint is told what becomes of every message.</Empty>
        ) : (
          <Table label="Webhook endpoints" heads={['Address', 'State', 'Events', 'Form', 'Since']}>
            {data.items.map((one) => (
              <tr key={one.id}>
                <Cell head="" wide>
                  <Link to="/webhooks/$id" params={{ id: one.id }} data-row>
                    <b>{one.url}</b>
                  </Link>{' '}
                  <span className={styles.soft}>{one.description}</span>
                </Cell>
                <Cell head="State">
                  <State one={one} />
                </Cell>
                <Cell head="Events">{one.events.length === 0 ? 'all' : one.events.join(', ')}</Cell>
                <Cell head="Form">{one.format}</Cell>
                <Cell head="Since" number>
                  <Time at={one.createdAt} />
                </Cell>
              </tr>
            ))}
          </Table>
        )}
      </div>
      <Confirm
        open={making}
        onClose={() => setMaking(false)}
        title="Tell a back end of every message"
        action="Create"
        onConfirm={create}
      >
        <Field label="Address" hint="https; it is told of all events.">
          {(id) => (
            <input
              id={id}
              type="url"
              required
              value={url}
              placeholder="https://shop.example.com/hooks/otpost"
              onChange={(event) => setUrl(event.target.value)}
            />
          )}
        </Field>
        <Field label="Description">
          {(id) => (
            <input
              id={id}
              maxLength={200}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
      </Confirm>
      <Dialog title="Its secret, this once" open={secret !== undefined} onClose={() => setSecret(undefined)}>
        <p>The webhooks are signed with it. It is not shown again.</p>
        <code className={styles.secret}>{secret}</code>
        <Copy text={secret ?? ''} /> <Button onClick={() => setSecret(undefined)}>I have kept it</Button>
      </Dialog>
    </Page>
  );
}

const TONES = { queued: 'wait', deferred: 'wait', sending: 'wait', delivered: 'good', failed: 'bad' } as const;

export function WebhookPage() {
  const { id } = useParams({ from: '/webhooks/$id' });
  const { status, cursor } = useSearch({ from: '/webhooks/$id' });
  const navigate = useNavigate({ from: '/webhooks/$id' });
  const queries = useQueryClient();
  const { every } = useLive();
  const path = { id };
  const { data, error } = useQuery({
    queryKey: ['webhook', id],
    queryFn: () => told(api.GET('/v1/webhook-endpoints/{id}', { params: { path } })),
    refetchInterval: every,
  });
  const query = { ...(status ? { status: status as 'failed' } : {}), ...(cursor ? { cursor } : {}) };
  const deliveries = useQuery({
    queryKey: ['webhook', id, 'deliveries', query],
    queryFn: () => told(api.GET('/v1/webhook-endpoints/{id}/deliveries', { params: { path, query } })),
    refetchInterval: every,
  });
  const [open, setOpen] = useState<string>();
  const [asked, setAsked] = useState<'disable' | 'remove'>();
  const [fault, setFault] = useState<unknown>();
  const changed = () => queries.invalidateQueries({ queryKey: ['webhook', id] });
  const run = (work: () => Promise<unknown>) => void work().then(() => (setFault(undefined), changed()), setFault);
  const confirmed = async () => {
    if (asked === 'remove') {
      await told(api.DELETE('/v1/webhook-endpoints/{id}', { params: { path } }));
      await navigate({ to: '/webhooks' });
      return;
    }
    await told(api.PATCH('/v1/webhook-endpoints/{id}', { params: { path }, body: { disabled: !data!.disabledAt } }));
    await changed();
  };
  return (
    <Page
      title={data?.url ?? 'Webhook endpoint'}
      side={
        data && (
          <>
            <Button onClick={() => run(() => told(api.POST('/v1/webhook-endpoints/{id}/test', { params: { path } })))}>
              Send a test
            </Button>
            <Button onClick={() => setAsked('disable')}>{data.disabledAt ? 'Enable' : 'Disable'}</Button>
            <Button onClick={() => setAsked('remove')}>Remove</Button>
          </>
        )
      }
    >
      <Fault error={error ?? deliveries.error ?? fault} />
      {data && (
        <Section title="Endpoint">
          <dl className={styles.facts}>
            <div>
              <dt>State</dt>
              <dd>
                <State one={data} />
              </dd>
            </div>
            <div>
              <dt>Events</dt>
              <dd>{data.events.length === 0 ? 'all' : data.events.join(', ')}</dd>
            </div>
            <div>
              <dt>Form</dt>
              <dd>{data.format}</dd>
            </div>
            <div>
              <dt>Nothing gets through since</dt>
              <dd>
                <Time at={data.failingSince} />
              </dd>
            </div>
            <div>
              <dt>Next try</dt>
              <dd>
                <Time at={data.backoffUntil} />
              </dd>
            </div>
          </dl>
        </Section>
      )}
      <Section
        title="Deliveries"
        side={
          <select
            aria-label="Status"
            className={styles.tools}
            value={status ?? ''}
            onChange={(event) => void navigate({ search: { status: event.target.value || undefined } })}
          >
            <option value="">Every status</option>
            {Object.keys(TONES).map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        }
      >
        {deliveries.data?.items.length === 0 ? (
          <Empty title="Nothing was delivered yet" />
        ) : (
          <Table label="Deliveries" heads={['Event', 'Status', 'Tries', 'Message', 'Queued', 'Action']}>
            {deliveries.data?.items.map((one) => (
              <tr key={one.id}>
                <Cell head="" wide>
                  <Button kind="quiet" data-row onClick={() => setOpen(one.id)}>
                    {one.type}
                  </Button>
                </Cell>
                <Cell head="Status">
                  <Tag tone={TONES[one.status as keyof typeof TONES] ?? 'quiet'}>{one.status}</Tag>
                </Cell>
                <Cell head="Tries" number>
                  {one.attempts}
                </Cell>
                <Cell head="Message">
                  {one.emailId && (
                    <Link to="/messages/$id" params={{ id: one.emailId }}>
                      look
                    </Link>
                  )}
                </Cell>
                <Cell head="Queued" number>
                  <Time at={one.createdAt} />
                </Cell>
                <Cell head="">
                  <Button
                    aria-label={`Deliver ${one.type} again`}
                    onClick={() =>
                      run(() =>
                        told(api.POST('/v1/webhook-deliveries/{id}/redeliver', { params: { path: { id: one.id } } })),
                      )
                    }
                  >
                    Again
                  </Button>
                </Cell>
              </tr>
            ))}
          </Table>
        )}
        <Pager
          first={!cursor}
          next={deliveries.data?.nextCursor}
          onFirst={() => void navigate({ search: { status } })}
          onNext={() => void navigate({ search: { status, cursor: deliveries.data!.nextCursor! } })}
        />
      </Section>
      {open && <Attempts id={open} onClose={() => setOpen(undefined)} />}
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        danger={asked === 'remove'}
        title={asked === 'remove' ? 'Remove this endpoint?' : data?.disabledAt ? 'Enable it again?' : 'Disable it?'}
        action={asked === 'remove' ? 'Remove' : data?.disabledAt ? 'Enable' : 'Disable'}
        onConfirm={confirmed}
      >
        <p>
          {asked === 'remove'
            ? 'It is told of nothing more, and its deliveries are forgotten.'
            : data?.disabledAt
              ? 'It goes on with a clean slate.'
              : 'Nothing more is queued for it, and what waits goes on waiting.'}
        </p>
      </Confirm>
    </Page>
  );
}

function Attempts({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, error } = useQuery({
    queryKey: ['delivery', id],
    queryFn: () => told(api.GET('/v1/webhook-deliveries/{id}', { params: { path: { id } } })),
  });
  return (
    <Dialog title={data?.type ?? 'Delivery'} open onClose={onClose} wide>
      <Fault error={error} />
      {data?.log.length === 0 && <p>Nothing was tried yet.</p>}
      {data?.log.map((one) => (
        <div key={one.at}>
          <p>
            <Time at={one.at} /> · {one.statusCode ?? one.errorCode} · {one.tookMs} ms{' '}
            <span className={styles.soft}>by {one.worker}</span>
          </p>
          {one.response && (
            <pre className={styles.text} tabIndex={0}>
              {one.response}
            </pre>
          )}
        </div>
      ))}
      <p>
        <Button onClick={onClose}>Close</Button>
      </p>
    </Dialog>
  );
}
