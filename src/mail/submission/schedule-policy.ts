import { DAY_MS } from '../../core/durations.js';
import type { FieldError } from '../../core/problems.js';

/** Days; what is meant for later than this is taken for a slip in the year. */
const MAX_DAYS_AHEAD = 366;

interface Schedule {
  /** Undefined: at once. */
  scheduledAt: Date | undefined;
  /** Undefined: never. */
  expiresAt: Date | undefined;
}

/**
 * What is wrong with the times of a message as such; empty when nothing is. A `scheduledAt` that is over means at once.
 */
export function scheduleFaults({ scheduledAt, expiresAt }: Schedule, now: Date): FieldError[] {
  const faults: FieldError[] = [];
  if (scheduledAt && scheduledAt.getTime() > now.getTime() + MAX_DAYS_AHEAD * DAY_MS) {
    faults.push({ field: 'scheduledAt', code: 'too_far_ahead', message: 'must be at most one year ahead' });
  }
  if (expiresAt && expiresAt <= now) {
    faults.push({ field: 'expiresAt', code: 'in_the_past', message: 'must be in the future' });
  } else if (expiresAt && scheduledAt && expiresAt <= scheduledAt) {
    faults.push({ field: 'expiresAt', code: 'before_scheduled_at', message: 'must be after scheduledAt' });
  }
  return faults;
}

/** When the same message expires that is sent again: as long from now as the first one had from when it was due. */
export function expiryAgain(
  { createdAt, scheduledAt, expiresAt }: { createdAt: Date; scheduledAt: Date | null; expiresAt: Date | null },
  now: Date,
): Date | undefined {
  if (expiresAt === null) return undefined;
  const due = Math.max(createdAt.getTime(), scheduledAt?.getTime() ?? 0);
  return new Date(now.getTime() + expiresAt.getTime() - due);
}

/** The same for another time of a message whose expiry stands. */
export function rescheduleFaults({ scheduledAt, expiresAt }: Schedule, now: Date): FieldError[] {
  if (expiresAt && scheduledAt && scheduledAt > now && scheduledAt >= expiresAt) {
    const at = expiresAt.toISOString();
    return [
      { field: 'scheduledAt', code: 'after_expires_at', message: `must be before the message expires, at ${at}` },
    ];
  }
  return scheduleFaults({ scheduledAt, expiresAt: undefined }, now);
}
