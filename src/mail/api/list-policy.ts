import { DAY_MS } from '../../core/durations.js';
import type { FieldError } from '../../core/problems.js';

/** Days that counts are made over: they look at every message in between. */
const MAX_STATS_DAYS = 30;

interface Asked {
  since: Date | undefined;
  until: Date | undefined;
}

/** A time in which nothing can be. */
export function spanFaults({ since, until }: Asked): FieldError[] {
  if (!since || !until || since < until) return [];
  return [{ field: 'until', code: 'before_since', message: 'must be after since' }];
}

/** The time that counts are made over: what is left out is the 30 days up to now, or the 30 days before `until`. */
export function statsSpan({ since, until }: Asked, now: Date): { since: Date; until: Date } | { errors: FieldError[] } {
  const end = until ?? now;
  const start = since ?? new Date(Math.max(0, end.getTime() - MAX_STATS_DAYS * DAY_MS));
  const errors = spanFaults({ since: start, until: end });
  if (errors.length > 0) return { errors };
  if (end.getTime() - start.getTime() <= MAX_STATS_DAYS * DAY_MS) return { since: start, until: end };
  return {
    errors: [
      { field: 'since', code: 'too_far_back', message: `must be at most ${MAX_STATS_DAYS} days before until, or now` },
    ],
  };
}
