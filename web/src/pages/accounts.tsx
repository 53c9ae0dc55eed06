import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useMay } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { Choice, Listing, looked, Pager, SearchBar, SearchField } from '../ui/listing';
import { Button, Cell, Empty, FactList, Fault, Page, Section, Table, Tag, Time } from '../ui/parts';

type Account = Schemas['AccountView'];
type Role = Account['role'];
const ROLES: Role[] = ['user', 'viewer', 'operator', 'admin'];
const TONES = { user: 'quiet', viewer: 'good', operator: 'wait', admin: 'doubt' } as const;

export function AccountsPage() {
  const { email, role, cursor } = useSearch({ from: '/accounts' });
  const navigate = useNavigate({ from: '/accounts' });
  const query = { email, role: role as Role | undefined, cursor };
  const { data, error } = useQuery({
    queryKey: ['accounts', query],
    queryFn: () => told(api.GET('/v1/accounts', { params: { query } })),
    placeholderData: keepPreviousData,
  });
  return (
    <Page title="Accounts">
      <SearchBar onSearch={(word) => void navigate({ search: { role, email: word('email') } })}>
        <SearchField
          name="email"
          value={email}
          data-search
          aria-label="E-mail address"
          placeholder="Exactly this address   /"
        />
        <Choice
          label="Role"
          every="Every role"
          options={ROLES.map((one) => [one, one])}
          value={role}
          onChange={(chosen) => void navigate({ search: { email, role: chosen } })}
        />
      </SearchBar>
      <Listing
        list={looked({ data, error }, 'email')}
        label="Accounts"
        heads={['Address', 'Name', 'Role', 'Signs in by', 'Since']}
        empty={<Empty title="Nobody is like this">An address is looked up whole.</Empty>}
        row={(one) => (
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
        )}
      />
      <Pager next={data?.nextCursor} />
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
          <FactList
            rows={[
              ['Name', data.name ?? '–'],
              ['Role', <Tag tone={TONES[data.role]}>{data.role}</Tag>],
              ['Language', data.locale ?? '–'],
              ['Signs in by', data.hasPassword ? 'password or code' : 'code'],
              ['Address proved', <Time at={data.emailVerifiedAt} />],
              ['Since', <Time at={data.createdAt} />],
              [
                'Mail',
                <Link to="/messages" search={{ to: data.email }}>
                  all to this address
                </Link>,
              ],
              [
                'Audit',
                <Link to="/audit" search={{ targetId: id }}>
                  what was done to it
                </Link>,
              ],
            ]}
          />
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
