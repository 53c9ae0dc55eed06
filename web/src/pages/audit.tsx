import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { api, told } from '../api/client';
import { Listing, Pager, SearchBar, SearchField } from '../ui/listing';
import { Cell, Empty, Page, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';

export function AuditPage() {
  const { action, actorId, targetId, result, cursor } = useSearch({ from: '/audit' });
  const navigate = useNavigate({ from: '/audit' });
  const filter = { action, actorId, targetId, result: result as 'done' | undefined };
  const query = { ...filter, cursor };
  const { data, error } = useQuery({
    queryKey: ['audit', query],
    queryFn: () => told(api.GET('/v1/audit', { params: { query } })),
    placeholderData: keepPreviousData,
  });
  return (
    <Page title="Audit">
      <SearchBar
        key={JSON.stringify(filter)}
        onSearch={(word) =>
          void navigate({
            search: {
              action: word('action'),
              actorId: word('actorId'),
              targetId: word('targetId'),
              result: word('result'),
            },
          })
        }
      >
        <SearchField
          name="action"
          value={action}
          data-search
          aria-label="Action"
          placeholder="Action, such as session   /"
        />
        <SearchField name="actorId" value={actorId} aria-label="Id of who did it" placeholder="Id of who did it" />
        <SearchField
          name="targetId"
          value={targetId}
          aria-label="Id of what it was done to"
          placeholder="Id of what it was done to"
        />
        <select name="result" aria-label="Result" defaultValue={result ?? ''}>
          <option value="">Done and refused</option>
          <option value="done">Done</option>
          <option value="refused">Refused</option>
        </select>
      </SearchBar>
      <Listing
        list={{ data, error }}
        label="Audit record"
        heads={['When', 'What', 'Who', 'To what', 'From', 'Details']}
        empty={<Empty title="Nothing is on record" />}
        row={(one) => (
          <tr key={one.id}>
            <Cell head="When" number>
              <Time at={one.at} />
            </Cell>
            <Cell head="What" number>
              <b>{one.action}</b> {one.result === 'refused' && <Tag tone="bad">refused</Tag>}
            </Cell>
            <Cell head="Who" number>
              {one.actor.kind === 'account' && one.actor.id ? (
                <Link to="/accounts/$id" params={{ id: one.actor.id }}>
                  account
                </Link>
              ) : (
                one.actor.kind
              )}
            </Cell>
            <Cell head="To what">{one.target && <Target {...one.target} />}</Cell>
            <Cell head="From" number>
              {one.ip}
            </Cell>
            <Cell head="Details" wide>
              {one.details && (
                <span className={styles.soft}>
                  {Object.entries(one.details)
                    .map(([name, value]) => `${name}: ${String(value)}`)
                    .join(' · ')}
                </span>
              )}
            </Cell>
          </tr>
        )}
      />
      <Pager next={data?.nextCursor} />
    </Page>
  );
}

function Target({ kind, id }: { kind: string; id: string }) {
  if (kind === 'email')
    return (
      <Link to="/messages/$id" params={{ id }}>
        message
      </Link>
    );
  if (kind === 'account')
    return (
      <Link to="/accounts/$id" params={{ id }}>
        account
      </Link>
    );
  if (kind === 'template')
    return (
      <Link to="/templates/$name" params={{ name: id }}>
        {id}
      </Link>
    );
  return (
    <span title={id}>
      {kind} {id.length > 20 ? `${id.slice(0, 8)}…` : id}
    </span>
  );
}
