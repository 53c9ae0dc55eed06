import { setImmediate as turn } from 'node:timers/promises';
import { ConnectionPlaces } from '../../../src/mail/transport/connection-places.js';

describe('the connections of ordinary mail to one server', () => {
  async function withInUse(most: number, inUse: number): Promise<ConnectionPlaces> {
    const places = new ConnectionPlaces(most);
    for (let n = 0; n < inUse; n++) await places.take(0);
    return places;
  }

  it('are not fewer after a complaint while only one is in use: it is not about their number', async () => {
    const places = await withInUse(12, 1);
    places.narrow(5_000);
    expect(places.allowed).toBe(12);
  });

  it('are a quarter fewer after a complaint, and what complains at the same moment is one', async () => {
    const places = await withInUse(12, 12);
    for (const at of [5_000, 5_001, 5_900]) places.narrow(at);
    expect(places.allowed).toBe(9);
    places.narrow(6_100);
    expect(places.allowed).toBe(6);
  });

  it('become more again with what gets through, and with time', async () => {
    const places = await withInUse(4, 4);
    places.narrow(5_000);
    expect(places.allowed).toBe(3);
    places.leave();
    places.leave();
    await places.take(14_999);
    expect(places.allowed).toBe(3);
    places.leave();
    await places.take(15_000);
    expect(places.allowed).toBe(4);
    const others = await withInUse(4, 4);
    others.narrow(5_000);
    for (let n = 0; n < 5; n++) others.wentWell(6_000);
    expect(others.allowed).toBe(4);
  });

  it('are waited for in turn, and one that is left lets the next one in', async () => {
    const places = await withInUse(1, 1);
    const begun: string[] = [];
    for (const name of ['a', 'b']) void places.take(0).then(() => begun.push(name));
    await turn();
    expect(begun).toEqual([]);
    places.leave();
    await turn();
    expect(begun).toEqual(['a']);
  });
});
