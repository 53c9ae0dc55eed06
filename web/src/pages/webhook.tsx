import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay } from '../me';
import { Confirm, Dialog } from '../ui/dialogs';
import { Choice, Listing, Pager } from '../ui/listing';
import { Button, Cell, Empty, FactList, Fault, Page, Section, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';

type Endpoint = Schemas['WebhookEndpointView'];

export function State({ one }: { one: Endpoint }) {
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

const TONES = { queued: 'wait', deferred: 'wait', sending: 'wait', delivered: 'good', failed: 'bad' } as const;

export function WebhookPage() {
  const { id } = useParams({ from: '/webhooks/$id' });
  const { status, cursor } = useSearch({ from: '/webhooks/$id' });
  const navigate = useNavigate({ from: '/webhooks/$id' });
  const queries = useQueryClient();
  const { administer } = useMay();
  const { every } = useLive();
  const path = { id };
  const { data, error } = useQuery({
    queryKey: ['webhook', id],
    queryFn: () => told(api.GET('/v1/webhook-endpoints/{id}', { params: { path } })),
    refetchInterval: every,
  });
  const query = { status: status as 'failed' | undefined, cursor };
  const deliveries = useQuery({
    queryKey: ['webhook', id, 'deliveries', query],
    queryFn: () => told(api.GET('/v1/webhook-endpoints/{id}/deliveries', { params: { path, query } })),
    placeholderData: keepPreviousData,
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
        data &&
        administer && (
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
      <Fault error={error ?? fault} />
      {data && (
        <Section title="Endpoint">
          <FactList
            rows={[
              ['State', <State one={data} />],
              ['Events', data.events.length === 0 ? 'all' : data.events.join(', ')],
              ['Form', data.format],
              ['Nothing gets through since', <Time at={data.failingSince} />],
              ['Next try', <Time at={data.backoffUntil} />],
            ]}
          />
        </Section>
      )}
      <Section
        title="Deliveries"
        side={
          <Choice
            label="Status"
            every="Every status"
            options={Object.keys(TONES).map((one) => [one, one])}
            value={status}
            onChange={(chosen) => void navigate({ search: { status: chosen } })}
          />
        }
      >
        <Listing
          list={deliveries}
          plain
          label="Deliveries"
          heads={[...['Event', 'Status', 'Tries', 'Message', 'Queued'], ...(administer ? ['Action'] : [])]}
          empty={<Empty title={status ? `None is ${status}` : 'Nothing was delivered yet'} />}
          row={(one) => (
            <tr key={one.id}>
              <Cell head="" wide>
                <Button kind="quiet" data-row onClick={() => setOpen(one.id)}>
                  {one.type}
                </Button>
              </Cell>
              <Cell head="Status">
                <Tag tone={TONES[one.status] ?? 'quiet'}>{one.status}</Tag>
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
              {administer && (
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
              )}
            </tr>
          )}
        />
        <Pager next={deliveries.data?.nextCursor} />
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
