import fc from 'fast-check';
import { randomId, uuidv7 } from '../../../src/core/ids.js';

describe('uuidv7', () => {
  it('carries the time in its first 48 bits, so that ids sort as they were made', () => {
    const times = fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true });
    fc.assert(
      fc.property(times, (time) => {
        const id = uuidv7(time);
        expect(parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(time.getTime());
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      }),
    );
  });

  it('is another one each time', () => {
    const now = new Date();
    expect(new Set(Array.from({ length: 1_000 }, () => uuidv7(now))).size).toBe(1_000);
  });
});

describe('randomId', () => {
  it('holds 128 bits', () => {
    expect(Buffer.from(randomId(), 'base64url')).toHaveLength(16);
  });
});
