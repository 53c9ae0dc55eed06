import fc from 'fast-check';
import { EmailStatus } from '../../../../src/generated/prisma/enums.js';
import type { MessageRow } from '../../../../src/mail/outbox/records.js';
import {
  emailOf,
  listItemOf,
  readEmail,
  readListQuery,
  readReschedule,
} from '../../../../src/mail/resend-door/resend-policy.js';
import { isToldToResend, lastEventOf, resendBodyOf, tagsOf } from '../../../../src/mail/webhooks/resend-form-policy.js';
import { SEED, sized } from '../../../support/faults/fault-form.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const MAIL = { from: 'a@example.com', to: 'b@example.com', subject: 's', html: 'h' };
const ID = '01a1b2c3-0000-7000-8000-000000000001';

function read(more: object): Record<string, unknown> {
  const result = readEmail({ ...MAIL, ...more }, NOW);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.message;
}

function faults(body: unknown): string[] {
  const result = readEmail(body, NOW);
  return 'faults' in result ? result.faults.map(({ field, code }) => `${field} ${code}`) : [];
}

describe("a request as Resend's SDKs form it", () => {
  it('has the members of ours by other names', () => {
    expect(read({ reply_to: ['c@example.com'], cc: 'd@example.com', headers: { 'X-A': '1' } })).toMatchObject({
      ...MAIL,
      replyTo: ['c@example.com'],
      cc: 'd@example.com',
      headers: { 'X-A': '1' },
    });
  });

  it.each([null, undefined, ''])('takes %p for left out where SDKs have no other way to say it', (nothing) => {
    const members = { reply_to: nothing, text: nothing, scheduled_at: nothing };
    const { replyTo, text, scheduledAt } = read(members);
    expect([replyTo, text, scheduledAt]).toEqual([undefined, undefined, undefined]);
    const template = { id: 'welcome', variables: { n: 7, s: 'x' } };
    expect(read({ from: nothing, subject: nothing, html: nothing, template })).toMatchObject({
      from: undefined,
      subject: undefined,
      template: 'welcome',
      variables: { n: '7', s: 'x' },
    });
  });

  it('says at once all that is missing, and what is unknown', () => {
    expect(faults({})).toEqual(['to required', 'subject required', 'html required']);
    expect(faults({ template: {} })).toEqual(['to required', 'template required']);
    expect(faults({ ...MAIL, replyTo: 'x', toString: 1, template: { id: 'a', locale: 'de' } })).toEqual([
      'replyTo unknown_field',
      'toString unknown_field',
      'template.locale unknown_field',
    ]);
    for (const body of [null, [], 'x', 7, undefined]) expect(faults(body)).toEqual(['body not_an_object']);
  });

  it.each([
    ['in 1 min', 60],
    ['in 90 seconds', 90],
    ['In an hour', 3_600],
    [' in 2 days ', 172_800],
    ['in 1 week', 604_800],
  ])('reads %p', (words, seconds) => {
    expect(read({ scheduled_at: words })['scheduledAt']).toBe(new Date(NOW.getTime() + seconds * 1_000).toISOString());
  });

  it('compares a repeat by the words, for their moment is another one each time', () => {
    const asked = (now: Date) => readEmail({ ...MAIL, scheduled_at: 'in 1 min' }, now);
    const [first, second] = [asked(NOW), asked(new Date(NOW.getTime() + 1))] as { message: object; compared: object }[];
    expect(first!.compared).toEqual(second!.compared);
    expect(first!.message).not.toEqual(second!.message);
  });

  it.each(['tomorrow', 'in 1 month', 'in min', '2030-01-31', '2030-01-31T09:00', 7, {}])('refuses %p', (words) => {
    expect(faults({ ...MAIL, scheduled_at: words })).toEqual(['scheduled_at date_time']);
  });

  it.each([
    ['base64', 'SGk='],
    ['base64 in lines', 'SG\r\nk=\n'],
    ['a list of bytes', [72, 105]],
    ['a Buffer', { type: 'Buffer', data: [72, 105] }],
  ])('takes a file as %s', (_, content) => {
    const attachments = [{ filename: 'a.txt', content, content_type: 'text/plain', content_id: 'a' }];
    expect(read({ attachments })['attachments']).toEqual([
      { filename: 'a.txt', content: 'SGk=', contentType: 'text/plain', contentId: 'a' },
    ]);
  });

  it('gives a file a name that has none, and reads the names that other SDKs have for its members', () => {
    const attachments = [
      { content: [0], contentType: 'text/plain', inline_content_id: 'a' },
      { filename: false, content: '' },
    ];
    expect(read({ attachments })['attachments']).toEqual([
      { filename: 'attachment-1', content: 'AA==', contentType: 'text/plain', contentId: 'a' },
      { filename: 'attachment-2', content: '' },
    ]);
  });

  it('fetches nothing, and takes no bytes that are none', () => {
    const attachments = [
      { filename: 'a', path: 'https://example.com/a' },
      { filename: 'b' },
      { filename: 'c', content: [256] },
      { filename: 'd', content: [1.5] },
      { filename: 'e', content: { type: 'Buffer', data: 'AA==' } },
      'f',
      { filename: 'g', content: '', disposition: 'inline' },
    ];
    expect(faults({ ...MAIL, attachments })).toEqual([
      'attachments.0.path not_fetched',
      'attachments.1.content required',
      'attachments.2.content invalid_content',
      'attachments.3.content invalid_content',
      'attachments.4.content invalid_content',
      'attachments.5 not_an_object',
      'attachments.6.disposition unknown_field',
    ]);
    expect(faults({ ...MAIL, attachments: {} })).toEqual(['attachments is_array']);
  });

  it('keeps tags as they were given', () => {
    const tags = [
      { name: 'zebra', value: '1' },
      { name: 'b', value: 'x'.repeat(256) },
      { name: 'a', value: '' },
      { name: 'cc', value: '3' },
    ];
    const kept = read({ tags }) as { tags: string[]; metadata: Record<string, string> };
    expect(kept.tags).toEqual(['zebra:1', 'a:', 'cc:3']);
    expect(kept.metadata).toEqual({ zebra: '1', b: 'x'.repeat(256), a: '', cc: '3' });
    // As jsonb has them: the shorter names first.
    const sorted = Object.fromEntries(
      Object.entries(kept.metadata).sort(([x], [y]) => x.length - y.length || (x < y ? -1 : 1)),
    );
    expect(tagsOf(kept.tags, sorted)).toEqual([tags[0], tags[2], tags[3], tags[1]]);
    expect(tagsOf(['invoice', 'a:1'], { a: '1' })).toEqual([
      { name: 'a', value: '1' },
      { name: 'invoice', value: '' },
    ]);
  });

  it.each([
    [['a']],
    [[{ name: 'a b', value: '1' }]],
    [[{ value: '1' }]],
    [[{ name: 'a', value: 1 }]],
    [[{ name: 'constructor', value: '' }]],
  ])('refuses tags such as %j', (tags) => expect(faults({ ...MAIL, tags })).toEqual(['tags.0 invalid_tag']));
});

describe('whatever is sent', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('', null, [], {}, 'in 1 min', { type: 'Buffer' }),
  );
  const list = fc.array(
    fc.dictionary(fc.constantFrom('name', 'value', 'content', 'filename', 'path', 'constructor'), value),
  );
  const names =
    'from to subject html text cc bcc reply_to headers attachments tags scheduled_at template topic_id x'.split(' ');
  const body = fc.oneof(value, fc.dictionary(fc.constantFrom(...names, 'toString'), fc.oneof(value, list)));

  it('is translated or refused, and never thrown over', () => {
    fc.assert(
      fc.property(body, (sent) => {
        const result = readEmail(sent, NOW);
        if ('faults' in result) expect(result.faults.length).toBeGreaterThan(0);
        else expect(result.message).toHaveProperty('to');
        expect(() => readReschedule(sent, ID, NOW)).not.toThrow();
      }),
      { seed: SEED, numRuns: sized(2_000, 50_000) },
    );
  });
});

describe('another time for a message', () => {
  it('may come with its id once more', () => {
    const scheduled_at = '2026-12-01T00:00:00Z';
    for (const more of [{}, { id: ID }, { email_id: ID }])
      expect(readReschedule({ ...more, scheduled_at }, ID, NOW)).toEqual({ scheduledAt: new Date(scheduled_at) });
    for (const more of [{ id: 'another' }, { subject: 'x' }])
      expect(readReschedule({ ...more, scheduled_at }, ID, NOW)).toMatchObject({ faults: [{ code: 'unknown_field' }] });
    expect(readReschedule({ scheduled_at: null }, ID, NOW)).toMatchObject({ faults: [{ code: 'required' }] });
    expect(readReschedule([], ID, NOW)).toMatchObject({ faults: [{ code: 'not_an_object' }] });
  });
});

describe('a page of the list', () => {
  it.each([
    [{}, { limit: 20, direction: 'older', after: undefined }],
    [
      { limit: '100', after: ID },
      { limit: 100, direction: 'older', after: ID },
    ],
    [{ before: ID }, { limit: 20, direction: 'newer', after: ID }],
  ])('is asked for by %j', (query, bounds) => expect(readListQuery(query)).toEqual(bounds));

  it.each([
    { limit: '0' },
    { limit: 'x' },
    { limit: ['1', '2'] },
    { after: '1' },
    { after: ID, before: ID },
    { status: 'sent' },
  ])('is not asked for by %j', (query) => expect(readListQuery(query)).toHaveProperty('faults'));
});

const ROW = {
  id: ID,
  messageId: `<${ID}@example.com>`,
  fromAddress: 'a@example.com',
  subject: null,
  replyTo: null,
  createdAt: NOW,
  scheduledAt: null,
  status: 'unknown',
  tags: [],
  metadata: null,
} as unknown as MessageRow;
const SHOWN = [
  { kind: 'to', name: 'Ada', address: 'ada@example.com' },
  { kind: 'bcc', name: '', address: 'bob@example.com' },
] as const;

describe('an answer in their form', () => {
  it('has a text where some of them read no null, and says what their words do not', () => {
    expect(listItemOf(ROW, SHOWN)).toEqual({
      id: ID,
      message_id: `<${ID}@example.com>`,
      from: 'a@example.com',
      to: ['"Ada" <ada@example.com>'],
      cc: [],
      bcc: ['bob@example.com'],
      reply_to: [],
      subject: '',
      created_at: '2026-11-29T12:00:00.000Z',
      scheduled_at: null,
      last_event: 'sent',
      otpost_status: 'unknown',
    });
  });

  it('has the words that may be told', () => {
    expect(emailOf(ROW, SHOWN, undefined)).toMatchObject({
      object: 'email',
      subject: '',
      html: null,
      text: null,
      tags: [],
    });
    const words = { subject: 's', text: 't', html: 'h', replyTo: ['c@example.com', 'd@example.com'] };
    expect(emailOf({ ...ROW, status: 'sent' }, SHOWN, words)).toMatchObject({
      ...{ subject: 's', text: 't', html: 'h', reply_to: words.replyTo, last_event: 'sent' },
    });
    expect(emailOf({ ...ROW, status: 'sent' }, SHOWN, words)).not.toHaveProperty('otpost_status');
  });

  /** What `last_event` of resend-node may be (6.38.0). */
  const THEIRS =
    'bounced canceled clicked complained delivered delivery_delayed failed opened queued scheduled sent suppressed';
  it.each(Object.values(EmailStatus))('has a word for %s that is theirs', (status) => {
    expect(THEIRS.split(' ')).toContain(lastEventOf(status));
  });
});

describe('a webhook in their form', () => {
  const event = {
    ...{
      at: NOW,
      emailId: ID,
      messageId: '<m>',
      from: 'a@example.com',
      to: 'b@example.com',
      subject: null,
      createdAt: NOW,
    },
    ...{ template: 'welcome', reply: '550 no', errorCode: 'smtp_550', tags: [], metadata: { order: '1' } },
  };
  it.each([
    ['bounced', { bounce: { message: '550 no', type: 'Permanent', subType: 'General' } }],
    ['failed', { failed: { reason: 'smtp_550' } }],
    ['expired', { failed: { reason: 'smtp_550' } }],
    ['suppressed', { suppressed: { message: '550 no', type: 'smtp_550' } }],
    ['unknown', { otpost_status: 'unknown' }],
    ['deferred', {}],
  ] as const)('tells why: %s', (status, more) => {
    expect(resendBodyOf({ ...event, status })).toEqual({
      type: `email.${lastEventOf(status)}`,
      created_at: NOW.toISOString(),
      data: {
        ...{
          created_at: NOW.toISOString(),
          email_id: ID,
          message_id: '<m>',
          from: 'a@example.com',
          to: ['b@example.com'],
        },
        ...{ subject: '', template_id: 'welcome', tags: { order: '1' } },
        ...more,
      },
    });
  });

  /** `WebhookEvent` of resend-node (6.38.0), as far as it is of messages that are sent. */
  const TYPES = 'sent scheduled delivered delivery_delayed complained bounced failed suppressed'.split(' ');
  it('is sent of their events alone', () => {
    const told = Object.values(EmailStatus).filter(isToldToResend);
    expect([...new Set(told.map(lastEventOf))].sort()).toEqual([...TYPES].sort());
  });
});
