import type { Lane } from '../../../src/core/lanes.js';
import type { ClaimedEmail, Recipient } from '../../../src/mail/outbox/email-rows.js';
import { resultOf, STAND_IN_TIMING, StandInPolicy } from '../../../src/mail/stand-in/stand-in-policy.js';
import { type Answer, fatesOf } from '../../../src/mail/worker/fates-policy.js';

const START = 1_000_000;
const NOBODY = new Map<Lane, number>();
const at = (seconds: number): number => START + seconds * 1_000;

/** A heartbeat of so many seconds ago, on all lanes or on those given. */
const heard = (secondsAgo: number, lanes: Lane[] = ['critical', 'default', 'bulk']): Map<Lane, number> =>
  new Map(lanes.map((lane) => [lane, secondsAgo * 1_000]));

/** On duty for critical mail after 30 s alone. */
function onDuty(): StandInPolicy {
  const policy = new StandInPolicy(START);
  policy.look(at(30), NOBODY, ['critical']);
  return policy;
}

describe('the policy of who stands in', () => {
  it('takes over a lane with due mail after 30 s without a worker', () => {
    const policy = new StandInPolicy(START);
    expect(policy.look(at(29), NOBODY, ['critical']).started).toEqual([]);
    expect(policy.look(at(30), NOBODY, ['critical'])).toMatchObject({
      started: ['critical'],
      drain: ['critical'],
      silentMs: 30_000,
    });
  });

  it('counts from the last heartbeat, but not from before it began to listen', () => {
    const stale = new StandInPolicy(START);
    expect(stale.look(at(1), heard(600), ['default']).started).toEqual([]);
    const policy = new StandInPolicy(START);
    policy.look(at(100), heard(5), ['default']);
    expect(policy.look(at(124), heard(29), ['default']).started).toEqual([]);
    expect(policy.look(at(125), heard(30), ['default']).started).toEqual(['default']);
  });

  it('counts from the last it heard of a worker that signed off', () => {
    const policy = new StandInPolicy(START);
    policy.look(at(100), heard(0), []);
    expect(policy.look(at(129), NOBODY, ['default']).started).toEqual([]);
    expect(policy.look(at(130), NOBODY, ['default']).started).toEqual(['default']);
  });

  it('leaves alone a lane without due mail, and one that a worker works', () => {
    const policy = new StandInPolicy(START);
    expect(policy.look(at(60), heard(1, ['critical']), ['critical', 'bulk']).started).toEqual(['bulk']);
    expect(policy.grant(at(60), 'critical', 8)).toBe(0);
  });

  it('ends as soon as a worker is alive again, in the middle of a backlog', () => {
    const policy = onDuty();
    policy.attempted(at(31), 'worked');
    expect(policy.grant(at(31), 'critical', 8)).toBe(8);
    expect(policy.look(at(33), heard(1), ['critical'])).toMatchObject({ ended: ['critical'], drain: [] });
    expect(policy.grant(at(33), 'critical', 8)).toBe(0);
  });

  it('sends one message alone first, and all of them once that got out', () => {
    const policy = onDuty();
    expect(policy.grant(at(30), 'critical', 8)).toBe(1);
    expect(policy.grant(at(30), 'critical', 8)).toBe(0);
    expect(policy.attempted(at(31), 'worked')).toBe('goes_on');
    expect(policy.grant(at(31), 'critical', 8)).toBe(8);
  });

  it('pauses when its first attempt finds no way out, then tries one again', () => {
    const policy = onDuty();
    policy.grant(at(30), 'critical', 8);
    expect(policy.attempted(at(40), 'none')).toBe('paused');
    expect(policy.grant(at(41), 'critical', 8)).toBe(0);
    expect(policy.look(at(41), NOBODY, ['critical']).drain).toEqual([]);
    const later = at(40) + STAND_IN_TIMING.pause;
    expect(policy.look(later, NOBODY, ['critical']).drain).toEqual(['critical']);
    expect(policy.grant(later, 'critical', 8)).toBe(1);
  });

  it('pauses when the way out that worked is gone, not for a single failure', () => {
    const policy = onDuty();
    policy.attempted(at(31), 'worked');
    const verdicts = [1, 2, 3, 4, 5].map((second) => policy.attempted(at(31 + second), 'none'));
    expect(verdicts).toEqual(['goes_on', 'goes_on', 'goes_on', 'goes_on', 'paused']);
    expect(policy.attempted(at(37), 'none')).toBe('goes_on'); // what was still under way is no second pause
  });

  it('does not wait for ever for a probe of which nothing is heard', () => {
    const policy = onDuty();
    policy.grant(at(30), 'critical', 8);
    expect(policy.grant(at(30) + STAND_IN_TIMING.probe, 'critical', 8)).toBe(1);
    policy.foundNothing();
    expect(policy.grant(at(30) + STAND_IN_TIMING.probe, 'critical', 8)).toBe(1);
    policy.attempted(at(31) + STAND_IN_TIMING.probe, 'not_tried');
    expect(policy.grant(at(31) + STAND_IN_TIMING.probe, 'critical', 8)).toBe(1);
  });

  it('starts anew with one message the next time', () => {
    const policy = onDuty();
    policy.attempted(at(31), 'worked');
    policy.look(at(40), heard(0), []);
    policy.look(at(70), NOBODY, ['critical']);
    expect(policy.grant(at(70), 'critical', 8)).toBe(1);
  });
});

describe('what an attempt taught who stands in', () => {
  const recipients = ['ada@example.com', 'bob@example.com'].map((address): Recipient => ({
    kind: 'to',
    name: '',
    address,
    canonical: address,
  }));
  const taught = (outcome: Answer) =>
    resultOf(fatesOf({ to: 'ada@example.com', recipients } as ClaimedEmail, outcome, 'mx.example.com:25', () => 1_000));

  it('is that there is a way out, where a server refused a message to several, and they go on one by one', () => {
    expect(taught({ kind: 'failed', errorCode: 'smtp_554', reply: '554 no such words' })).toBe('worked');
  });

  it('is that there is none, where nobody was reached', () => {
    expect(taught({ kind: 'deferred', uncounted: true, errorCode: 'smtp_connect' })).toBe('none');
  });

  it.each(['failed', 'deferred'] as const)(
    'is nothing, where a way out cannot take the message, which nobody had to be asked (%s)',
    (status) => {
      const errorCode = 'too_large_for_provider';
      expect(resultOf({ status, errorCode, uncounted: status === 'deferred' })).toBe('not_tried');
    },
  );
});
