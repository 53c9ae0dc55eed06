import {
  consequenceOf,
  type HeardEvent,
  isCarrier,
  type ToldMessage,
} from '../../../../src/mail/events/event-policy.js';

const message: ToldMessage = {
  status: 'sent',
  lane: 'default',
  addresses: ['ada@example.com'],
  transport: 'sendgrid',
  carriers: ['sendgrid'],
  plannedAfterUnknown: false,
};
const event: HeardEvent = {
  source: 'sendgrid',
  kind: 'delivered',
  reason: null,
  recipientCanonical: 'ada@example.com',
};
const SUPPRESSED = { scope: 'all', reason: 'hard_bounce' };

describe('what an event makes of its message', () => {
  it.each([
    // kind, reason, from, to, errorCode
    ['delivered', null, 'sent', 'delivered', null],
    ['delivered', null, 'unknown', 'delivered', null],
    ['delivered', null, 'delivered', undefined, null],
    ['delivered', null, 'bounced', undefined, null],
    ['delivered', null, 'complained', undefined, null],
    ['delivered', null, 'failed', undefined, null],
    ['bounced', 'bounced', 'sent', 'bounced', 'hard_bounce'],
    ['bounced', 'invalid', 'unknown', 'bounced', 'hard_bounce'],
    ['bounced', 'bounced', 'delivered', 'bounced', 'hard_bounce'],
    ['bounced', 'blocked', 'sent', 'bounced', 'bounced_blocked'],
    ['bounced', null, 'sent', 'bounced', 'bounced_other'],
    ['bounced', 'bounced', 'complained', undefined, 'hard_bounce'],
    ['bounced', 'bounced', 'cancelled', undefined, 'hard_bounce'],
    ['rejected', 'bounced', 'sent', 'bounced', 'rejected_bounced'],
    ['rejected', 'blocked', 'delivered', undefined, 'rejected_blocked'],
    ['complained', 'spam', 'sent', 'complained', 'complained'],
    ['complained', 'spam', 'unknown', 'complained', 'complained'],
    ['complained', 'spam', 'delivered', 'complained', 'complained'],
    ['complained', 'spam', 'bounced', undefined, 'complained'],
    ['deferred', 'other', 'sent', undefined, 'provider_deferred'],
    ['deferred', 'other', 'delivered', undefined, 'provider_deferred'],
    ['unsubscribed', 'unsubscribed', 'delivered', undefined, 'unsubscribed'],
  ] as const)('%s (%s) of a message that is %s → %s', (kind, reason, status, next, errorCode) => {
    const consequence = consequenceOf({ ...event, kind, reason }, { ...message, status });
    expect(consequence).toMatchObject({ kind: 'applies', errorCode });
    expect((consequence as { status?: string }).status).toBe(next);
  });

  it.each([
    ['bounced', 'bounced', 'default', SUPPRESSED],
    ['bounced', 'invalid', 'bulk', SUPPRESSED],
    ['bounced', 'blocked', 'default', undefined],
    ['bounced', 'timed_out', 'default', undefined],
    ['bounced', 'other', 'default', undefined],
    ['rejected', 'bounced', 'default', undefined],
    ['deferred', 'bounced', 'default', undefined],
    ['delivered', null, 'default', undefined],
    ['complained', 'spam', 'default', { scope: 'all', reason: 'complaint' }],
    ['complained', 'spam', 'critical', { scope: 'all', reason: 'complaint' }],
    ['complained', 'spam', 'bulk', { scope: 'bulk', reason: 'complaint' }],
    ['unsubscribed', 'unsubscribed', 'default', { scope: 'bulk', reason: 'unsubscribe' }],
  ] as const)('%s (%s) in the lane %s suppresses %j', (kind, reason, lane, suppress) => {
    expect((consequenceOf({ ...event, kind, reason }, { ...message, lane }) as { suppress?: object }).suppress).toEqual(
      suppress,
    );
  });

  it.each(['scheduled', 'queued', 'sending', 'deferred'])(
    'waits while the message is %s, and suppresses nothing yet',
    (status) => {
      expect(
        consequenceOf(
          { ...event, kind: 'bounced', reason: 'bounced' },
          { ...message, status, carriers: [], transport: null },
        ),
      ).toEqual({ kind: 'wait' });
    },
  );

  it('calls off the copy that is planned after an unknown outcome', () => {
    const planned = { ...message, status: 'deferred', plannedAfterUnknown: true };
    expect(consequenceOf(event, planned)).toMatchObject({ kind: 'applies', status: 'delivered' });
    expect(consequenceOf({ ...event, kind: 'bounced', reason: 'bounced' }, planned)).toMatchObject({
      kind: 'applies',
      status: 'bounced',
    });
    expect((consequenceOf({ ...event, kind: 'deferred' }, planned) as { status?: string }).status).toBeUndefined();
  });
});

describe('whom a source may speak of', () => {
  it('not of another recipient', () => {
    expect(consequenceOf({ ...event, recipientCanonical: 'bob@example.com' }, message)).toEqual({ kind: 'foreign' });
    expect(consequenceOf({ ...event, recipientCanonical: null }, message)).toMatchObject({ kind: 'applies' });
  });

  it('not of a message that it never carried', () => {
    expect(consequenceOf({ ...event, source: 'mailgun' }, message)).toEqual({ kind: 'foreign' });
    expect(consequenceOf(event, { ...message, status: 'cancelled', transport: null, carriers: [] })).toEqual({
      kind: 'foreign',
    });
  });

  it('of an earlier copy: that it arrived, but not that the newest did not', () => {
    const later = { ...message, transport: 'mailgun:example.org', carriers: ['sendgrid', 'mailgun:example.org'] };
    expect(consequenceOf(event, later)).toMatchObject({ kind: 'applies', status: 'delivered' });
    const bounce = consequenceOf({ ...event, kind: 'bounced', reason: 'bounced' }, later);
    expect(bounce).toMatchObject({ kind: 'applies', suppress: SUPPRESSED });
    expect((bounce as { status?: string }).status).toBeUndefined();
  });

  it('a bounce that came as mail: of whatever was handed over', () => {
    const dsn: HeardEvent = { ...event, source: 'dsn', kind: 'bounced', reason: 'bounced' };
    expect(
      consequenceOf(dsn, { ...message, transport: 'mail.internal:25', carriers: ['mail.internal:25'] }),
    ).toMatchObject({ status: 'bounced' });
    expect(consequenceOf(dsn, { ...message, carriers: [] })).toEqual({ kind: 'foreign' });
  });

  it.each([
    ['sendgrid', 'sendgrid', true],
    ['sendgrid', 'smtp.sendgrid.net:587', true],
    ['sendgrid', 'smtp.sendgrid.net', true],
    ['sendgrid', 'smtp.sendgrid.net.example.com:587', false],
    ['mailgun', 'mailgun:example.org', true],
    ['mailgun', 'smtp.eu.mailgun.org:587', true],
    ['resend', 'smtp.resend.com:465', true],
    ['postmark', 'smtp-broadcasts.postmarkapp.com:587', true],
    ['brevo', 'smtp-relay.brevo.com:587', true],
    ['mailjet', 'in-v3.mailjet.com:587', true],
    ['ses', 'ses:eu-west-1', true],
    ['ses', 'email-smtp.eu-west-1.amazonaws.com:587', true],
    ['ses', 'sns.eu-west-1.amazonaws.com', false],
    ['mailgun', 'sendgrid', false],
    ['mailgun', 'file:/var/mailgun', false],
    ['sendgrid', 'capture', false],
  ] as const)('%s by the transport %s: %s', (provider, transport, carried) => {
    expect(isCarrier(provider, transport)).toBe(carried);
  });
});
