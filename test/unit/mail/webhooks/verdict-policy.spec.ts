import { judge, type AttemptFacts } from '../../../../src/mail/webhooks/retry-policy.js';

const first: AttemptFacts = {
  attempt: 1,
  failures: 0,
  failingMs: 0,
  now: new Date('2030-01-31T09:00:00Z'),
  random: 0,
};
const answered = (statusCode: number, retryAfter?: string) =>
  ({ kind: 'answered', statusCode, response: '', retryAfter }) as const;

describe('the answer of an endpoint', () => {
  it.each([[200], [201], [202], [204], [299]])('%d delivers', (statusCode) => {
    expect(judge(answered(statusCode), first)).toEqual({ status: 'delivered', endpoint: { kind: 'worked' } });
  });

  it.each([
    [301, 'redirect'],
    [302, 'redirect'],
    [307, 'redirect'],
    [308, 'redirect'],
    [304, 'redirect'],
    [400, 'http_status'],
    [401, 'http_status'],
    [404, 'http_status'],
    [422, 'http_status'],
    [429, 'rate_limited'],
    [500, 'http_status'],
    [503, 'http_status'],
  ])('%d is tried again, as %s', (statusCode, errorCode) => {
    expect(judge(answered(statusCode), first)).toEqual({
      status: 'deferred',
      errorCode,
      delayMs: 5_000,
      endpoint: { kind: 'failed', pauseMs: 0 },
    });
  });

  it('410 ends the endpoint', () => {
    expect(judge(answered(410), first)).toEqual({
      status: 'failed',
      errorCode: 'gone',
      endpoint: { kind: 'disable', reason: 'gone' },
    });
  });

  it('of 429 and 503 says how long the whole endpoint wants to be left alone; others have no say', () => {
    const paused = { status: 'deferred', delayMs: 60_000, endpoint: { kind: 'failed', pauseMs: 60_000 } };
    expect(judge(answered(429, '60'), first)).toMatchObject(paused);
    expect(judge(answered(503, 'Thu, 31 Jan 2030 09:01:00 GMT'), first)).toMatchObject(paused);
    expect(judge(answered(500, '60'), first)).toMatchObject({ delayMs: 5_000, endpoint: { pauseMs: 0 } });
  });

  it('that never came is tried again, with its reason', () => {
    expect(
      judge({ kind: 'unanswered', errorCode: 'timeout' }, { ...first, attempt: 2, failures: 2, failingMs: 40_000 }),
    ).toEqual({
      status: 'deferred',
      errorCode: 'timeout',
      delayMs: 30_000,
      endpoint: { kind: 'failed', pauseMs: 10_000 },
    });
  });

  it('fails the delivery after the last attempt, and ends the endpoint after five days of them', () => {
    expect(judge(answered(500), { ...first, attempt: 12 })).toMatchObject({
      status: 'failed',
      endpoint: { kind: 'failed' },
    });
    const days = { ...first, failures: 19, failingMs: 5 * 86_400_000 };
    expect(judge(answered(500), days)).toEqual({
      status: 'failed',
      errorCode: 'http_status',
      endpoint: { kind: 'disable', reason: 'failing' },
    });
    expect(judge(answered(200), days)).toMatchObject({ status: 'delivered', endpoint: { kind: 'worked' } });
  });
});
