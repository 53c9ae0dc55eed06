import { AGAIN_WITHIN_MS, waitUntilNextRun } from '../../../src/database/scheduled-tasks.js';

describe('the next run of scheduled work', () => {
  it('keeps the rhythm of its starts, and follows at once where a run takes longer', () => {
    expect(waitUntilNextRun({ kind: 'done', result: '' }, 5_000, 200)).toBe(4_800);
    expect(waitUntilNextRun({ kind: 'done', result: '' }, 5_000, 7_000)).toBe(0);
  });

  it('does not wait for a day after a failure, nor hurry what is frequent', () => {
    expect(waitUntilNextRun({ kind: 'failed', error: '' }, 86_400_000, 10)).toBe(AGAIN_WITHIN_MS);
    expect(waitUntilNextRun({ kind: 'failed', error: '' }, 5_000, 10)).toBe(5_000);
  });

  it('leaves to another process at once what a stopping one broke off', () => {
    expect(waitUntilNextRun({ kind: 'interrupted', result: '' }, 86_400_000, 10)).toBe(0);
  });
});
