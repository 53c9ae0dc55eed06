import { mailVerdicts, type WaitingMessage, whyWaiting } from '../../../src/doctor/mail-verdict.js';
import type { MailFacts } from '../../../src/health/health-monitor.js';
import { reportOf, whyNotFlowing } from '../../../src/health/mail-report-policy.js';

const NOW = new Date('2026-11-21T09:00:00Z');
const NAME = 'smtp.example.com:587';
const WORKER = {
  name: 'web-1:7',
  lanes: ['critical', 'default', 'bulk'] as MailFacts['workers'][number]['lanes'],
  startedAt: NOW,
  heartbeatAt: new Date('2026-11-21T08:59:57Z'),
  alive: true,
  silentSeconds: 3,
  version: '0.1.0',
  aheadMs: 0,
};
const STATE = {
  name: NAME,
  pausedAt: null,
  pauseReason: null,
  backoffUntil: null,
  backingOff: false,
  lastErrorCode: null,
  lastReply: null,
  unreachableFrom: [],
};
const FACTS: MailFacts = {
  ledger: { accepted: 7, states: { unknown: 0 } as MailFacts['ledger']['states'], imbalance: 0 },
  oldestDueSeconds: 0,
  slowHandovers: { count: 0, oldestSeconds: 0, awaitingReply: 0 },
  pauses: [],
  workers: [WORKER],
  states: [STATE],
  attempts: [],
  usedToday: new Map(),
  messages: { unknownSince: null, expiredCodes: null, bounces: { looked: 40, bounced: 1, firstAt: NOW } },
  webhooks: { disabled: 0, disabledSince: null, failing: 0, failingSince: null },
};
const auth = { lastErrorCode: 'smtp_auth', lastReply: '535 5.7.8 no' };
const CONTEXT = { transports: [{ name: NAME }], host: 'web-1', now: NOW };

function told(change: Partial<MailFacts>, name: string) {
  const check = mailVerdicts({ ...FACTS, ...change }, CONTEXT).find((one) => one.name === name);
  return [check?.status, check?.summary];
}

describe('the record', () => {
  it('of a deployment that is well', () => {
    const checks = mailVerdicts(FACTS, CONTEXT);
    expect(checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(told({}, 'heartbeats')).toEqual(['ok', '1 alive: web-1:7 (critical, default, bulk; 3 s ago)']);
    expect(told({}, 'ledger')).toEqual(['ok', 'balances: 7 accepted, each accounted for']);
  });

  it.each<[string, Partial<MailFacts>, [status: string, words: string]]>([
    [
      'bounces',
      { messages: { ...FACTS.messages, bounces: { looked: 80, bounced: 12, firstAt: NOW } } },
      ['warn', '15 %'],
    ],
    ['unknown outcomes', { ledger: { ...FACTS.ledger, states: { unknown: 2 } as never } }, ['warn', '2 messages have']],
    ['webhooks', { webhooks: { ...FACTS.webhooks, disabled: 1, disabledSince: NOW } }, ['warn', 'told of nothing']],
    ['webhooks', { webhooks: { ...FACTS.webhooks, failing: 2, failingSince: NOW } }, ['warn', 'tried again']],
    ['clocks of workers', { workers: [{ ...WORKER, aheadMs: -90_000 }] }, ['warn', 'web-1:7 is 90 s behind']],
    ['quota', { usedToday: new Map([[NAME, 450]]) }, ['fail', '450 of the 500 messages']],
    [
      'codes',
      { messages: { ...FACTS.messages, expiredCodes: { count: 3, firstAt: NOW, flowsAgain: false } } },
      ['fail', '3 codes expired'],
    ],
  ])(
    'tells of %s where there is something to tell, and says nothing of them otherwise',
    (name, change, [status, words]) => {
      const context = { ...CONTEXT, transports: [{ name: NAME, daily: 500 }] };
      const of = (facts: MailFacts) => mailVerdicts(facts, context).find((one) => one.name === name);
      expect(of({ ...FACTS, ...change })).toMatchObject({ status, summary: expect.stringContaining(words) as string });
      expect(of(FACTS)).toBeUndefined();
    },
  );

  it('does not tell of codes that expired once codes are handed over again, nor of a few bounces', () => {
    const expiredCodes = { count: 3, firstAt: NOW, flowsAgain: true };
    expect(told({ messages: { ...FACTS.messages, expiredCodes } }, 'codes')).toEqual([undefined, undefined]);
    const bounces = { looked: 10, bounced: 9, firstAt: NOW };
    expect(told({ messages: { ...FACTS.messages, bounces } }, 'bounces')).toEqual([undefined, undefined]);
  });

  it('warns of a paused lane, which is easily forgotten', () => {
    const pauses: MailFacts['pauses'] = [{ lane: 'bulk', pausedAt: NOW, reason: null }];
    expect(told({ pauses }, 'lane bulk')).toEqual(['warn', 'paused since 2026-11-21T09:00:00.000Z: its mail waits']);
  });

  it('tells that nobody delivers, and who did last', () => {
    expect(told({ workers: [] }, 'heartbeats')).toEqual(['fail', 'no worker is alive.']);
    const dead = { ...WORKER, alive: false, heartbeatAt: new Date('2026-11-21T08:55:00Z'), silentSeconds: 300 };
    expect(told({ workers: [dead] }, 'heartbeats')).toEqual([
      'fail',
      'the worker web-1:7 was heard of 300 s ago for the last time: it hangs, or was killed.',
    ]);
  });

  it('tells of a lane that nobody works', () => {
    expect(told({ workers: [{ ...WORKER, lanes: ['critical', 'default'] }] }, 'lane bulk')).toEqual([
      'fail',
      expect.stringContaining('its mail waits'),
    ]);
  });

  const refused = { lastErrorCode: 'smtp_refused' };
  it.each([
    [
      'is paused',
      { pausedAt: NOW, pauseReason: 'smtp_auth', ...auth },
      'fail',
      /refuses the login\. It says: 535 5\.7\.8 no.*Paused since 2026-11-21T09:00:00.000Z \(smtp_auth\)/,
    ],
    [
      'has a break',
      { backingOff: true, backoffUntil: NOW, lastErrorCode: 'smtp_421', lastReply: '421 busy' },
      'fail',
      /not available to us for now \(421\)\. It says: 421 busy/,
    ],
    [
      'cannot be reached from here',
      { unreachableFrom: [{ ...STATE, ...refused, host: 'web-1', since: NOW }] },
      'fail',
      /From web-1: .*refuses the connection/,
    ],
    [
      'cannot be reached from elsewhere',
      { unreachableFrom: [{ ...STATE, ...refused, host: 'web-2', since: NOW }] },
      'fail',
      /From web-2/,
    ],
  ])('tells of a transport that %s', (_what, change, status, says) => {
    expect(told({ states: [{ ...STATE, ...change }] }, NAME)).toEqual([status, expect.stringMatching(says)]);
  });

  it('merely warns of a transport in trouble while mail goes out by another one', () => {
    const states = [
      { ...STATE, backingOff: true, lastErrorCode: 'smtp_421' },
      { ...STATE, name: 'second.example.com:587' },
    ];
    const checks = mailVerdicts(
      { ...FACTS, states },
      { ...CONTEXT, transports: [{ name: NAME }, { name: 'second.example.com:587' }] },
    );
    expect(checks.find(({ name }) => name === NAME)).toMatchObject({ status: 'warn' });
  });

  const TEXTS = { name: 'capture:sms', channel: 'sms', daily: 100 } as const;
  const WITH_TEXTS = { ...FACTS, workers: [{ ...WORKER, lanes: [...WORKER.lanes, 'sms' as const] }] };

  it('takes no way out for texts for one that mail goes out by', () => {
    const states = [{ ...STATE, backingOff: true, lastErrorCode: 'smtp_421' }];
    const one = mailVerdicts({ ...WITH_TEXTS, states }, { ...CONTEXT, transports: [{ name: NAME }, TEXTS] });
    expect(one.find(({ name }) => name === NAME)).toMatchObject({ status: 'fail' });
    const second = { ...STATE, name: 'second.example.com:587', pausedAt: NOW };
    const transports = [{ name: NAME }, { name: second.name }, TEXTS];
    const report = reportOf(
      { ...WITH_TEXTS, states: [...states, second] },
      { transports, broker: { kind: 'x', up: true } },
    );
    expect(report.problems[0]).toMatchObject({
      code: 'no_way_out',
      message: expect.stringMatching(/^None of the 2 /) as string,
    });
    expect(whyNotFlowing(report)).toMatchObject({ code: 'no_way_out' });
  });

  it('lets codes by SMS use up their quota, and names the variable that it stands in', () => {
    const of = (used: number) =>
      mailVerdicts(
        { ...WITH_TEXTS, usedToday: new Map([[TEXTS.name, used]]) },
        { ...CONTEXT, transports: [{ name: NAME }, TEXTS] },
      ).find(({ name }) => name === 'quota');
    expect(of(99)).toBeUndefined();
    expect(of(100)).toMatchObject({
      status: 'fail',
      summary: expect.stringContaining('Codes by SMS wait until midnight') as string,
      remedy: expect.stringContaining('SMS_TRANSPORTS') as string,
    });
  });

  it('tells of messages whose final reply does not come', () => {
    const slowHandovers = { count: 2, oldestSeconds: 75, awaitingReply: 1 };
    expect(told({ slowHandovers }, 'hand-overs')).toEqual([
      'fail',
      expect.stringMatching(
        /^2 messages have been in state sending for up to 75 s\. One of them has been taken by a server/,
      ),
    ]);
  });

  it('tells of mail that waits, and of a ledger that does not balance', () => {
    expect(told({ oldestDueSeconds: 40 }, 'waiting')).toEqual(['fail', expect.stringContaining('40 s')]);
    expect(told({ ledger: { ...FACTS.ledger, imbalance: 1 } }, 'ledger')).toEqual([
      'fail',
      expect.stringContaining('off by 1'),
    ]);
  });
});

describe('why a message still waits', () => {
  const MESSAGE: WaitingMessage = {
    status: 'queued',
    lane: 'default',
    nextAttemptAt: new Date('2026-11-21T09:00:30Z'),
    lastErrorCode: null,
  };
  const why = (change: Partial<WaitingMessage>, facts: Partial<MailFacts>, rated: string[] = []) =>
    whyWaiting(
      { ...MESSAGE, ...change },
      { ...FACTS, ...facts },
      [{ name: NAME, ...(rated.includes(NAME) ? { rate: '1/s' } : {}) }],
      NOW,
    );

  it.each<[string, Parameters<typeof why>, RegExp]>([
    ['no worker', [{}, { workers: [] }], /^No worker is alive\. Start one/],
    [
      'no worker of its lane',
      [{}, { workers: [{ ...WORKER, lanes: ['critical'] }] }],
      /^No live worker works the lane default\./,
    ],
    [
      'a pause of its lane',
      [{}, { pauses: [{ lane: 'default', pausedAt: NOW, reason: 'wrong template' }] }],
      /^The lane default is paused since 2026-11-21T09:00:00\.000Z\..*otpost queue resume default/,
    ],
    [
      'a paused transport',
      [{}, { states: [{ ...STATE, pausedAt: NOW, pauseReason: 'smtp_auth', ...auth }] }],
      /smtp\.example\.com:587 refuses the login/,
    ],
    ['a worker at work', [{ status: 'sending' }, {}], /handing it over/],
    [
      'a failed attempt',
      [{ status: 'deferred', lastErrorCode: 'smtp_451' }, {}],
      /\(smtp_451\); the next one is in 30 s/,
    ],
    ['a rate', [{}, {}, [NAME]], /The rate or the daily quota of smtp\.example\.com:587/],
    ['nothing known', [{}, {}], /Nothing is known/],
  ])('%s', (_what, args, says) => {
    const reasons = why(...args);
    expect(reasons).toEqual([expect.stringMatching(says)]);
  });

  it('leaves out what holds up no message', () => {
    expect(why({}, { oldestDueSeconds: 99, ledger: { ...FACTS.ledger, imbalance: 1 } })).toEqual([
      expect.stringContaining('Nothing is known'),
    ]);
  });

  it('leaves out the lanes of others', () => {
    expect(why({}, { pauses: [{ lane: 'bulk', pausedAt: NOW, reason: null }] })).toEqual([
      expect.stringContaining('Nothing is known'),
    ]);
    expect(why({}, { workers: [{ ...WORKER, lanes: ['critical', 'default'] }] })).toEqual([
      expect.stringContaining('Nothing is known'),
    ]);
  });
});
