import { RefusalsPolicy } from '../../../src/mail/routing/refusals-policy.js';
import type { Outcome } from '../../../src/mail/transport/transport.js';

const SENT: Outcome = { kind: 'sent', reply: '250 ok' };
const MINUTE = 60_000;
const failed = (reply: string, more: Partial<Extract<Outcome, { kind: 'failed' }>> = {}): Outcome => ({
  kind: 'failed',
  errorCode: 'smtp_550',
  reply,
  ...more,
});
const noMailbox = failed('550 5.1.1 nobody', { suppress: true, ofRecipient: true });
const greylisted: Outcome = {
  kind: 'deferred',
  errorCode: 'smtp_451',
  reply: '451 4.7.1 Greylisted',
  sameTransport: true,
  ofRecipient: true,
};

describe('refusals of one transport', () => {
  /** Outcomes, each for a recipient of its own. */
  function judged(
    outcomes: Outcome[],
    {
      lane = 'default',
      at = (_n: number): number => 0,
      to = (n: number) => `grace${n}@${n}.example.com`,
      of = (n: number) => `<${n}@example.com>`,
    } = {},
  ): Outcome[] {
    const policy = new RefusalsPolicy();
    return outcomes.map((outcome, n) => policy.judge(outcome, to(n), lane as 'default', at(n), of(n)));
  }
  const breaks = (outcomes: Outcome[]): boolean[] =>
    outcomes.map((outcome) => 'transport' in outcome && outcome.transport?.kind === 'backoff');

  it('that are alike for three recipients are about us: the third is kept, and the transport has a break', () => {
    const outcomes = judged([
      failed('550 go away'),
      failed('550 go away'),
      failed('550 go away, grace'),
      failed('550 go away'),
    ]);
    expect(breaks(outcomes)).toEqual([false, false, true, true]);
    expect(outcomes[2]).toMatchObject({
      kind: 'deferred',
      uncounted: true,
      alert: true,
      reply: '550 go away, grace',
      transport: { reason: 'refuses_all' },
    });
  });

  it.each([
    [
      'of one recipient alone',
      judged([failed('550 no'), failed('550 no'), failed('550 no'), failed('550 no')], {
        to: () => 'grace@example.com',
      }),
    ],
    [
      'of one message, to several recipients one after the other',
      judged(
        Array.from({ length: 9 }, () => failed('550 no')),
        { of: () => '<one@example.com>' },
      ),
    ],
    ['that differ', judged([failed('550 5.2.0 no'), failed('550 5.6.0 no'), failed('550 5.3.0 no')])],
    [
      'with one taken in between',
      judged([failed('550 no'), failed('550 no'), SENT, failed('550 no'), failed('550 no')]),
    ],
    ['long apart', judged([failed('550 no'), failed('550 no'), failed('550 no')], { at: (n) => n * 11 * MINUTE })],
    [
      'of mailboxes at one domain',
      judged(
        Array.from({ length: 9 }, () => noMailbox),
        { to: (n) => `grace${n}@example.com` },
      ),
    ],
    [
      'of mailboxes on a list',
      judged(
        Array.from({ length: 9 }, () => noMailbox),
        { lane: 'bulk' },
      ),
    ],
  ])('%s are what they are', (_, outcomes) => {
    expect(breaks(outcomes)).not.toContain(true);
  });

  it('that name the mailbox count when there are five, of three domains, and suppress nobody from then on', () => {
    const outcomes = judged(Array.from({ length: 6 }, () => noMailbox));
    expect(breaks(outcomes)).toEqual([false, false, false, false, true, true]);
    expect(outcomes[4]).not.toHaveProperty('suppress');
  });

  it('by greylisting narrow the transport and never close it', () => {
    const outcomes = judged(Array.from({ length: 4 }, () => greylisted));
    expect(outcomes.map((outcome) => ('transport' in outcome ? outcome.transport?.kind : undefined))).toEqual([
      undefined,
      undefined,
      'slow',
      'slow',
    ]);
    expect(outcomes[3]).toMatchObject({ kind: 'deferred', sameTransport: true });
  });

  it('are forgotten as soon as somebody is taken', () => {
    const outcomes = judged([failed('550 no'), failed('550 no'), failed('550 no'), SENT, failed('550 no')]);
    expect(breaks(outcomes)).toEqual([false, false, true, false, false]);
  });
});
