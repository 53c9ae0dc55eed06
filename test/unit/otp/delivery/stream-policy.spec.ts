import { Bulkhead } from '../../../../src/core/semaphore.js';
import { CODE_DELIVERY_STATUSES, isFinal } from '../../../../src/otp/delivery/delivery-status.js';
import { MOST_STREAMS, placesOf, streamEnd } from '../../../../src/otp/delivery/delivery-streams.js';

const OPENED = new Date('2026-11-21T12:00:00Z');
const after = (seconds: number): Date => new Date(OPENED.getTime() + seconds * 1_000);

describe('a stream', () => {
  it('ends with a status after which nothing comes by itself; a 250 is not one', () => {
    expect(CODE_DELIVERY_STATUSES.filter(isFinal)).toEqual(['failed', 'expired', 'delivered', 'bounced']);
    expect(streamEnd({ status: 'delivered', overAt: after(600) }, OPENED, OPENED)).toBe('final');
    expect(streamEnd({ status: 'sent', overAt: after(600) }, OPENED, OPENED)).toBeUndefined();
  });

  it('ends a minute after its code, and after a quarter of an hour in any case', () => {
    expect(streamEnd({ status: 'sent', overAt: after(600) }, OPENED, after(659.999))).toBeUndefined();
    expect(streamEnd({ status: 'sent', overAt: after(600) }, OPENED, after(660))).toBe('over');
    expect(streamEnd({ status: 'unknown', overAt: after(3_600) }, OPENED, after(899.999))).toBeUndefined();
    expect(streamEnd({ status: 'unknown', overAt: after(3_600) }, OPENED, after(900))).toBe('too_long');
  });
});

describe('the places of a process', () => {
  it('are five hundred, whoever asks', () => {
    const slots = new Bulkhead();
    const taken = Array.from({ length: MOST_STREAMS.process }, (_, n) =>
      slots.take(placesOf({ requester: `r${n}`, challengeId: `c${n}` })),
    );
    expect(taken).not.toContain(undefined);
    expect(slots.take(placesOf({ requester: 'another', challengeId: 'another' }))).toBeUndefined();
    taken[0]!();
    taken[0]!(); // a place is given back once
    expect(slots.take(placesOf({ requester: 'another', challengeId: 'another' }))).toBeDefined();
    expect(slots.take(placesOf({ requester: 'one more', challengeId: 'one more' }))).toBeUndefined();
  });

  it('are not used up by who was refused', () => {
    const slots = new Bulkhead();
    const take = (challengeId: string) => slots.take(placesOf({ requester: 'one', challengeId }));
    for (let n = 0; n < 10; n++) take('c');
    const others = Array.from({ length: 20 }, (_, n) => take(`c${n}`));
    expect(others.filter((place) => place !== undefined)).toHaveLength(MOST_STREAMS.requester - MOST_STREAMS.challenge);
  });
});
