import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, MaxLength } from 'class-validator';
import { MayBeLeftOut } from './input.js';
import { Problem } from './problems.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;

/** What every list takes: how much of it, and from where on. */
export class PageQuery {
  @ApiPropertyOptional({ description: 'nextCursor of the page before' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(200)
  cursor?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT })
  @MayBeLeftOut()
  @Matches(/^([1-9]\d?|100)$/, { message: `must be a whole number from 1 to ${MAX_LIMIT}` })
  limit?: string;
}

/** One row more than the page shows is read, so that it is known whether there is another page. */
export interface PageBounds {
  limit: number;
  /** The id of the last row of the page before. */
  after: string | undefined;
}

/**
 * @param id what ids of this list look like, and so what a cursor holds
 * @throws Problem `validation_failed` when the cursor is not one of this list
 */
export function boundsOf({ cursor, limit }: PageQuery, id: RegExp): PageBounds {
  const after = cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString('utf8');
  if (after !== undefined && !id.test(after)) {
    throw new Problem('validation_failed', {
      errors: [{ field: 'cursor', code: 'cursor', message: 'must be a nextCursor of this list' }],
    });
  }
  return { limit: limit === undefined ? DEFAULT_LIMIT : Number(limit), after };
}

/** For the page after that row. */
export function cursorAt(id: string | bigint): string {
  return Buffer.from(String(id)).toString('base64url');
}

/** @param rows up to one more than `limit` */
export function pageOf<Row extends { id: string | bigint }, View>(
  rows: readonly Row[],
  limit: number,
  view: (row: Row) => View,
): { items: View[]; nextCursor: string | null } {
  const last = rows[limit - 1];
  const nextCursor = rows.length > limit && last ? cursorAt(last.id) : null;
  return { items: rows.slice(0, limit).map(view), nextCursor };
}
