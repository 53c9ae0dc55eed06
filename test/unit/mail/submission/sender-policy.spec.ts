import { senderFault } from '../../../../src/mail/submission/sender-policy.js';

const DEPLOYMENT = { mailFrom: 'Post@example.com', senders: ['billing@example.com', '@news.example.com'] };

describe('what a back end sends from', () => {
  const codeOf = (from: string, keySenders: string[] = [], deployment = DEPLOYMENT): string | undefined =>
    senderFault(from, { ...deployment, keySenders })?.code;

  it.each([
    'post@example.com',
    'POST@EXAMPLE.COM',
    'Billing@example.com',
    'ada@news.example.com',
    'grace+1@News.Example.com',
  ])('may be %s, by MAIL_FROM and MAIL_SENDERS', (from) => {
    expect(codeOf(from)).toBeUndefined();
  });

  it.each([
    'ada@example.com',
    'billing@news.example.org',
    'ada@sub.news.example.com',
    'ada@badnews.example.com',
    'post@example.com.evil.example',
    'postmaster@example.com',
  ])('may not be %s', (from) => {
    expect(codeOf(from)).toBe('sender_not_allowed');
  });

  it('is MAIL_FROM alone where there is no MAIL_SENDERS, at a host of one label too', () => {
    const deployment = { mailFrom: 'no-reply@localhost', senders: [] };
    expect(codeOf('No-Reply@localhost', [], deployment)).toBeUndefined();
    expect(codeOf('ada@localhost', [], deployment)).toBe('sender_not_allowed');
    expect(codeOf('no-reply@example.com', [], deployment)).toBe('sender_not_allowed');
  });

  it('knows a domain beyond ASCII in both its forms', () => {
    const deployment = { mailFrom: 'post@example.com', senders: ['@xn--bcher-kva.example'] };
    expect(codeOf('ada@Bücher.example', [], deployment)).toBeUndefined();
    expect(codeOf('ada@xn--bcher-kva.example', [], deployment)).toBeUndefined();
  });

  it('is narrowed by a key that names senders, MAIL_FROM included', () => {
    const keySenders = ['@news.example.com'];
    expect(codeOf('ada@news.example.com', keySenders)).toBeUndefined();
    expect(codeOf('billing@example.com', keySenders)).toBe('sender_not_allowed');
    expect(codeOf('post@example.com', keySenders)).toBe('sender_not_allowed');
    expect(codeOf('post@example.com', [...keySenders, 'post@example.com'])).toBeUndefined();
  });

  it('is not widened by a key', () => {
    expect(codeOf('ada@example.org', ['@example.org'])).toBe('sender_not_allowed');
  });

  it('is refused with a status, the field and what to do', () => {
    const document = (from: string, keySenders: string[]) =>
      senderFault(from, { ...DEPLOYMENT, keySenders })!.toDocument('request');
    expect(document('ada@example.org', [])).toMatchObject({
      status: 422,
      errors: [{ field: 'from', code: 'sender_not_allowed' }],
      remedy: expect.stringMatching(/Post@example\.com.*billing@example\.com.*MAIL_SENDERS/) as string,
    });
    expect(document('post@example.com', ['@news.example.com']).remedy).toMatch(/@news\.example\.com.*--sender/);
  });
});
