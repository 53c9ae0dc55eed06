import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useMay } from '../me';
import { Confirm, Field, Once } from '../ui/dialogs';
import { Listing, Pager } from '../ui/listing';
import { Button, Cell, Empty, Page, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';

type Key = Schemas['ApiKeyView'];
const SCOPES: [Schemas['CreateKeyRequest']['scopes'][number], string][] = [
  ['emails:send', 'send mail, retry and cancel it'],
  ['emails:read', 'read all mail'],
  ['emails:read:own', 'read what it sent itself'],
  ['suppressions:read', 'read the suppression list'],
  ['suppressions:write', 'change the suppression list'],
  ['verifications', 'ask for codes and check them'],
  ['audiences', 'keep audiences and send broadcasts'],
  ['webhooks', 'keep webhook endpoints'],
  ['admin', 'everything'],
];

const isOver = ({ revokedAt, expiresAt }: Key) =>
  revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= Date.now());

export function KeysPage() {
  const { cursor } = useSearch({ from: '/keys' });
  const queries = useQueryClient();
  const { administer } = useMay();
  const { data, error } = useQuery({
    queryKey: ['keys', cursor],
    queryFn: () => told(api.GET('/v1/api-keys', { params: { query: { limit: 100, cursor } } })),
    placeholderData: keepPreviousData,
  });
  const [making, setMaking] = useState(false);
  const [asked, setAsked] = useState<{ key: Key; what: 'rotate' | 'revoke' }>();
  const [secret, setSecret] = useState<string>();
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<string[]>(['emails:send']);
  const [senders, setSenders] = useState('');
  const [days, setDays] = useState('');
  const changed = () => queries.invalidateQueries({ queryKey: ['keys'] });
  const create = async () => {
    const from = senders.split(/[\s,]+/).filter(Boolean);
    const expiresAt = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : undefined;
    const body = {
      name: name.trim(),
      scopes: scopes as Schemas['CreateKeyRequest']['scopes'],
      ...(from.length > 0 ? { senders: from } : {}),
      ...(expiresAt ? { expiresAt } : {}),
    };
    setSecret((await told(api.POST('/v1/api-keys', { body }))).key);
    setName('');
    await changed();
  };
  const confirmed = async () => {
    const params = { path: { id: asked!.key.id } };
    if (asked!.what === 'revoke') await told(api.DELETE('/v1/api-keys/{id}', { params }));
    else setSecret((await told(api.POST('/v1/api-keys/{id}/rotate', { params, body: {} }))).key);
    await changed();
  };
  return (
    <Page
      title="API keys"
      side={
        administer && (
          <Button kind="main" onClick={() => setMaking(true)}>
            New key
          </Button>
        )
      }
    >
      <Listing
        list={{ data, error }}
        label="API keys"
        heads={[
          ...['Name', 'Begins with', 'May', 'Sends from', 'Last used', 'Expires', 'State'],
          ...(administer ? ['Action'] : []),
        ]}
        empty={<Empty title="There is no key yet">A back end sends mail with one.</Empty>}
        row={(key) => (
          <tr key={key.id}>
            <Cell head="" wide>
              <Link to="/messages" search={{ apiKey: key.id }} data-row>
                <b>{key.name}</b>
              </Link>
            </Cell>
            <Cell head="Begins with">
              <code>{key.prefix}</code>
            </Cell>
            <Cell head="May" wide>
              {key.scopes.join(', ')}
            </Cell>
            <Cell head="Sends from">{key.senders.length === 0 ? 'anything allowed' : key.senders.join(', ')}</Cell>
            <Cell head="Last used" number>
              <Time at={key.lastUsedAt} />
            </Cell>
            <Cell head="Expires" number>
              {key.expiresAt ? <Time at={key.expiresAt} /> : 'never'}
            </Cell>
            <Cell head="State">
              {key.revokedAt ? (
                <Tag tone="bad">revoked</Tag>
              ) : isOver(key) ? (
                <Tag tone="bad">expired</Tag>
              ) : key.replacedBy ? (
                <Tag tone="wait">replaced</Tag>
              ) : (
                <Tag tone="good">good</Tag>
              )}
            </Cell>
            {administer && (
              <Cell head="">
                {!isOver(key) && (
                  <span className={styles.tools}>
                    {!key.replacedBy && (
                      <Button aria-label={`Rotate ${key.name}`} onClick={() => setAsked({ key, what: 'rotate' })}>
                        Rotate
                      </Button>
                    )}
                    <Button aria-label={`Revoke ${key.name}`} onClick={() => setAsked({ key, what: 'revoke' })}>
                      Revoke
                    </Button>
                  </span>
                )}
              </Cell>
            )}
          </tr>
        )}
      />
      <Pager next={data?.nextCursor} words={['Oldest', 'Newer']} />
      <Confirm open={making} onClose={() => setMaking(false)} title="New API key" action="Create" onConfirm={create}>
        <Field label="Name" hint="Whose key it is.">
          {(id) => (
            <input
              id={id}
              required
              maxLength={100}
              value={name}
              placeholder="shop"
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <fieldset className={styles.checks}>
          <legend>It may</legend>
          {SCOPES.map(([scope, words]) => (
            <label key={scope}>
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={(event) =>
                  setScopes(event.target.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))
                }
              />{' '}
              {words}
            </label>
          ))}
        </fieldset>
        <Field
          label="Sends only from"
          hint="Addresses, or domains with an @ before them. Empty: whatever the deployment may."
        >
          {(id) => (
            <input
              id={id}
              value={senders}
              placeholder="billing@example.com, @news.example.com"
              onChange={(event) => setSenders(event.target.value)}
            />
          )}
        </Field>
        <Field label="Ends after">
          {(id) => (
            <select id={id} value={days} onChange={(event) => setDays(event.target.value)}>
              <option value="">It does not end</option>
              <option value="30">30 days</option>
              <option value="90">90 days</option>
              <option value="365">a year</option>
            </select>
          )}
        </Field>
      </Confirm>
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        danger={asked?.what === 'revoke'}
        title={asked?.what === 'revoke' ? `Revoke ${asked.key.name}?` : `Rotate ${asked?.key.name}?`}
        action={asked?.what === 'revoke' ? 'Revoke' : 'Rotate'}
        onConfirm={confirmed}
      >
        <p>
          {asked?.what === 'revoke'
            ? 'It opens nothing from this moment on.'
            : 'A new key takes over, with the same rights. The former one works for 24 hours more.'}
        </p>
      </Confirm>
      <Once title="The key, this once" secret={secret} onClose={() => setSecret(undefined)}>
        Only its hash is kept: it is not shown again.
      </Once>
    </Page>
  );
}
