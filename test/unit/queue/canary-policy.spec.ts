import { CanaryPolicy } from '../../../src/queue/canary.js';

/** One interval: the worker judges, then sends; `then` is what becomes of the canary until the next interval. */
function interval(policy: CanaryPolicy, then: 'processed' | 'missed' | 'broker_down'): 'well' | 'stuck' {
  const verdict = policy.judge();
  policy.sent();
  if (then === 'processed') policy.processed();
  if (then === 'broker_down') policy.brokerFailed();
  return verdict;
}

function judged(...course: Parameters<typeof interval>[1][]): string[] {
  const policy = new CanaryPolicy();
  return [...course.map((then) => interval(policy, then)), policy.judge()];
}

describe('the canary policy', () => {
  it('calls a worker stuck after three canaries in a row that the broker took and nobody brought back', () => {
    expect(judged('processed', 'missed', 'missed', 'missed')).toEqual(['well', 'well', 'well', 'well', 'stuck']);
  });

  it('forgives two', () => {
    expect(judged('missed', 'missed', 'processed', 'missed', 'missed', 'processed')).not.toContain('stuck');
  });

  it('never blames the worker for a broker that is down, however long', () => {
    expect(judged(...Array.from({ length: 100 }, () => 'broker_down' as const))).not.toContain('stuck');
  });

  it('counts anew after an outage, for consumers need a moment to come back', () => {
    expect(judged('missed', 'missed', 'broker_down', 'missed', 'missed', 'processed')).not.toContain('stuck');
    expect(judged('broker_down', 'missed', 'missed', 'missed')).toEqual(['well', 'well', 'well', 'well', 'stuck']);
  });

  it('forgives all when a late canary comes back', () => {
    const policy = new CanaryPolicy();
    for (const then of ['missed', 'missed', 'missed'] as const) interval(policy, then);
    policy.processed();
    expect(policy.judge()).toBe('well');
  });

  it('lets drains speak for the worker until a canary has made its way: at the start and after an outage', () => {
    const policy = new CanaryPolicy();
    expect(policy.drainsCount).toBe(true);
    interval(policy, 'processed');
    expect(policy.drainsCount).toBe(false);
    interval(policy, 'missed');
    expect(policy.drainsCount).toBe(false); // or a stuck worker would go on looking alive
    interval(policy, 'broker_down');
    interval(policy, 'missed');
    expect(policy.drainsCount).toBe(true);
  });
});
