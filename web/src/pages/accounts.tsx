import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useMay } from '../me';
import { written } from '../ui/forms';
import { Confirm, Field } from '../ui/dialogs';
import { Button, Cell, Empty, Fault, Loading, Page, Pager, Section, Table, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';

type Account = Schemas['AccountView'];
type Role = Account['role'];
const ROLES: Role[] = ['user', 'viewer', 'operator', 'admin'];
const TONES = { user: 'quiet', viewer: 'good', operator: 'wait', admin: 'doubt' } as const;

export function AccountsPage() {
  const { email, role, cursor } = useSearch({ from: '/accounts' });
  const navigate = useNavigate({ from: '/accounts' });
  const query = { ...(email ? { email } : {}), ...(role ? { role: role as Role } : {}), ...(cursor ? { cursor } : {}) };
  const { data, error } = useQuery({
    queryKey: ['accounts', query],
    queryFn: () => told(api.GET('/v1/accounts', { params: { query } })),
    placeholderData: keepPreviousData,
  });
  return (
    <Page title="Accounts">
      <form
        role="search"
        className={styles.bar}
        onSubmit={(event) => {
          event.preventDefault();
          void navigate({
            search: { role, email: written(new FormData(event.currentTarget), 'email') },
          });
        }}
      >
        <input
          key={email}
          name="email"
          type="search"
          data-search
          aria-label="E-mail address"
          placeholder="Exactly this address   /"
          defaultValue={email ?? ''}
        />
        <select
          aria-label="Role"
          value={role ?? ''}
          onChange={(event) => void navigate({ search: { email, role: event.target.value || undefined } })}
        >
          <option value="">Every role</option>
          {ROLES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <Button type="submit">Search</Button>
      </form>
      <Fault error={error} />
      <div className={styles.sheet}>
        {!data ? (
          !error && <Loading />
        ) : data.items.length === 0 ? (
          <Empty title="Nobody is like this">An address is looked up whole.</Empty>
        ) : (
          <Table label="Accounts" heads={['Address', 'Name', 'Role', 'Signs in by', 'Since']}>
            {data.items.map((one) => (
              <tr key={one.id}>
                <Cell head="" wide>
                  <Link to="/accounts/$id" params={{ id: one.id }} data-row>
                    <b>{one.email}</b>
                  </Link>
                </Cell>
                <Cell head="Name">{one.name}</Cell>
                <Cell head="Role">
                  <Tag tone={TONES[one.role]}>{one.role}</Tag>
                </Cell>
                <Cell head="Signs in by">{one.hasPassword ? 'password or code' : 'code'}</Cell>
                <Cell head="Since" number>
                  <Time at={one.createdAt} />
                </Cell>
              </tr>
            ))}
          </Table>
        )}
      </div>
      <Pager
        first={!cursor}
        next={data?.nextCursor}
        onFirst={() => void navigate({ search: { email, role } })}
        onNext={() => void navigate({ search: { email, role, cursor: data!.nextCursor! } })}
      />
    </Page>
  );
}

export function AccountPage() {
  const { id } = useParams({ from: '/accounts/$id' });
  const queries = useQueryClient();
  const { administer } = useMay();
  const params = { path: { id } };
  const { data, error } = useQuery({
    queryKey: ['account', id],
    queryFn: () => told(api.GET('/v1/accounts/{id}', { params })),
  });
  const sessions = useQuery({
    queryKey: ['account', id, 'sessions'],
    queryFn: () => told(api.GET('/v1/accounts/{id}/sessions', { params })),
  });
  const [asked, setAsked] = useState<'role' | 'end'>();
  const [role, setRole] = useState<Role>('user');
  const confirmed = async () => {
    if (asked === 'role') await told(api.PATCH('/v1/accounts/{id}', { params, body: { role } }));
    else await told(api.DELETE('/v1/accounts/{id}/sessions', { params }));
    await queries.invalidateQueries({ queryKey: ['account', id] });
  };
  return (
    <Page
      title={data?.email ?? 'Account'}
      side={
        data &&
        administer && (
          <Button
            onClick={() => {
              setRole(data.role);
              setAsked('role');
            }}
          >
            Change role
          </Button>
        )
      }
    >
      <Fault error={error ?? sessions.error} />
      {data && (
        <Section title="Account">
          <dl className={styles.facts}>
            <div>
              <dt>Name</dt>
              <dd>{data.name ?? '–'}</dd>
            </div>
            <div>
              <dt>Role</dt>
              <dd>
                <Tag tone={TONES[data.role]}>{data.role}</Tag>
              </dd>
            </div>
            <div>
              <dt>Language</dt>
              <dd>{data.locale ?? '–'}</dd>
            </div>
            <div>
              <dt>Signs in by</dt>
              <dd>{data.hasPassword ? 'password or code' : 'code'}</dd>
            </div>
            <div>
              <dt>Address proved</dt>
              <dd>
                <Time at={data.emailVerifiedAt} />
              </dd>
            </div>
            <div>
              <dt>Since</dt>
              <dd>
                <Time at={data.createdAt} />
              </dd>
            </div>
            <div>
              <dt>Mail</dt>
              <dd>
                <Link to="/messages" search={{ to: data.email }}>
                  all to this address
                </Link>
              </dd>
            </div>
            <div>
              <dt>Audit</dt>
              <dd>
                <Link to="/audit" search={{ targetId: id }}>
                  what was done to it
                </Link>
              </dd>
            </div>
          </dl>
        </Section>
      )}
      <Section
        title="Signed in"
        side={
          administer && (
            <Button disabled={!sessions.data?.items.length} onClick={() => setAsked('end')}>
              Sign out everywhere
            </Button>
          )
        }
      >
        {sessions.data?.items.length === 0 ? (
          <Empty title="Nowhere" />
        ) : (
          <Table label="Sessions" heads={['Device', 'By', 'From', 'Since', 'Last used', 'Ends']}>
            {sessions.data?.items.map((one) => (
              <tr key={one.id}>
                <Cell head="" wide>
                  <b>{one.device ?? 'Unknown device'}</b> {one.current && <Tag>this one</Tag>}
                </Cell>
                <Cell head="By">{one.method}</Cell>
                <Cell head="From">{one.ip}</Cell>
                <Cell head="Since" number>
                  <Time at={one.createdAt} />
                </Cell>
                <Cell head="Last used" number>
                  <Time at={one.lastUsedAt} />
                </Cell>
                <Cell head="Ends" number>
                  <Time at={one.expiresAt} />
                </Cell>
              </tr>
            ))}
          </Table>
        )}
      </Section>
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        danger={asked === 'end'}
        title={asked === 'end' ? 'Sign out everywhere?' : 'Change role'}
        action={asked === 'end' ? 'Sign out' : 'Change'}
        onConfirm={confirmed}
      >
        {asked === 'end' ? (
          <p>
            Every session of <b>{data?.email}</b> ends at once. Other services take an access token until it runs out,
            15 minutes at most.
          </p>
        ) : (
          <Field
            label="Role"
            hint="Viewers see all of this and change nothing; operators retry and cancel mail; admins do everything. From their next request on; the last administrator stays one."
          >
            {(field) => (
              <select id={field} value={role} onChange={(event) => setRole(event.target.value as Role)}>
                {ROLES.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            )}
          </Field>
        )}
      </Confirm>
    </Page>
  );
}
