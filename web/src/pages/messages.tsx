import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay } from '../me';
import { useHeld } from '../ui/held';
import { Listing, looked, Pager } from '../ui/listing';
import { Badge, Button, Cell, cx, Empty, Page, Time } from '../ui/parts';
import { count, many, type Status, STATUS_WORDS, STATUSES } from '../words';
import { ActionDialog, type Chosen } from './message-actions';
import { apiFilter, type Filter } from './message-filter';
import { Search } from './message-search';
import styles from './messages.module.css';
import { Views } from './message-views';

type Item = Schemas['EmailItemView'];
const LIMIT = 50;
/** Filters by what is looked up whole. */
const ADDRESSES = ['to', 'from'];

/** One table of all messages: what it shows stands in the address. */
export function MessagesPage() {
  const filter = useSearch({ from: '/messages' });
  const navigate = useNavigate({ from: '/messages' });
  const queries = useQueryClient();
  const { every } = useLive();
  const { act } = useMay();
  const { cursor, status, ...rest } = filter;
  const set = (changes: Partial<Filter>) =>
    void navigate({ search: (former) => ({ ...former, cursor: undefined, ...changes }) });

  const list = useQuery({
    queryKey: ['messages', filter],
    queryFn: () => told(api.GET('/v1/emails', { params: { query: { ...apiFilter(filter), cursor, limit: LIMIT } } })),
    placeholderData: keepPreviousData,
    refetchInterval: every,
  });
  const stats = useQuery({
    queryKey: ['messages', 'stats', rest],
    queryFn: () => told(api.GET('/v1/emails/stats', { params: { query: apiFilter(rest) } })),
    placeholderData: keepPreviousData,
    refetchInterval: every,
  });

  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [all, setAll] = useState(false);
  const [acting, setActing] = useState<Chosen>();
  const key = JSON.stringify(filter);
  useEffect(() => {
    setSelected(new Set());
    setAll(false);
  }, [key]);
  const found = looked(list, ...ADDRESSES);
  const isWhole = found === list;
  const { items, news, show, hold } = useHeld(
    list.isPlaceholderData ? undefined : found.data?.items,
    key,
    selected.size > 0 || acting !== undefined,
  );

  const statuses = status?.split(',') ?? [];
  const total = stats.data
    ? statuses.length === 0
      ? stats.data.total
      : statuses.reduce((sum, one) => sum + (stats.data.counts[one as Status] ?? 0), 0)
    : undefined;
  const choose = (id: string, on: boolean) => {
    setAll(false);
    setSelected((former) => {
      const next = new Set(former);
      if (on) next.add(id);
      else next.delete(id);
      return next;
    });
  };
  const wholePage = items.length > 0 && items.every(({ id }) => selected.has(id));
  return (
    <Page title="Messages" side={<Views filter={filter} />}>
      <Search filter={filter} set={set} />
      <div role="group" aria-label="Status" className={styles.chips}>
        <Chip
          words="all"
          on={statuses.length === 0}
          number={stats.data?.total}
          onClick={() => set({ status: undefined })}
        />
        {STATUSES.filter((one) => statuses.includes(one) || (stats.data?.counts[one] ?? 0) > 0).map((one) => (
          <Chip
            key={one}
            words={one}
            title={STATUS_WORDS[one]}
            on={statuses.includes(one)}
            number={stats.data?.counts[one]}
            onClick={() => {
              const next = statuses.includes(one) ? statuses.filter((other) => other !== one) : [...statuses, one];
              set({ status: next.length > 0 ? next.join(',') : undefined });
            }}
          />
        ))}
        <span className={styles.span}>
          {stats.data && !filter.since && !filter.last && 'counted over the last 30 days'}
        </span>
      </div>
      <Listing
        list={{ data: found.data, error: found.error ?? (isWhole ? stats.error : undefined) }}
        items={items}
        hold={hold}
        sheet={cx(styles.sheet, list.isPlaceholderData && styles.old)}
        table={cx(styles.messages, act && styles.picked)}
        label="Messages"
        heads={[
          ...(act ? ['Select'] : []),
          ...['Status', 'Recipient', 'Subject or template', 'Lane', 'Tries', 'Said last', 'Accepted'],
        ]}
        empty={<None more={Boolean(list.data?.nextCursor)} whole={isWhole} />}
        row={(item) => (
          <Row key={item.id} item={item} chosen={selected.has(item.id)} choose={act ? choose : undefined} />
        )}
      >
        {(found.data || !found.error) && isWhole && (
          <div className={styles.toolbar}>
            <label className={styles.pick}>
              {act && (
                <input
                  type="checkbox"
                  aria-label="Select all on this page"
                  checked={wholePage}
                  disabled={items.length === 0}
                  onChange={(event) => {
                    setAll(false);
                    setSelected(new Set(event.target.checked ? items.map(({ id }) => id) : []));
                  }}
                />
              )}
              <span>
                {all
                  ? `All ${count(total ?? 0)} that match`
                  : selected.size > 0
                    ? `${count(selected.size)} selected`
                    : total === undefined
                      ? ''
                      : many(total, 'message')}
              </span>
            </label>
            {wholePage && !all && total !== undefined && total > items.length && (
              <Button kind="quiet" onClick={() => setAll(true)}>
                Select all {count(total)} that match
              </Button>
            )}
            {selected.size > 0 && (
              <Button
                kind="main"
                onClick={() =>
                  setActing(
                    all
                      ? { kind: 'filter', filter, counts: stats.data!.counts, since: stats.data!.since }
                      : { kind: 'some', items: items.filter(({ id }) => selected.has(id)) },
                  )
                }
              >
                Do something with {all ? `all ${count(total ?? 0)}` : 'them'}
              </Button>
            )}
            {news > 0 && (
              <Button kind="quiet" onClick={show}>
                {many(news, 'new message')}: show
              </Button>
            )}
          </div>
        )}
      </Listing>
      <Pager next={list.data?.nextCursor} />
      {acting && (
        <ActionDialog
          chosen={acting}
          onClose={() => {
            setActing(undefined);
            setSelected(new Set());
            setAll(false);
            void queries.invalidateQueries({ queryKey: ['messages'] });
          }}
        />
      )}
    </Page>
  );
}

/** @param more pages follow. @param whole what was searched for can be had */
function None({ more, whole }: { more: boolean; whole: boolean }) {
  if (!whole) return <Empty title="No message is like this">An address is looked up whole, and so is a number.</Empty>;
  if (more) return <Empty title="None on this page">Older ones may be: go on to the next page.</Empty>;
  return <Empty title="No message is like this">Take a filter away, or look at a longer time.</Empty>;
}

function Row({
  item,
  chosen,
  choose,
}: {
  item: Item;
  chosen: boolean;
  /** Absent for those who change nothing. */
  choose: ((id: string, on: boolean) => void) | undefined;
}) {
  const { id, status, to, recipients, subject, template, lane, attempts, lastErrorCode, createdAt, tags } = item;
  return (
    <tr
      className={chosen ? styles.chosen : undefined}
      onKeyDown={(event) => event.key === 'x' && !event.ctrlKey && choose?.(id, !chosen)}
    >
      {choose && (
        <Cell head="">
          <input
            type="checkbox"
            aria-label={`Select the message to ${to}`}
            checked={chosen}
            onChange={(event) => choose(id, event.target.checked)}
          />
        </Cell>
      )}
      <Cell head="">
        <Badge status={status} />
      </Cell>
      <Cell head="" wide>
        <Link to="/messages/$id" params={{ id }} data-row className={styles.to}>
          {to}
        </Link>
        {recipients.length > 1 && <span className={styles.soft}> and {recipients.length - 1} more</span>}
      </Cell>
      <Cell head="" wide>
        <span className={styles.subject}>{subject ?? template ?? '–'}</span>
        {tags.map((tag) => (
          <span key={tag} className={styles.tag}>
            {tag}
          </span>
        ))}
      </Cell>
      <Cell head="Lane">{lane}</Cell>
      <Cell head="Tries" number>
        {attempts}
      </Cell>
      <Cell head="Said last">{lastErrorCode && <code>{lastErrorCode}</code>}</Cell>
      <Cell head="Accepted" number>
        <Time at={createdAt} />
      </Cell>
    </tr>
  );
}

function Chip({
  words,
  on,
  number,
  title,
  onClick,
}: {
  words: string;
  on: boolean;
  number: number | undefined;
  title?: string;
  onClick: () => void;
}) {
  return (
    <button type="button" aria-pressed={on} title={title} className={styles.chip} onClick={onClick}>
      {words} {number !== undefined && <b>{count(number)}</b>}
    </button>
  );
}
