import type { Hook, ProviderEvent } from '../../../../src/mail/providers/hook.js';
import { PROVIDERS } from '../../../../src/mail/providers/providers.js';
import { allSenders, type HookSender, type ToldEvent } from '../../../support/http/provider-hooks.js';

const now = new Date('2026-11-21T12:00:00Z');
const ID = '019abcde-0000-7000-8000-000000000001';
const readers = Object.fromEntries(PROVIDERS.map(({ kind, hook }) => [kind, hook])) as Record<
  HookSender['provider'],
  Hook<unknown>
>;
const { sendgrid, mailgun, resend, postmark, brevo, mailjet, ses } = readers;
type Read = (content: unknown, headers?: Record<string, string>) => ProviderEvent[];

const reading =
  (reader: Hook<unknown>): Read =>
  (content, headers = {}) =>
    reader.read({ headers, body: Buffer.from(JSON.stringify(content)), now });

function read(sender: HookSender, event: ToldEvent): ProviderEvent[] {
  const { headers, body } = sender.post({ at: now, ...event });
  return readers[sender.provider].read({ headers, body: Buffer.from(body), now });
}

describe.each(allSenders().map((sender) => [sender.provider, sender] as const))('what %s tells', (_, sender) => {
  it.each([
    ['delivered', 'delivered', undefined],
    ['hard bounce', 'bounced', 'bounced'],
    ['complaint', 'complained', 'spam'],
  ] as const)('%s → %s', (what, kind, reason) => {
    const [event] = read(sender, { what, recipient: 'ada@example.com', emailId: ID, key: 'one' });
    expect(event).toMatchObject({ kind, emailId: ID, recipient: 'ada@example.com' });
    expect(event!.reason).toBe(reason);
    expect(Math.abs(event!.occurredAt.getTime() - now.getTime())).toBeLessThan(1_000);
  });

  it('delay → deferred', () => {
    expect(read(sender, { what: 'delay', recipient: 'ada@example.com' })).toMatchObject([{ kind: 'deferred' }]);
  });

  it('an opened mail is none of our business', () => {
    const events = read(sender, { what: 'opened', recipient: 'ada@example.com' });
    expect(events.filter(({ kind }) => kind !== 'ignored')).toEqual([]);
  });

  it('the same event told twice has one key, and another event another', () => {
    const keyOf = (key: string): string =>
      read(sender, { what: 'delivered', recipient: 'ada@example.com', key, providerMessageId: '7' })[0]!.dedupeKey;
    expect(keyOf('one')).toBe(keyOf('one'));
    expect(keyOf('one')).not.toBe(keyOf('two'));
  });

  it('carries the words of the server that refused', () => {
    expect(read(sender, { what: 'hard bounce', recipient: 'ada@example.com' })[0]!.detail).toMatch(
      /no such user|5\.1\.1/,
    );
  });
});

describe('whose fault a bounce is', () => {
  const table: [string, ProviderEvent[], string, string | undefined][] = [
    [
      'SendGrid: blocked',
      reading(sendgrid)([{ event: 'bounce', type: 'blocked', reason: '554 5.7.1 listed' }]),
      'bounced',
      'blocked',
    ],
    [
      'SendGrid: a bounce by policy',
      reading(sendgrid)([{ event: 'bounce', type: 'bounce', reason: '550 5.7.1 not welcome' }]),
      'bounced',
      'blocked',
    ],
    [
      'SendGrid: a full mailbox',
      reading(sendgrid)([{ event: 'bounce', type: 'bounce', reason: '552 5.2.2 full' }]),
      'bounced',
      'other',
    ],
    [
      'SendGrid: a mailbox over its rate',
      reading(sendgrid)([
        { event: 'bounce', type: 'bounce', reason: '550 5.2.1 The user is receiving mail at a rate that prevents' },
      ]),
      'bounced',
      'other',
    ],
    [
      'SendGrid: a sender that is refused in words alone',
      reading(sendgrid)([{ event: 'bounce', type: 'bounce', reason: '550 Sender address is not allowed.' }]),
      'bounced',
      'blocked',
    ],
    [
      'Mailgun: a list of hosts, in words alone',
      reading(mailgun)({
        'event-data': {
          event: 'failed',
          severity: 'permanent',
          reason: 'bounce',
          'delivery-status': { message: '554 Service unavailable; Client host blocked using Barracuda Reputation' },
        },
      }),
      'bounced',
      'blocked',
    ],
    [
      'SendGrid: a list of hosts, with the code of a mailbox that was shut',
      reading(sendgrid)([
        { event: 'bounce', type: 'bounce', reason: '550 5.2.1 Mailbox unavailable. Your IP address is blacklisted.' },
      ]),
      'bounced',
      'blocked',
    ],
    [
      'SendGrid: a mailbox that was shut',
      reading(sendgrid)([
        { event: 'bounce', type: 'bounce', reason: '550 5.2.1 The email account that you tried to reach is disabled.' },
      ]),
      'bounced',
      'bounced',
    ],
    [
      'SendGrid: what is taken for spam, in words alone',
      reading(sendgrid)([
        { event: 'bounce', type: 'bounce', reason: '550 Message rejected as spam by Content Filtering.' },
      ]),
      'bounced',
      'blocked',
    ],
    [
      'Mailgun: a host without a name, in words alone',
      reading(mailgun)({
        'event-data': {
          event: 'failed',
          severity: 'permanent',
          reason: 'bounce',
          'delivery-status': { message: '554-No SMTP service\n554-Bad DNS PTR resource record.' },
        },
      }),
      'bounced',
      'blocked',
    ],
    [
      'Mailgun: a mailbox that is not there, in words alone',
      reading(mailgun)({
        'event-data': {
          event: 'failed',
          severity: 'permanent',
          reason: 'bounce',
          'delivery-status': { message: '550 Requested action not taken: mailbox unavailable' },
        },
      }),
      'bounced',
      'bounced',
    ],
    [
      'SendGrid: dropped as bounced before',
      reading(sendgrid)([{ event: 'dropped', reason: 'Bounced Address' }]),
      'rejected',
      'bounced',
    ],
    [
      'SendGrid: dropped as unsubscribed',
      reading(sendgrid)([{ event: 'dropped', reason: 'Unsubscribed Address' }]),
      'rejected',
      'unsubscribed',
    ],
    ['SendGrid: left a group', reading(sendgrid)([{ event: 'group_unsubscribe' }]), 'unsubscribed', 'unsubscribed'],
    [
      'Mailgun: suppressed',
      reading(mailgun)({ 'event-data': { event: 'failed', severity: 'permanent', reason: 'suppress-bounce' } }),
      'rejected',
      'bounced',
    ],
    [
      'Mailgun: permanent, nobody says why',
      reading(mailgun)({ 'event-data': { event: 'failed', severity: 'permanent', reason: 'generic' } }),
      'bounced',
      'other',
    ],
    [
      'Mailgun: too old',
      reading(mailgun)({ 'event-data': { event: 'failed', severity: 'permanent', reason: 'old' } }),
      'bounced',
      'timed_out',
    ],
    [
      'Mailgun: blocked by policy',
      reading(mailgun)({
        'event-data': {
          event: 'failed',
          severity: 'permanent',
          reason: 'bounce',
          'delivery-status': { 'enhanced-code': '5.7.26' },
        },
      }),
      'bounced',
      'blocked',
    ],
    [
      'Mailgun: refused to send',
      reading(mailgun)({ 'event-data': { event: 'rejected', reject: { reason: 'virus' } } }),
      'rejected',
      'other',
    ],
    [
      'Resend: transient',
      reading(resend)({ type: 'email.bounced', data: { bounce: { type: 'Transient', subType: 'MailboxFull' } } }),
      'deferred',
      'other',
    ],
    [
      'Resend: suppressed',
      reading(resend)({ type: 'email.bounced', data: { bounce: { type: 'Permanent', subType: 'Suppressed' } } }),
      'rejected',
      'bounced',
    ],
    [
      'Resend: undetermined',
      reading(resend)({ type: 'email.bounced', data: { bounce: { type: 'Undetermined' } } }),
      'bounced',
      'other',
    ],
    [
      'Resend: failed',
      reading(resend)({ type: 'email.failed', data: { failed: { reason: 'reached_daily_quota' } } }),
      'rejected',
      'other',
    ],
    ['Postmark: soft', reading(postmark)({ RecordType: 'Bounce', Type: 'SoftBounce' }), 'deferred', 'other'],
    ['Postmark: as spam', reading(postmark)({ RecordType: 'Bounce', Type: 'SpamNotification' }), 'bounced', 'blocked'],
    [
      'Postmark: no address',
      reading(postmark)({ RecordType: 'Bounce', Type: 'BadEmailAddress' }),
      'rejected',
      'invalid',
    ],
    [
      'Postmark: unsubscribed',
      reading(postmark)({
        RecordType: 'SubscriptionChange',
        SuppressSending: true,
        SuppressionReason: 'ManualSuppression',
      }),
      'unsubscribed',
      'unsubscribed',
    ],
    ['Brevo: soft', reading(brevo)({ event: 'soft_bounce' }), 'deferred', 'other'],
    ['Brevo: blocked', reading(brevo)({ event: 'blocked' }), 'rejected', 'blocked'],
    ['Brevo: no address', reading(brevo)({ event: 'invalid_email' }), 'rejected', 'invalid'],
    ['Mailjet: soft', reading(mailjet)({ event: 'bounce', hard_bounce: false }), 'deferred', 'other'],
    [
      'Mailjet: quota',
      reading(mailjet)({ event: 'bounce', hard_bounce: true, error: 'quota exceeded' }),
      'bounced',
      'other',
    ],
    [
      'Mailjet: blocked before sending',
      reading(mailjet)([{ event: 'blocked', error: 'preblocked' }]),
      'rejected',
      'blocked',
    ],
    ['Mailjet: unsubscribed', reading(mailjet)([{ event: 'unsub' }]), 'unsubscribed', 'unsubscribed'],
  ];

  it.each(table)('%s', (_, events, kind, reason) => {
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ kind, reason });
  });

  const notified = (content: object): ProviderEvent[] =>
    reading(ses)({ Type: 'Notification', MessageId: 'm', Message: JSON.stringify(content) });

  it.each([
    ['transient', { bounceType: 'Transient', bounceSubType: 'MailboxFull' }, 'deferred', 'other'],
    [
      'on the account’s list',
      { bounceType: 'Permanent', bounceSubType: 'OnAccountSuppressionList' },
      'rejected',
      'bounced',
    ],
    ['undetermined', { bounceType: 'Undetermined' }, 'bounced', 'other'],
  ])('SES: %s', (_, bounce, kind, reason) => {
    const events = notified({
      notificationType: 'Bounce',
      bounce: { ...bounce, bouncedRecipients: [{ emailAddress: 'Ada <ada@example.com>' }] },
    });
    expect(events).toMatchObject([{ kind, reason, recipient: 'ada@example.com' }]);
  });

  it('SES: one event for each recipient, with keys of their own', () => {
    const events = notified({ eventType: 'Delivery', delivery: { recipients: ['a@example.com', 'b@example.com'] } });
    expect(events.map(({ recipient, dedupeKey }) => [recipient, dedupeKey])).toEqual([
      ['a@example.com', 'm:0'],
      ['b@example.com', 'm:1'],
    ]);
  });
});

describe('where the ids are', () => {
  it('SendGrid: the beginning of its message id is what the send answered', () => {
    expect(
      reading(sendgrid)([
        {
          event: 'delivered',
          sg_message_id: '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
          'smtp-id': `<${ID}@example.com>`,
        },
      ]),
    ).toMatchObject([{ providerMessageId: '14c5d75ce93.dfd.64b469', messageId: `${ID}@example.com` }]);
  });

  it('Resend: tags are a list in the documentation and an object in its examples', () => {
    const content = (tags: unknown): object => ({
      type: 'email.delivered',
      data: { email_id: 'e', to: ['a@example.com'], tags },
    });
    expect(reading(resend)(content([{ name: 'otpost_id', value: ID }]))[0]!.emailId).toBe(ID);
    expect(reading(resend)(content({ otpost_id: ID }))[0]!.emailId).toBe(ID);
  });

  it.each([[ID], [`otpost_id:${ID}`], [`{"otpost_id":"${ID}"}`], [`{"a":1,"otpost_id": "${ID}"}`]])(
    'Brevo: %s',
    (custom) => {
      expect(reading(brevo)({ event: 'delivered', 'X-Mailin-custom': custom })[0]!.emailId).toBe(ID);
    },
  );

  it.each([['order 7'], [`other_id:${ID}`], [`${ID}0`], ['']])('Brevo: none in "%s"', (custom) => {
    expect(reading(brevo)({ event: 'delivered', 'X-Mailin-custom': custom })[0]!.emailId).toBeUndefined();
  });

  it('Mailjet: to the last digit', () => {
    const body = Buffer.from('{"event":"sent","MessageID": 1152921529342344123,"Payload":"{\\"MessageID\\":1}"}');
    expect(mailjet.read({ headers: {}, body, now })[0]!.providerMessageId).toBe('1152921529342344123');
  });
});

describe('what is not as documented', () => {
  const odd = [
    null,
    [],
    7,
    'text',
    [null, 7, 'x', []],
    {},
    { event: 7 },
    { type: 7, data: 7 },
    { RecordType: [] },
    { 'event-data': [], signature: null },
  ];

  it.each(Object.entries(readers))('is no event of %s', (_, reader) => {
    for (const content of odd) expect(reading(reader)(content).filter(({ kind }) => kind !== 'ignored')).toEqual([]);
  });

  it('is no event of ses', () => {
    const contents = [
      ...odd,
      { eventType: 'Bounce' },
      { eventType: 'Bounce', bounce: { bouncedRecipients: 'x' } },
      { eventType: 'Delivery', delivery: null },
    ];
    for (const content of contents)
      expect(reading(ses)({ Type: 'Notification', Message: JSON.stringify(content) })).toEqual([]);
    expect(
      reading(ses)({
        Type: 'Notification',
        Message: 'Successfully validated SNS topic for Amazon SES event publishing.',
      }),
    ).toEqual([]);
    expect(reading(ses)({ Type: 'Notification' })).toEqual([]);
  });

  it('is left out of an event, and the event stays', () => {
    expect(
      reading(sendgrid)([
        { event: 'delivered', timestamp: 'soon', email: 7, otpost_id: {}, sg_message_id: 'x'.repeat(2_000) },
      ]),
    ).toMatchObject([{ kind: 'delivered', occurredAt: now, emailId: undefined, providerMessageId: undefined }]);
  });
});
