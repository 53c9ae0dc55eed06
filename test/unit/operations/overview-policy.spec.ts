import type { MailReport } from '../../../src/health/mail-report-policy.js';
import type { MailProblem, TransportReport } from '../../../src/health/troubles-policy.js';
import { weighed } from '../../../src/operations/overview-policy.js';

const NOW = new Date('2030-01-31T12:00:00Z');
const BEFORE = new Date('2030-01-31T11:48:00Z');

const transport: TransportReport = {
  ...{
    name: 'smtp.example.com:587',
    channel: 'email',
    state: 'ok',
    pausedAt: null,
    pauseReason: null,
    backoffUntil: null,
  },
  ...{ lastErrorCode: null, lastReply: null, unreachableFrom: [], lastAttempt: null },
};
const problem = (code: MailProblem['code'], message = code as string): MailProblem => ({
  code,
  message,
  remedy: 'Mend it.',
});
const report = (problems: MailProblem[], more: Partial<MailReport> = {}): MailReport => ({
  ...{ status: 'degraded', ledger: { accepted: 0, states: {} as never, imbalance: 0 }, oldestDueSeconds: 0 },
  ...{ workers: [], transports: [transport], problems, notices: [], ...more },
});
const facts = { pauses: [], workers: [], slowHandovers: { count: 0, oldestSeconds: 0, awaitingReply: 0 } };
const codes = (given: MailReport) => weighed(given, facts, { now: NOW, brokerSince: BEFORE }).map(({ code }) => code);

describe('what is to be mended first', () => {
  it.each<[string, MailProblem['code'][], MailProblem['code']]>([
    ['a ledger that is off before anything else', ['no_worker', 'mail_waits', 'ledger_imbalance'], 'ledger_imbalance'],
    ['why mail waits before that it waits', ['mail_waits', 'lane_paused'], 'lane_paused'],
    ['no worker before a broker that costs only time', ['broker_down', 'no_worker'], 'no_worker'],
    ['a refused sender before a paused lane', ['lane_paused', 'sender_refused'], 'sender_refused'],
  ])('%s', (_, problems, first) => {
    const found = codes(report(problems.map((code) => problem(code))));
    expect(found[0]).toBe(first);
    expect([...found].sort()).toEqual([...problems].sort()); // and none is lost
  });

  it('a transport that is down is first where no other one is open', () => {
    const down = { ...transport, state: 'paused' as const };
    const problems = [problem('no_worker'), problem('transport_paused')];
    expect(codes(report(problems, { transports: [down] }))[0]).toBe('transport_paused');
    expect(codes(report(problems))[0]).toBe('no_worker');
  });
});

describe('since when', () => {
  const sinceOf = (given: MailReport, more: Partial<typeof facts> = {}) =>
    weighed(given, { ...facts, ...more }, { now: NOW, brokerSince: BEFORE })[0]!.since;

  it('is what the record says of a pause, a host, a worker and the broker', () => {
    const pauses = [
      { lane: 'default' as const, pausedAt: NOW, reason: null },
      { lane: 'bulk' as const, pausedAt: BEFORE, reason: null },
    ];
    expect(
      sinceOf(report([problem('lane_paused', 'The lane bulk is paused since then.')]), { pauses } as never),
    ).toEqual(BEFORE);
    const unreachableFrom = [{ host: 'web-1', since: BEFORE, lastErrorCode: null, lastReply: null }];
    const message = 'From web-1: smtp.example.com:587 does not answer';
    const away = report([problem('transport_unreachable', message)], {
      transports: [{ ...transport, unreachableFrom }],
    });
    expect(sinceOf(away)).toEqual(BEFORE);
    expect(sinceOf(report([problem('no_worker')]), { workers: [{ heartbeatAt: BEFORE }] } as never)).toEqual(BEFORE);
    expect(sinceOf(report([problem('broker_down')]))).toEqual(BEFORE);
  });

  it('is counted back where the record has a length of time, and nothing where it has none', () => {
    expect(sinceOf(report([problem('mail_waits')], { oldestDueSeconds: 720 }))).toEqual(BEFORE);
    const slowHandovers = { count: 1, oldestSeconds: 720, awaitingReply: 0 };
    expect(sinceOf(report([problem('slow_handover')]), { slowHandovers })).toEqual(BEFORE);
    expect(sinceOf(report([problem('transport_failing')]))).toBeNull();
    expect(sinceOf(report([problem('no_worker')]))).toBeNull();
  });
});
