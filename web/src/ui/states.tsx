import { Link } from '@tanstack/react-router';
import { count, type Status, STATUS_WORDS, STATUSES, TONES } from '../words';
import { cx } from './parts';
import styles from './states.module.css';

/**
 * How many messages are in each state: a bar, and below it each with the way to them. @param left that are not made yet
 */
export function States({
  counts,
  broadcast,
  left = 0,
  bar = { 'aria-hidden': true },
}: {
  counts: Partial<Record<Status, number>>;
  broadcast?: string;
  left?: number;
  bar?: React.ComponentProps<'div'>;
}) {
  const there = STATUSES.flatMap((status) => (counts[status] ? [[status, counts[status]] as const] : []));
  return (
    <>
      <div className={styles.bar} {...bar}>
        {there.map(([status, messages]) => (
          <span key={status} className={styles[TONES[status]]} style={{ flexGrow: messages }} />
        ))}
        {left > 0 && <span style={{ flexGrow: left }} />}
      </div>
      <ul className={styles.legend}>
        {there.map(([status, messages]) => (
          <li key={status}>
            <Link to="/messages" search={{ status, ...(broadcast && { broadcast }) }} title={STATUS_WORDS[status]}>
              <span className={cx(styles.swatch, styles[TONES[status]])} aria-hidden="true" />
              {status} <b>{count(messages)}</b>
            </Link>
          </li>
        ))}
        {left > 0 && <li className={styles.soft}>not made yet {count(left)}</li>}
      </ul>
    </>
  );
}
