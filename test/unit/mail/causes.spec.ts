import { classifyFailure } from '../../../src/mail/providers/http-transport.js';
import { REFUSALS } from '../../../src/mail/routing/refusals-policy.js';
import { causeOf } from '../../../src/mail/routing/causes.js';
import { LateReplies, watched } from '../../../src/mail/routing/routes.js';
import { classifySmtpFailure } from '../../../src/mail/transport/smtp-reply.js';
import { HeldTimers } from '../../support/signals/held-timers.js';

/** Every error code that closes a transport, by whatever came of it. */
const CODES = new Set<string>([
  ...REFUSALS,
  'final_reply_late',
  'http_auth',
  'http_quota',
  'http_429',
  'http_500',
  'http_503',
  'file_enospc',
  ...['EDNS', 'ECONNECTION', 'ESOCKET', 'ETIMEDOUT', 'EAUTH', 'ETOKEN', 'ETLS', 'EPROTOCOL'].flatMap((code) =>
    codeOf(classifySmtpFailure({ code }, 'connecting')),
  ),
  ...['ECONNREFUSED', 'ENETUNREACH', 'ENOTFOUND'].flatMap((originalCode) =>
    codeOf(classifySmtpFailure({ code: 'ESOCKET', originalCode }, 'connecting')),
  ),
  ...['CONNECT_TIMEOUT', 'GREETING_TIMEOUT', 'SETUP_TIMEOUT', 'UPGRADE_TIMEOUT'].flatMap((timeoutType) =>
    codeOf(classifySmtpFailure({ code: 'ETIMEDOUT', timeoutType }, 'connecting')),
  ),
  ...[421, 450, 452, 550, 554].flatMap((responseCode) =>
    codeOf(
      classifySmtpFailure(
        { code: 'EENVELOPE', command: 'MAIL FROM', responseCode, response: `${responseCode} no` },
        'envelope',
      ),
    ),
  ),
  ...[
    'ENOTFOUND',
    'ECONNREFUSED',
    'ENETUNREACH',
    'STALLED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ECONNRESET',
    'HPE_INVALID_CONSTANT',
  ].flatMap((code) => codeOf(classifyFailure('connecting', code))),
]);

function codeOf(outcome: object): string[] {
  return 'errorCode' in outcome ? [String(outcome.errorCode)] : [];
}

describe('why a transport is in trouble', () => {
  it.each([...CODES])('is a sentence with a remedy: %s', (errorCode) => {
    const { cause, remedy } = causeOf('mail.example.com:587', { errorCode, reply: null });
    expect(cause).toMatch(
      /^(mail\.example\.com:587|The |There |No )[^\n]*mail\.example\.com:587|^mail\.example\.com:587/,
    );
    expect([cause, remedy].join(' ')).not.toMatch(/undefined|null|\b(smtp|http|file)_/);
    expect([cause, remedy]).toEqual([expect.stringMatching(/\.$/), expect.stringMatching(/^[A-Z].*\.$/)]);
  });

  it("has the server's own words, as a sentence", () => {
    expect(causeOf('mail', { errorCode: 'smtp_auth', reply: '535 5.7.8 no' }).cause).toBe(
      'mail refuses the login. It says: 535 5.7.8 no.',
    );
    expect(causeOf('mail', { errorCode: 'smtp_auth', reply: '535 5.7.8 No.' }).cause).toBe(
      'mail refuses the login. It says: 535 5.7.8 No.',
    );
  });
});

describe('final replies that are late', () => {
  it('make a transport silent when there are three without an answer, and one that is probed at once', () => {
    const late = new LateReplies();
    expect([late.overdue(false), late.overdue(false), late.overdue(false)]).toEqual([false, false, true]);
    late.answered();
    expect([late.overdue(false), late.overdue(true)]).toEqual([false, true]);
  });

  it('are watched from the offer on, once, and not when all is over', async () => {
    const time = HeldTimers.hold();
    let late = 0;
    const { offer, over } = watched(
      async () => undefined,
      time.ms,
      () => late++,
    );
    await offer();
    time.runOut();
    expect([late, time.count]).toEqual([1, 0]);
    await offer();
    over();
    await offer(); // an attempt that is over offers nothing more
    expect(time.count).toBe(0);
    time.letGo();
  });
});
