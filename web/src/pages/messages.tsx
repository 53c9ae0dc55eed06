import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { Badge, Button, Cell, cx, Empty, Fault, Field, Loading, Page, Pager, Table, Time } from '../ui/parts';
import { count, many, type Status, STATUS_WORDS, STATUSES } from '../words';
import { ActionDialog, type Chosen } from './message-actions';
import { apiFilter, FIELD_WORDS, FIELDS, type Filter, ID, searched, SPANS } from './message-filter';
import styles from './messages.module.css';
import { Views } from './message-views';

type Item = Schemas['EmailItemView'];
const LIMIT = 50;

/** One table of all messages: what it shows stands in the address. */
export function MessagesPage() {
  const filter = useSearch({ from: '/messages' });
  const navigate = useNavigate({ from: '/messages' });
  const queries = useQueryClient();
  const { every } = useLive();
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
  const { items, news, show, hold } = useHeld(list.data?.items, key, selected.size > 0 || acting !== undefined);

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
      <Fault error={list.error ?? stats.error} />
      <div className={cx(styles.sheet, list.isPlaceholderData && styles.old)} {...hold}>
        <div className={styles.toolbar}>
          <label className={styles.pick}>
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
        {list.isPending && !list.error ? (
          <Loading />
        ) : items.length === 0 ? (
          <Empty title={list.data?.nextCursor ? 'None on this page' : 'No message is like this'}>
            {list.data?.nextCursor
              ? 'Older ones may be: go on to the next page.'
              : 'Take a filter away, or look at a longer time.'}
          </Empty>
        ) : (
          <Table
            label="Messages"
            heads={['Select', 'Status', 'Recipient', 'Subject or template', 'Lane', 'Tries', 'Said last', 'Accepted']}
            className={styles.messages}
          >
            {items.map((item) => (
              <Row key={item.id} item={item} chosen={selected.has(item.id)} choose={choose} />
            ))}
          </Table>
        )}
      </div>
      <Pager
        first={!cursor}
        next={list.data?.nextCursor}
        onFirst={() => set({})}
        onNext={() => set({ cursor: list.data!.nextCursor! })}
      />
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

function Row({ item, chosen, choose }: { item: Item; chosen: boolean; choose: (id: string, on: boolean) => void }) {
  const { id, status, to, recipients, subject, template, lane, attempts, lastErrorCode, createdAt, tags } = item;
  return (
    <tr
      className={chosen ? styles.chosen : undefined}
      onKeyDown={(event) => event.key === 'x' && !event.ctrlKey && choose(id, !chosen)}
    >
      <Cell head="">
        <input
          type="checkbox"
          aria-label={`Select the message to ${to}`}
          checked={chosen}
          onChange={(event) => choose(id, event.target.checked)}
        />
      </Cell>
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

function Search({ filter, set }: { filter: Filter; set: (changes: Partial<Filter>) => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState(filter.q ?? filter.to ?? '');
  const [more, setMore] = useState(false);
  useEffect(() => setText(filter.q ?? filter.to ?? ''), [filter.q, filter.to]);
  const given = FIELDS.filter((name) => filter[name]);
  return (
    <>
      <form
        role="search"
        className={styles.search}
        onSubmit={(event) => {
          event.preventDefault();
          if (ID.test(text.trim())) void navigate({ to: '/messages/$id', params: { id: text.trim().toLowerCase() } });
          else set({ q: undefined, to: undefined, ...searched(text) });
        }}
      >
        <input
          data-search
          type="search"
          aria-label="Search messages"
          placeholder="Recipient, id, or words of the subject or the reply   /"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
        <select
          aria-label="Lane"
          value={filter.lane ?? ''}
          onChange={(event) => set({ lane: event.target.value || undefined })}
        >
          <option value="">Every lane</option>
          {['critical', 'default', 'bulk'].map((lane) => (
            <option key={lane}>{lane}</option>
          ))}
        </select>
        <select
          aria-label="Time"
          value={filter.last ?? (filter.since || filter.until ? 'own' : '')}
          onChange={(event) => set({ last: event.target.value || undefined, since: undefined, until: undefined })}
        >
          <option value="">Any time</option>
          {SPANS.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
          {(filter.since || filter.until) && <option value="own">As given</option>}
        </select>
        <Button type="submit" kind="main">
          Search
        </Button>
        <Button aria-expanded={more} onClick={() => setMore(!more)}>
          More filters
        </Button>
      </form>
      {more && <More filter={filter} set={set} />}
      {(given.length > 0 || filter.since || filter.until) && (
        <ul className={styles.given} aria-label="Filters">
          {given.map((name) => (
            <li key={name}>
              {FIELD_WORDS[name]}: <b>{filter[name]}</b>{' '}
              <button
                type="button"
                aria-label={`Remove ${FIELD_WORDS[name]}`}
                onClick={() => set({ [name]: undefined })}
              >
                ×
              </button>
            </li>
          ))}
          {(['since', 'until'] as const)
            .filter((name) => filter[name])
            .map((name) => (
              <li key={name}>
                {name}:{' '}
                <b>
                  <Time at={filter[name]} />
                </b>{' '}
                <button type="button" aria-label={`Remove ${name}`} onClick={() => set({ [name]: undefined })}>
                  ×
                </button>
              </li>
            ))}
        </ul>
      )}
    </>
  );
}

function More({ filter, set }: { filter: Filter; set: (changes: Partial<Filter>) => void }) {
  const moment = (at: string | undefined): string => {
    if (!at) return '';
    const date = new Date(at);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  };
  return (
    <form
      className={styles.more}
      key={JSON.stringify(filter)}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const word = (name: string) => String(form.get(name) ?? '').trim() || undefined;
        const time = (name: string) => (word(name) ? new Date(word(name)!).toISOString() : undefined);
        const [since, until] = [time('since'), time('until')];
        set({
          ...Object.fromEntries(FIELDS.map((name) => [name, word(name)])),
          since,
          until,
          ...(since || until ? { last: undefined } : {}),
        });
      }}
    >
      {FIELDS.map((name) => (
        <Field key={name} label={FIELD_WORDS[name]}>
          {(id) => <input id={id} name={name} defaultValue={filter[name] ?? ''} maxLength={254} />}
        </Field>
      ))}
      <Field label="Accepted from">
        {(id) => <input id={id} name="since" type="datetime-local" defaultValue={moment(filter.since)} />}
      </Field>
      <Field label="Accepted before">
        {(id) => <input id={id} name="until" type="datetime-local" defaultValue={moment(filter.until)} />}
      </Field>
      <div className={styles.apply}>
        <Button type="submit" kind="main">
          Apply
        </Button>
      </div>
    </form>
  );
}

/**
 * Nothing moves under the pointer: while it is over the rows, a row has the focus or is selected, those that are shown stay where they
 * are and only their facts change; what is new is counted until somebody asks for it.
 */
function useHeld(fresh: Item[] | undefined, key: string, busy: boolean) {
  const [shown, setShown] = useState<{ key: string; items: Item[] }>({ key, items: [] });
  const inside = useRef(false);
  const wanted = useRef(false);
  useEffect(() => {
    if (!fresh) return;
    setShown((former) => {
      const held = (inside.current || busy) && !wanted.current && former.key === key && former.items.length > 0;
      wanted.current = false;
      if (!held) return { key, items: fresh };
      const by = new Map(fresh.map((item) => [item.id, item]));
      return { key, items: former.items.map((item) => by.get(item.id) ?? item) };
    });
  }, [fresh, key, busy]);
  const known = new Set(shown.items.map(({ id }) => id));
  const news =
    shown.key === key ? (fresh?.filter(({ id }) => !known.has(id) && id > (shown.items[0]?.id ?? '')).length ?? 0) : 0;
  const enter = () => void (inside.current = true);
  const leave = () => void (inside.current = false);
  return {
    items: shown.items,
    news,
    show: () => fresh && setShown({ key, items: fresh }),
    hold: { onPointerEnter: enter, onPointerLeave: leave, onFocus: enter, onBlur: leave },
  };
}
