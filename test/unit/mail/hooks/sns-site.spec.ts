import { SnsSite, SnsUnavailable } from '../../../../src/mail/providers/sns.js';
import { sesSender } from '../../../support/http/provider-hooks.js';

const { certificate } = sesSender();

describe('what is fetched from Amazon', () => {
  /** Amazon, with these certificates; what was asked for. */
  function amazon(...there: string[]): { site: SnsSite; asked: string[]; most: () => number } {
    const asked: string[] = [];
    let now = 0;
    let most = 0;
    const site = new SnsSite(async (url) => {
      asked.push(url);
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      if (there.includes(url)) return certificate;
      throw new Error('404');
    });
    return { site, asked, most: () => most };
  }

  it('a certificate is fetched once, however many ask for it at a time', async () => {
    const { site, asked } = amazon('a');
    await Promise.all([site.certificate('a', 'x'), site.certificate('a', 'y')]);
    expect((await site.certificate('a', 'x')).subject).toBe('CN=sns.amazonaws.com');
    expect(asked).toEqual(['a']);
  });

  it('a certificate that could not be had is asked for again', async () => {
    const answers = [Promise.reject(new Error('no answer')), Promise.resolve('<html>'), Promise.resolve(certificate)];
    const site = new SnsSite(() => answers.shift()!);
    await expect(site.certificate('a', 'x')).rejects.toThrow(SnsUnavailable);
    await expect(site.certificate('a', 'x')).rejects.toThrow(SnsUnavailable);
    expect((await site.certificate('a', 'x')).subject).toBe('CN=sns.amazonaws.com');
  });

  it('whoever names others, there or not, does not push out the one that proved something', async () => {
    const others = Array.from({ length: 40 }, (_, n) => `real but not ours ${n}`);
    const { site, asked } = amazon('ours', ...others);
    site.keep('ours', await site.certificate('ours', 'amazon'));
    for (const url of others) await site.certificate(url, 'eve');
    for (let n = 0; n < 5; n++) await expect(site.certificate(`forged ${n}`, 'eve')).rejects.toThrow(SnsUnavailable);
    const before = asked.length;
    await site.certificate('ours', 'amazon');
    expect(asked).toHaveLength(before);
    // Of the others only the newest are kept.
    await site.certificate(others.at(-1)!, 'eve');
    await site.certificate(others[0]!, 'eve');
    expect(asked).toHaveLength(before + 1);
  });

  it('whoever names others does not use up what is fetched for the one that is real', async () => {
    const { site, asked, most } = amazon('ours');
    const forged = Array.from({ length: 200 }, (_, n) =>
      site.certificate(`forged ${n}`, 'eve').catch((error: unknown) => error),
    );
    expect((await site.certificate('ours', 'amazon')).subject).toBe('CN=sns.amazonaws.com');
    expect(asked.length).toBeLessThan(10);
    const errors = await Promise.all(forged);
    expect(errors.every((error) => error instanceof SnsUnavailable)).toBe(true);
    // Most of them were not even asked for, and never more than two at a time.
    expect(asked.length).toBeLessThanOrEqual(60);
    expect(most()).toBeLessThanOrEqual(2);
  });
});
