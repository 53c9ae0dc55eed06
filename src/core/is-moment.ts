import { isISO8601, ValidateBy } from 'class-validator';

/**
 * RFC 3339, with its offset: a local time means another moment on every machine. Its offset must not carry it past the
 * year 9999 either: Postgres stores that, and no reader of ours could read the row.
 */
export function IsMoment(): PropertyDecorator {
  return ValidateBy({
    name: 'date_time',
    validator: {
      validate: isMoment,
      defaultMessage: () => 'must be a date and time with its offset, such as 2030-01-31T09:00:00Z',
    },
  });
}

export function isMoment(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
    isISO8601(value, { strict: true }) &&
    new Date(value).getUTCFullYear() <= 9999
  );
}
