import { type ReactNode, useEffect, useId, useState } from 'react';
import { ApiProblem } from '../api/client';
import { exact, type Status, STATUS_WORDS, short, TONES } from '../words';
import styles from './parts.module.css';

export const cx = (...names: (string | false | undefined)[]): string => names.filter(Boolean).join(' ');

export function Button({
  kind = 'plain',
  ...rest
}: React.ComponentProps<'button'> & { kind?: 'plain' | 'main' | 'danger' | 'quiet' }) {
  return <button type="button" {...rest} className={cx(styles.button, styles[kind], rest.className)} />;
}

export function Badge({ status }: { status: Status }) {
  return (
    <span className={cx(styles.badge, styles[TONES[status]])} title={STATUS_WORDS[status]}>
      {status}
    </span>
  );
}

export function Tag({
  tone = 'quiet',
  children,
}: {
  tone?: 'good' | 'wait' | 'bad' | 'doubt' | 'quiet';
  children: ReactNode;
}) {
  return <span className={cx(styles.badge, styles[tone])}>{children}</span>;
}

export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span className={styles.soft}>–</span>;
  return (
    <time dateTime={at} title={exact(at)}>
      {short(at)}
    </time>
  );
}

export function Page({ title, side, children }: { title: string; side?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Operations`;
  }, [title]);
  return (
    <>
      <header className={styles.head}>
        <h1>{title}</h1>
        <div className={styles.side}>{side}</div>
      </header>
      {children}
    </>
  );
}

export function Section({ title, side, children }: { title: string; side?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={id}>
      <header className={styles.sectionHead}>
        <h2 id={id}>{title}</h2>
        {side}
      </header>
      {children}
    </section>
  );
}

/** A table that becomes a list of cards on a phone; each cell there names its column. */
export function Table({
  heads,
  label,
  children,
  className,
}: {
  heads: string[];
  label: string;
  children: ReactNode;
  className?: string;
}) {
  return (
    <div className={styles.scroll}>
      <table className={cx(styles.table, className)} aria-label={label}>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Cell({
  head,
  children,
  number,
  wide,
}: {
  head: string;
  children?: ReactNode;
  number?: boolean;
  wide?: boolean;
}) {
  return (
    <td data-head={head} className={cx(number && styles.number, wide && styles.wide)}>
      {children}
    </td>
  );
}

/** What is known of one thing. Those of `rows` that say so take a line to themselves. */
export function FactList({ rows }: { rows: (readonly [name: string, value: ReactNode, wide?: 'wide'])[] }) {
  return (
    <dl className={styles.facts}>
      {rows.map(([name, value, wide]) => (
        <div key={name} className={wide && styles.wideFact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.empty}>
      <p className={styles.emptyTitle}>{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

/** Why something is not here, or was not done, in the words of the API. */
export function Fault({ error }: { error: unknown }) {
  if (!error) return null;
  const { message, remedy } =
    error instanceof ApiProblem
      ? error
      : { message: 'The service cannot be reached.', remedy: 'It is asked again by itself.' };
  return (
    <p role="alert" className={styles.fault}>
      {message} {remedy && <span className={styles.remedy}>{remedy}</span>}
    </p>
  );
}

export function Loading() {
  return <p className={styles.soft}>Loading…</p>;
}

export function Copy({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  return (
    <Button
      kind="quiet"
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 1_500);
        });
      }}
    >
      <span aria-live="polite">{done ? 'Copied' : label}</span>
    </Button>
  );
}

/** Somebody else's page, in a frame that runs nothing and fetches nothing. */
export function MailFrame({
  src,
  title,
  width,
  scheme = 'light',
}: {
  src: string;
  title: string;
  width: 'phone' | 'desktop';
  /** What the reader's device prefers. */
  scheme?: 'light' | 'dark';
}) {
  return (
    <div className={styles.frameGround}>
      <iframe
        className={cx(styles.frame, width === 'phone' && styles.phone, scheme === 'dark' && styles.dark)}
        src={src}
        title={title}
        sandbox=""
        tabIndex={0}
      />
    </div>
  );
}

export function Tabs<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  label: string;
  options: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <div role="group" aria-label={label} className={styles.tabs}>
      {options.map(([one, words]) => (
        <button key={one} type="button" aria-pressed={one === value} onClick={() => onChange(one)}>
          {words}
        </button>
      ))}
    </div>
  );
}
