import { Problem } from '../../../../src/core/problems.js';
import { cursorOf, positionOf, readListQuery } from '../../../../src/mail/inbox/inbox.store.js';

const position = { createdAt: new Date('2026-11-21T12:00:00.123Z'), id: '0193c1a2-0000-7000-8000-000000000001' };

function fieldsRefused(query: Record<string, unknown>): string[] {
  try {
    readListQuery(query);
  } catch (error) {
    if (error instanceof Problem && error.code === 'validation_failed') {
      return (error.toDocument('').errors ?? []).map(({ field }) => field);
    }
    throw error;
  }
  return [];
}

describe('what is asked of the list', () => {
  it('is fifty messages to anybody, the newest first, when nothing is said', () => {
    expect(readListQuery({})).toEqual({ to: undefined, limit: 50, after: undefined, cursor: undefined });
    expect(readListQuery({ to: '', limit: '', cursor: '' })).toEqual(readListQuery({}));
  });

  it('continues where a cursor ends', () => {
    const cursor = cursorOf(position);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(readListQuery({ to: 'ada@example.com', limit: '100', cursor })).toEqual({
      to: 'ada@example.com',
      limit: 100,
      after: position,
      cursor,
    });
  });

  it.each(['0', '101', '-1', '1.5', 'ten', '1e2', '99999999999999999999'])('is not %s messages', (limit) => {
    expect(fieldsRefused({ limit })).toEqual(['limit']);
  });

  it('is not mail to what Postgres cannot hold in a text', () => {
    expect(fieldsRefused({ to: 'ada\0@example.com' })).toEqual(['to']);
  });

  it('is refused with every fault at once', () => {
    expect(fieldsRefused({ to: ['a', 'b'], limit: '0', cursor: 'nonsense' })).toEqual(['to', 'limit', 'cursor']);
  });

  it.each([
    '',
    'x',
    'abc def',
    '1 not-an-id',
    `-1 ${position.id}`,
    `99999999999999999 ${position.id}`,
    `1 ${position.id} more`,
  ])('does not continue at %s', (plain) => {
    expect(positionOf(Buffer.from(plain).toString('base64url'))).toBeUndefined();
  });
});
