import { Problem, PROBLEM_CODES, PROBLEMS } from '../../../../src/core/problems.js';
import {
  keyReply,
  overReply,
  rephrased,
  replyOf,
  scopeReply,
  type SmtpReply,
} from '../../../../src/mail/smtp-submission/replies-policy.js';
import { senderFault } from '../../../../src/mail/submission/sender-policy.js';

const invalid = (code: string, message = 'must be good') =>
  new Problem('validation_failed', {
    errors: [
      { field: 'to', code, message },
      { field: 'cc', code: 'other', message: 'x' },
    ],
  });

const line = ({ code, text }: SmtpReply): string => `${code} ${text}`;

describe('the reply to a problem', () => {
  it.each([
    [invalid('invalid_address'), 554, '5.6.0 to: must be good'],
    [invalid('mail_loop'), 554, '5.4.6 to: must be good'],
    [invalid('recipients_in_header'), 550, '5.6.0 to: must be good'],
    [invalid('too_many_recipients'), 554, '5.5.3 to: must be good'],
    [new Problem('body_too_large', { detail: 'Too large' }), 552, '5.3.4 Too large. Send at most'],
    [
      new Problem('rate_limited', { headers: { 'retry-after': '7' } }),
      451,
      '4.7.0 Too many requests. Try again in 7 seconds.',
    ],
    [
      new Problem('idempotency_in_flight', { headers: { 'retry-after': '1' } }),
      451,
      '4.3.0 The same message is being accepted at this moment. Try again in 1 seconds.',
    ],
    [new Problem('idempotency_mismatch'), 554, '5.6.0 Another message was accepted with this Message-ID'],
    [
      new Problem('unavailable', { headers: { 'retry-after': '2' } }),
      451,
      '4.3.0 The database does not answer, or is too busy. Try again in 2 seconds.',
    ],
    [
      new Problem('internal', { cause: new Error('secret') }),
      451,
      '4.3.0 Something broke on our side. Try again later.',
    ],
    [new Problem('busy'), 452, '4.3.1 Too much at this moment. Try again later.'],
  ])('%s → %i', (problem, code, text) => {
    const reply = replyOf(problem);
    expect(reply.code).toBe(code);
    expect(reply.text.startsWith(text)).toBe(true);
  });

  it('names the remedy where a sender is not allowed', () => {
    const fault = senderFault('eve@example.org', {
      mailFrom: 'shop@example.com',
      senders: ['@news.example.com'],
      keySenders: [],
    })!;
    expect(replyOf(fault)).toEqual({
      code: 550,
      text: '5.7.1 "from" is not an address that this deployment sends from. Send from shop@example.com, or @news.example.com; an operator adds others, or their @domain, to MAIL_SENDERS.',
    });
  });

  it('lets the client keep the message whatever breaks on our side, and at AUTH says so in the words of RFC 4954', () => {
    for (const code of PROBLEM_CODES.filter((one) => PROBLEMS[one].status >= 500)) {
      expect(replyOf(new Problem(code)).code).toBeLessThan(500);
      expect(replyOf(new Problem(code)).code).toBeGreaterThanOrEqual(400);
    }
    expect(line(replyOf(new Problem('unavailable'), 'auth'))).toMatch(/^454 4\.3\.0 /);
    expect(line(replyOf(new Problem('rate_limited'), 'auth'))).toMatch(/^454 4\.7\.0 /);
  });

  it('is one line of ASCII that is short enough, whatever stands in the words', () => {
    const { code, text } = replyOf(invalid('x', `Zoë\r\n250 ok \u2028${'long '.repeat(200)}`));
    expect(text).toMatch(/^[\x20-\x7e]+$/);
    expect(`${code} ${text}\r\n`.length).toBeLessThanOrEqual(512);
  });

  it('has a class in its code that is that of its enhanced code', () => {
    for (const code of PROBLEM_CODES) {
      const reply = replyOf(new Problem(code));
      expect(reply.text[0]).toBe(String(reply.code)[0]);
    }
  });
});

describe('the reply to a password', () => {
  it('says what is wrong with the key to whoever holds it', () => {
    expect(keyReply({ kind: 'expired', at: new Date(0) })).toEqual({
      code: 535,
      text: '5.7.8 The API key is not valid: it expired at 1970-01-01T00:00:00.000Z',
    });
    expect(keyReply({ kind: 'revoked' })).toEqual({
      code: 535,
      text: '5.7.8 The API key is not valid: it was revoked',
    });
    expect(keyReply({ kind: 'unknown' })!.code).toBe(535);
    expect(scopeReply('emails:send')).toEqual({
      code: 535,
      text: '5.7.8 The API key lacks the scope emails:send; use one that has it',
    });
    expect(overReply(keyReply({ kind: 'revoked' })!)).toEqual({
      code: 550,
      text: '5.7.1 The API key is not valid: it was revoked',
    });
  });
});

describe('what the library says by itself', () => {
  it('is said in our words where its codes would be others', () => {
    const plain = { withTls: false };
    expect(rephrased(538, undefined, { withTls: true })!.text).toMatch(/^5\.7\.11 /);
    expect(rephrased(530, undefined, { withTls: true })!.text).toMatch(/STARTTLS/);
    expect(rephrased(530, undefined, plain)!.text).not.toMatch(/STARTTLS/);
    expect(rephrased(500, 'EXPN', plain)).toMatchObject({ code: 502 });
    expect(rephrased(500, 'FOO', plain)).toBeUndefined();
    expect(rephrased(552, 'MESSAGE_TOO_BIG', plain)!.text).toMatch(/^5\.3\.4 /);
    expect(rephrased(452, 'TOO_MANY_RECIPIENTS', plain)!.text).toMatch(/^4\.5\.3 /);
    expect(rephrased(250, undefined, plain)).toBeUndefined();
  });
});
