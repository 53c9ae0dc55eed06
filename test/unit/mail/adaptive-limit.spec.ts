import type { Release } from '../../../src/core/semaphore.js';
import { setImmediate as turn } from 'node:timers/promises';
import { AdaptiveLimit } from '../../../src/mail/transport/smtp-sessions.js';

describe('the connections of ordinary mail to one server', () => {
  const releases: Release[] = [];
  async function withInUse(most: number, inUse: number): Promise<AdaptiveLimit> {
    const limit = new AdaptiveLimit(most);
    for (let n = 0; n < inUse; n++) releases.push(await limit.take(0));
    return limit;
  }

  it('are not fewer after a complaint while only one is in use: it is not about their number', async () => {
    const limit = await withInUse(12, 1);
    limit.narrow(5_000);
    expect(limit.allowed).toBe(12);
  });

  it('are a quarter fewer after a complaint, and what complains at the same moment is one', async () => {
    const limit = await withInUse(12, 12);
    for (const at of [5_000, 5_001, 5_900]) limit.narrow(at);
    expect(limit.allowed).toBe(9);
    limit.narrow(6_100);
    expect(limit.allowed).toBe(6);
  });

  it('become more again with what gets through, and with time', async () => {
    const limit = await withInUse(4, 4);
    limit.narrow(5_000);
    expect(limit.allowed).toBe(3);
    releases.pop()!();
    releases.pop()!();
    releases.push(await limit.take(14_999));
    expect(limit.allowed).toBe(3);
    releases.pop()!();
    await limit.take(15_000);
    expect(limit.allowed).toBe(4);
    const others = await withInUse(4, 4);
    others.narrow(5_000);
    for (let n = 0; n < 5; n++) others.wentWell(6_000);
    expect(others.allowed).toBe(4);
  });

  it('are waited for in turn, and one that is left lets the next one in', async () => {
    const limit = await withInUse(1, 1);
    const begun: string[] = [];
    for (const name of ['a', 'b']) void limit.take(0).then(() => begun.push(name));
    await turn();
    expect(begun).toEqual([]);
    releases.pop()!();
    await turn();
    expect(begun).toEqual(['a']);
  });
});
