import { type FieldError, Problem } from '../../core/problems.js';

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 100;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The place of a message in the list: what comes after it is older, whether or not it still exists itself. */
export interface Position {
  createdAt: Date;
  id: string;
}

export interface ListQuery {
  /** Exactly as the message names it. */
  to: string | undefined;
  limit: number;
  after: Position | undefined;
  /** `after` as it was given. */
  cursor: string | undefined;
}

export function isMessageId(id: string): boolean {
  return UUID.test(id);
}

/** Opaque to callers. */
export function cursorOf({ createdAt, id }: Position): string {
  return Buffer.from(`${createdAt.getTime()} ${id}`).toString('base64url');
}

/** Undefined when the cursor is not one of ours. */
export function positionOf(cursor: string): Position | undefined {
  const [time = '', id = '', ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  const createdAt = new Date(Number(time));
  if (rest.length > 0 || !/^\d{1,15}$/.test(time) || Number.isNaN(createdAt.getTime()) || !isMessageId(id)) return undefined;
  return { createdAt, id };
}

/** @throws Problem `validation_failed` naming the parameters that cannot be used. */
export function readListQuery(query: { to?: unknown; limit?: unknown; cursor?: unknown }): ListQuery {
  const errors: FieldError[] = [];
  const text = (field: 'to' | 'limit' | 'cursor'): string | undefined => {
    const value = query[field];
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string') return value;
    errors.push({ field, code: 'once', message: `${field} may be given once` });
    return undefined;
  };

  const to = text('to');
  if (to?.includes('\0')) errors.push({ field: 'to', code: 'address', message: 'to must be an address' });
  const limit = text('limit');
  const cursor = text('cursor');
  const count = limit === undefined ? DEFAULT_LIMIT : /^\d{1,6}$/.test(limit) ? Number(limit) : 0;
  if (count < 1 || count > MAX_LIMIT) {
    errors.push({ field: 'limit', code: 'range', message: `limit must be a whole number from 1 to ${MAX_LIMIT}` });
  }
  const after = cursor === undefined ? undefined : positionOf(cursor);
  if (cursor !== undefined && after === undefined) {
    errors.push({ field: 'cursor', code: 'cursor', message: 'cursor must be a nextCursor of this list' });
  }
  if (errors.length > 0) throw new Problem('validation_failed', { errors });
  return { to, limit: count, after, cursor };
}
