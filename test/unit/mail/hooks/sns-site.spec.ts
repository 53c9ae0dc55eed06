import { SnsSite, SnsUnavailable } from '../../../../src/mail/hooks/sns-site.js';
import { sesSender } from '../../../support/provider-hooks.js';

const now = new Date('2026-11-21T12:00:00Z');
const { certificate } = sesSender();

describe('what is fetched from Amazon', () => {
  it('a certificate is fetched once, however many ask for it at a time', async () => {
    const asked: string[] = [];
    const site = new SnsSite(async (url) => {
      asked.push(url);
      return certificate;
    });
    await Promise.all([site.certificate('a', now), site.certificate('a', now)]);
    expect((await site.certificate('a', now)).subject).toBe('CN=sns.amazonaws.com');
    expect(asked).toEqual(['a']);
  });

  it('a certificate that could not be had is asked for again', async () => {
    const answers = [Promise.reject(new Error('no answer')), Promise.resolve('<html>'), Promise.resolve(certificate)];
    const site = new SnsSite(() => answers.shift()!);
    await expect(site.certificate('a', now)).rejects.toThrow(SnsUnavailable);
    await expect(site.certificate('a', now)).rejects.toThrow(SnsUnavailable);
    expect((await site.certificate('a', now)).subject).toBe('CN=sns.amazonaws.com');
  });

  it('forged messages make us fetch ten a minute at most, and do not push out the one that is in use', async () => {
    let asked = 0;
    const site = new SnsSite(async (url) => {
      asked++;
      if (url === 'real') return certificate;
      throw new Error('404');
    });
    await site.certificate('real', now);
    for (let n = 0; n < 30; n++) await expect(site.certificate(`forged ${n}`, now)).rejects.toThrow(SnsUnavailable);
    expect(asked).toBe(10);
    expect((await site.certificate('real', now)).subject).toBe('CN=sns.amazonaws.com');
    await expect(site.certificate('later', new Date(now.getTime() + 61_000))).rejects.toThrow(SnsUnavailable);
    expect(asked).toBe(11);
  });
});
