import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode } from 'react';
import { written } from './forms';
import { Button, Fault, Loading, Table } from './parts';
import pages from './pages.module.css';
import styles from './parts.module.css';

/**
 * The rows of a list, or why there are none: they cannot be had, are on their way, or it is empty.
 * @param items those that are shown, where they are held
 * @param hold what tells that they are
 * @param plain it stands on a sheet already
 * @param children what stands above the rows
 */
export function Listing<Row>({
  list: { data, error },
  items = data?.items,
  hold,
  plain,
  label,
  heads,
  empty,
  row,
  children,
}: {
  list: { data: { items: readonly Row[] } | undefined; error: unknown };
  items?: readonly Row[];
  hold?: React.ComponentProps<'div'>;
  plain?: boolean;
  label: string;
  heads: string[];
  empty?: ReactNode;
  row: (one: Row) => ReactNode;
  children?: ReactNode;
}) {
  return (
    <>
      <Fault error={error} />
      <div className={plain ? undefined : pages.sheet} {...hold}>
        {children}
        {!data ? (
          !error && <Loading />
        ) : items?.length === 0 ? (
          empty
        ) : (
          <Table label={label} heads={heads}>
            {items?.map(row)}
          </Table>
        )}
      </div>
    </>
  );
}

/** The ways to the other pages of a list. Which one is shown stands in the address, as `cursor`. */
export function Pager({ next }: { next: string | null | undefined }) {
  const { cursor } = useSearch({ strict: false });
  const navigate = useNavigate();
  const turn = (page: string | undefined) =>
    void navigate({ to: '.', search: (former) => ({ ...former, cursor: page }) });
  return (
    <nav className={styles.pager} aria-label="Pages">
      <Button onClick={() => turn(undefined)} disabled={!cursor}>
        Newest
      </Button>
      <Button onClick={() => turn(next ?? undefined)} disabled={!next}>
        Older
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
  className,
}: {
  label: string;
  /** What it is called that none is chosen. */
  every: string;
  options: readonly (readonly [value: string, words: string, ...unknown[]])[];
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  className?: string;
}) {
  return (
    <select
      aria-label={label}
      className={className}
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">{every}</option>
      {options.map(([one, words]) => (
        <option key={one} value={one}>
          {words}
        </option>
      ))}
    </select>
  );
}
