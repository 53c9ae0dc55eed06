import { spanFaults, statsSpan } from '../../../src/mail/api/list-policy.js';
import { rescheduleFaults } from '../../../src/mail/submission/schedule-policy.js';
import { countDiffers, uuidBefore } from '../../../src/mail/outbox/action-policy.js';
import { lowestUuidv7, uuidv7 } from '../../../src/core/ids.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000);

describe('the time of counts', () => {
  it('is the last 30 days unless it is said', () => {
    expect(statsSpan({ since: undefined, until: undefined }, NOW)).toEqual({ since: daysAgo(30), until: NOW });
    expect(statsSpan({ since: undefined, until: daysAgo(5) }, NOW)).toEqual({ since: daysAgo(35), until: daysAgo(5) });
    expect(statsSpan({ since: daysAgo(7), until: undefined }, NOW)).toEqual({ since: daysAgo(7), until: NOW });
  });

  it('is 30 days at most, and not empty', () => {
    expect(statsSpan({ since: daysAgo(30.001), until: undefined }, NOW)).toMatchObject({
      errors: [{ field: 'since' }],
    });
    expect(statsSpan({ since: daysAgo(1), until: daysAgo(1) }, NOW)).toMatchObject({ errors: [{ field: 'until' }] });
    expect(spanFaults({ since: daysAgo(1), until: undefined })).toEqual([]);
  });
});

describe('the count that somebody expects', () => {
  it.each([
    [100, 100, false],
    [110, 100, false],
    [90, 100, false],
    [111, 100, true],
    [89, 100, true],
    [0, 0, false],
    [1, 0, true],
    [0, 9, true],
    [9, 9, false],
    [10, 9, true],
  ])('%i found where %i were expected', (found, expected, differs) => {
    expect(countDiffers(found, expected)).toBe(differs);
  });
});

describe('the bounds of ids', () => {
  it('are in the order of time', () => {
    const id = uuidv7(NOW);
    expect(lowestUuidv7(NOW) <= id && id < lowestUuidv7(new Date(NOW.getTime() + 1))).toBe(true);
    expect(lowestUuidv7(new Date(-1))).toBe('00000000-0000-7000-8000-000000000000');
  });

  it('know the UUID before', () => {
    expect(uuidBefore('01900000-0001-7000-8000-000000000000')).toBe('01900000-0001-7000-7fff-ffffffffffff');
    expect(uuidBefore('00000000-0000-0000-0000-000000000001')).toBe('00000000-0000-0000-0000-000000000000');
  });
});

describe('another time for a message', () => {
  it.each([
    [daysAgo(-1), undefined, undefined],
    [daysAgo(1), undefined, undefined],
    [daysAgo(-367), undefined, 'too_far_ahead'],
    [daysAgo(-2), daysAgo(-1), 'after_expires_at'],
    [daysAgo(-1), daysAgo(-1), 'after_expires_at'],
    [daysAgo(1), daysAgo(-1), undefined],
  ])('%s, of one that expires %s: %s', (scheduledAt, expiresAt, code) => {
    expect(rescheduleFaults({ scheduledAt, expiresAt }, NOW).map((fault) => [fault.field, fault.code])).toEqual(
      code === undefined ? [] : [['scheduledAt', code]],
    );
  });
});
