import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode } from 'react';
import { ApiProblem } from '../api/client';
import { written } from './forms';
import { Button, Fault, Loading, Table } from './parts';
import pages from './pages.module.css';
import styles from './parts.module.css';

interface List<Row> {
  data: { items: readonly Row[] } | undefined;
  error: unknown;
}

const NOTHING = { items: [] as never[] };

/**
 * A list in which nothing is, where what was searched for cannot be had at all: half an address, which is looked up
 * whole. The API says so of one of `fields`.
 */
export function looked<Row>(list: List<Row>, ...fields: string[]): List<Row> {
  const { error } = list;
  const isUnfit =
    error instanceof ApiProblem && error.fields.length > 0 && error.fields.every((one) => fields.includes(one));
  return isUnfit ? { data: NOTHING, error: undefined } : list;
}

/**
 * The rows of a list, or why there are none: they cannot be had, are on their way, or it is empty.
 * @param items those that are shown, where they are held
 * @param hold what tells that they are
 * @param plain it stands on a sheet already
 * @param sheet a class in place of that of the sheet
 * @param table a class of the table
 * @param children what stands above the rows
 */
export function Listing<Row>({
  list: { data, error },
  items = data?.items,
  hold,
  plain,
  sheet = pages.sheet,
  table,
  label,
  heads,
  empty,
  row,
  children,
}: {
  list: List<Row>;
  items?: readonly Row[];
  hold?: React.ComponentProps<'div'>;
  plain?: boolean;
  sheet?: string;
  table?: string;
  label: string;
  heads: string[];
  empty?: ReactNode;
  row: (one: Row) => ReactNode;
  children?: ReactNode;
}) {
  return (
    <>
      <Fault error={error} />
      {(data || !error || children) && (
        <div className={plain ? undefined : sheet} {...hold}>
          {children}
          {!data ? (
            !error && <Loading />
          ) : items?.length === 0 ? (
            empty
          ) : (
            <Table label={label} heads={heads} className={table}>
              {items?.map(row)}
            </Table>
          )}
        </div>
      )}
    </>
  );
}

/**
 * The ways to the other pages of a list. Which one is shown stands in the address, as `cursor`.
 * @param words of the ways to the first page, and to the one that follows
 */
export function Pager({
  next,
  words: [first, further] = ['Newest', 'Older'],
}: {
  next: string | null | undefined;
  words?: [first: string, further: string];
}) {
  const { cursor } = useSearch({ strict: false });
  const navigate = useNavigate();
  const turn = (page: string | undefined) =>
    void navigate({ to: '.', search: (former) => ({ ...former, cursor: page }) });
  return (
    <nav className={styles.pager} aria-label="Pages">
      <Button onClick={() => turn(undefined)} disabled={!cursor}>
        {first}
      </Button>
      <Button onClick={() => turn(next ?? undefined)} disabled={!next}>
        {further}
      </Button>
    </nav>
  );
}

/** Looks for what is written into its fields, once it is sent. @param onSearch is given what stands in a field */
export function SearchBar({
  onSearch,
  children,
}: {
  onSearch: (word: (name: string) => string | undefined) => void;
  children: ReactNode;
}) {
  return (
    <form
      role="search"
      className={pages.bar}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        onSearch((name) => written(form, name));
      }}
    >
      {children}
      <Button type="submit">Search</Button>
    </form>
  );
}

/** A field of a search. Another value in the address puts itself in the place of what is written there. */
export function SearchField({ value, ...rest }: React.ComponentProps<'input'> & { value: string | undefined }) {
  return <input key={value} type="search" defaultValue={value ?? ''} {...rest} />;
}

/** One of several, or all. */
export function Choice({
  label,
  every,
  options,
  value,
  onChange,
}: {
  label: string;
  /** What it is called that none is chosen. */
  every: string;
  options: readonly (readonly [value: string, words: string, ...unknown[]])[];
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  return (
    <select aria-label={label} value={value ?? ''} onChange={(event) => onChange(event.target.value || undefined)}>
      <option value="">{every}</option>
      {options.map(([one, words]) => (
        <option key={one} value={one}>
          {words}
        </option>
      ))}
    </select>
  );
}
