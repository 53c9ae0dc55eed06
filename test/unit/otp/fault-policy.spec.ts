import { deliveryWord } from '../../../src/accounts/pages/code.page.js';
import { EN } from '../../../src/http/pages/words/en.js';
import { EmailStatus } from '../../../src/generated/prisma/enums.js';
import { deliveryFault, deliveryStatusOf } from '../../../src/otp/delivery/delivery-status.js';

/**
 * Of attempts that no server took for good: what `last_error_code` may be, but for what the server said about the
 * mailbox.
 */
const BEFORE_A_MAILBOX = [
  'smtp_auth',
  'smtp_tls',
  'smtp_token',
  'smtp_refused',
  'smtp_dns',
  'smtp_unreachable',
  'smtp_connect_timeout',
  'smtp_timeout',
  'smtp_closed',
  'smtp_envelope',
  'smtp_421',
  'smtp_432',
  'smtp_450',
  'smtp_451',
  'smtp_452',
  'smtp_454',
  'smtp_500',
  'smtp_501',
  'smtp_503',
  'smtp_530',
  'smtp_535',
  'smtp_554',
  'http_auth',
  'http_quota',
  'http_sender',
  'http_dns',
  'http_timeout',
  'http_400',
  'http_422',
  'http_429',
  'http_500',
  'no_transport',
  'offer_not_recorded',
  'lease_expired',
  'secret_unknown',
  'template_unknown',
  'template_error',
  'internal',
  'resolved_by_hand',
  null,
];
const ABOUT_THE_RECIPIENT = /provider refused|to this address|Check the address/;

function told(status: EmailStatus, errorCode: string | null = null, enhanced: string | null = null) {
  const fault = deliveryFault({ status, errorCode, enhanced });
  return { fault, words: EN[deliveryWord({ status: deliveryStatusOf(status), fault })] };
}

describe('Of a mail that did not arrive, people are told', () => {
  it.each(BEFORE_A_MAILBOX)('that it is us, where nobody spoke of the mailbox (%s)', (errorCode) => {
    for (const status of ['deferred', 'failed', 'expired'] as const) {
      const { fault, words } = told(status, errorCode);
      expect([status, fault]).toEqual([status, 'ours']);
      expect(words).toMatch(/^We couldn’t send the email/);
      expect(words).not.toMatch(ABOUT_THE_RECIPIENT);
    }
  });

  it.each([
    ['smtp_550', null],
    ['smtp_550', '5.1.1'],
    ['smtp_550', '5.2.1'],
    ['smtp_551', null],
    ['smtp_552', '5.2.2'],
    ['smtp_553', '5.1.3'],
    ['smtp_550', '5.1.10'],
  ])('that it is the address, where a server refused the mailbox for good (%s %s)', (errorCode, enhanced) => {
    expect(told('failed', errorCode, enhanced).fault).toBe('recipient');
    expect(told('deferred', errorCode, enhanced).fault).toBe('ours'); // not for good: we try again
  });

  it.each([
    ['smtp_550', '5.7.1'],
    ['smtp_550', '5.7.26'],
    ['smtp_550', '5.1.7'],
    ['smtp_550', '5.1.8'],
    ['smtp_553', '5.7.1'],
    ['smtp_552', null],
    ['smtp_552', '5.3.4'],
  ])('that it is us, where the same code is about the sender or the message (%s %s)', (errorCode, enhanced) =>
    expect(told('failed', errorCode, enhanced).fault).toBe('ours'),
  );

  it.each(['hard_bounce', 'bounced_blocked', 'bounced_spam', 'bounced_other', null])(
    'that their mail server refused it, where it came back (%s)',
    (errorCode) => {
      expect(told('bounced', errorCode)).toMatchObject({
        fault: 'recipient',
        words: expect.stringContaining('your email provider refused it') as string,
      });
    },
  );

  it.each(['rejected_spam', 'rejected_other'])(
    'that it is us, where the provider did not pass it on (%s)',
    (errorCode) => expect(told('bounced', errorCode).fault).toBe('ours'),
  );

  it('of an address that gets no mail the same as of one that a server refused', () => {
    expect(told('suppressed')).toEqual(told('failed', 'smtp_550', '5.1.1'));
  });

  it.each(Object.values(EmailStatus))('something in plain words whatever the record says (%s)', (status) => {
    for (const errorCode of [...BEFORE_A_MAILBOX, 'smtp_550', 'hard_bounce', 'complained', 'provider_deferred']) {
      const { words } = told(status, errorCode);
      expect(words).toMatch(/^[A-Z].+\.$/);
      expect(words).not.toMatch(/undefined|null|smtp|http|_/);
    }
  });

  it.each(['scheduled', 'queued', 'sending', 'sent', 'delivered', 'complained', 'unknown'] as const)(
    'of no fault, where it may yet arrive, or has (%s)',
    (status) => {
      expect(told(status, 'smtp_550', '5.1.1').fault).toBeUndefined();
    },
  );
});
