import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, told } from '../api/client';
import { useLive } from '../live';
import { useMay } from '../me';
import { Confirm, Field, Once } from '../ui/dialogs';
import { Listing, Pager } from '../ui/listing';
import { Button, Cell, Empty, Page, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';
import { State } from './webhook';

export function WebhooksPage() {
  const { cursor } = useSearch({ from: '/webhooks' });
  const queries = useQueryClient();
  const { administer } = useMay();
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['webhooks', cursor],
    queryFn: () => told(api.GET('/v1/webhook-endpoints', { params: { query: { cursor } } })),
    placeholderData: keepPreviousData,
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
        administer && (
          <Button kind="main" onClick={() => setMaking(true)}>
            New endpoint
          </Button>
        )
      }
    >
      <Listing
        list={{ data, error }}
        label="Webhook endpoints"
        heads={['Address', 'State', 'Events', 'Form', 'Since']}
        empty={
          <Empty title="No back end is told of anything">An endpoint is told what becomes of every message.</Empty>
        }
        row={(one) => (
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
        )}
      />
      <Pager next={data?.nextCursor} words={['Oldest', 'Newer']} />
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
      <Once title="Its secret, this once" secret={secret} onClose={() => setSecret(undefined)}>
        The webhooks are signed with it. It is not shown again.
      </Once>
    </Page>
  );
}
