import type { TemplateFacts } from '../../../../src/mail/content/template-policy.js';
import { draftOf, type SubmittedMessage } from '../../../../src/mail/submission/draft-policy.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const PLAIN: SubmittedMessage = { to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' };
const TEMPLATE: SubmittedMessage = { to: 'ada@example.com', template: 'welcome', variables: { name: 'Ada' } };
const NO_WORDS = { subject: undefined, text: undefined };
const NAME = { required: true, secret: false, sample: 'Ada', description: 'Whom it greets' };
const WELCOME: TemplateFacts = {
  ...{ lane: 'bulk', secret: false, tellsExpiry: false },
  variables: {
    name: { ...NAME, type: 'line' },
    link: { ...NAME, type: 'link', required: false },
  },
};
const TEMPLATES = new Map<string, TemplateFacts>([
  ['welcome', WELCOME],
  ['sign-in-code', { ...WELCOME, lane: 'critical', secret: true, tellsExpiry: true }],
]);
const numbered = (count: number, of: (n: number) => string) => Array.from({ length: count }, (_, n) => of(n));

function draft(more: Partial<SubmittedMessage> = {}, base = PLAIN) {
  const read = draftOf({ ...base, ...more }, TEMPLATES, NOW);
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return read.draft;
}

function faults(more: Partial<SubmittedMessage>, base = PLAIN): string[] {
  const read = draftOf({ ...base, ...more }, TEMPLATES, NOW);
  return 'faults' in read ? read.faults.map(({ field, code }) => `${field}: ${code}`) : [];
}

describe('a submitted message', () => {
  it('is a draft with what is usual where nothing else is said', () => {
    const ada = { kind: 'to', name: '', address: 'ada@example.com', canonical: 'ada@example.com' };
    expect(draft()).toEqual({
      lane: 'default',
      to: [ada],
      content: { kind: 'raw', subject: 'Hello', text: 'Hello, Ada.' },
      locale: 'en',
      maxAttempts: 13,
    });
  });

  it('is a draft with all that it says', () => {
    const all = draft({
      to: ['Ada <ada@example.com>'],
      cc: 'grace@example.com',
      from: 'Post <post@example.com>',
      replyTo: ['help@example.com', 'Sales <sales@example.com>'],
      html: '<p>Hello</p>',
      headers: { 'X-One': 'a' },
      lane: 'bulk',
      scheduledAt: '2026-11-30T12:00:00Z',
      expiresAt: '2026-12-01T12:00:00Z',
      maxAttempts: 3,
      tags: ['news', 'news', 'november'],
      metadata: { order: '4711' },
      unsubscribe: false,
    });
    expect(all).toMatchObject({
      to: [
        { kind: 'to', name: 'Ada' },
        { kind: 'cc', name: '' },
      ],
      from: '"Post" <post@example.com>',
      replyTo: ['help@example.com', '"Sales" <sales@example.com>'],
      content: { kind: 'raw', html: '<p>Hello</p>' },
      headers: { 'X-One': 'a' },
      lane: 'bulk',
      scheduledAt: new Date('2026-11-30T12:00:00Z'),
      expiresAt: new Date('2026-12-01T12:00:00Z'),
      maxAttempts: 3,
      tags: ['news', 'november'],
      metadata: { order: '4711' },
      unsubscribe: false,
    });
  });

  it('is due at once where its time is over', () => {
    expect(draft({ scheduledAt: '2026-11-29T11:59:59Z' })).not.toHaveProperty('scheduledAt');
  });

  it('keeps what is not as its lane has it, and no more', () => {
    expect(draft({ lane: 'bulk', unsubscribe: true })).not.toHaveProperty('unsubscribe');
    expect(draft({ lane: 'default', unsubscribe: false })).not.toHaveProperty('unsubscribe');
    expect(draft({ lane: 'default', unsubscribe: true })).toMatchObject({ unsubscribe: true });
  });

  it('has a template in place of words, secret where it carries a code', () => {
    expect(draft({}, TEMPLATE).content).toEqual({
      kind: 'template',
      template: 'welcome',
      variables: { name: 'Ada' },
      secret: false,
    });
    const code = { template: 'sign-in-code', expiresAt: '2026-11-30T12:00:00Z' };
    expect(draft(code, TEMPLATE).content).toMatchObject({ secret: true });
  });

  it('goes in the lane of its template, unless it names one', () => {
    expect(draft({}, TEMPLATE).lane).toBe('bulk');
    expect(draft({ lane: 'critical' }, TEMPLATE).lane).toBe('critical');
  });

  it.each<[Record<string, unknown>, string[]]>([
    [{}, ['variables.name: required']],
    [{ name: '' }, ['variables.name: required']],
    [{ name: null }, ['variables.name: invalid_line']],
    [{ name: 7 }, ['variables.name: invalid_line']],
    [{ name: ['Ada'] }, ['variables.name: invalid_line']],
    [{ name: 'Ada\r\nBcc: eve@example.com' }, ['variables.name: invalid_line']],
    [{ name: 'a'.repeat(501) }, ['variables.name: invalid_line']],
    [{ name: 'Ada', link: '' }, []],
    [{ name: 'Ada', link: 'https://example.com/l/1' }, []],
    [{ name: 'Ada', link: 'javascript:alert(1)' }, ['variables.link: invalid_link']],
    [{ name: 'Ada', link: 'https://example.com/ a' }, ['variables.link: invalid_link']],
    [{ name: 'Ada', link: `https://example.com/${'a'.repeat(2_000)}` }, ['variables.link: invalid_link']],
    [{ name: 'Ada', Name: 'Ada' }, ['variables.Name: unknown_variable']],
    [{ name: 'Ada', constructor: 'x' }, ['variables.constructor: unknown_variable']],
    [
      JSON.parse('{"name":"Ada","__proto__":{"a":1}}') as object as Record<string, unknown>,
      ['variables.__proto__: unknown_variable'],
    ],
    [{ surname: 'L' }, ['variables.name: required', 'variables.surname: unknown_variable']],
  ])('gives its template what that declares, and nothing else: %j', (variables, expected) => {
    expect(faults({ variables }, TEMPLATE)).toEqual(expected);
  });

  it('names the first of many unknown variables, and no more', () => {
    const variables = Object.fromEntries(numbered(1_000, (n) => `v${n}`).map((name) => [name, 'x']));
    expect(faults({ variables: { name: 'Ada', ...variables } }, TEMPLATE)).toHaveLength(20);
  });

  it.each<[Partial<SubmittedMessage>, string[]]>([
    [{ to: [] }, ['to: required']],
    [{ to: 'ada' }, ['to: invalid_address']],
    [{ cc: ['grace@example.com', 'b'] }, ['cc.1: invalid_address']],
    [{ bcc: 'b' }, ['bcc: invalid_address']],
    [{ to: numbered(51, (n) => `ada${n}@example.com`) }, ['to: too_many_recipients']],
    [{ from: 'post' }, ['from: invalid_address']],
    [{ from: '' }, ['from: invalid_address']],
    [{ replyTo: 'help' }, ['replyTo: invalid_address']],
    [{ replyTo: ['help@example.com', 'sales'] }, ['replyTo.1: invalid_address']],
    [{ headers: { Bcc: 'b@example.com' } }, ['headers.Bcc: header_not_allowed']],
    [{ subject: undefined }, ['subject: required']],
    [{ text: undefined }, ['text: required']],
    [{ variables: { name: 'Ada' } }, ['variables: only_with_template']],
    [{ ...NO_WORDS, template: 'nowhere' }, ['template: unknown_template']],
    [{ ...NO_WORDS, template: 'toString' }, ['template: unknown_template']],
    [{ ...NO_WORDS, template: 'sign-in-code', variables: { name: 'Ada' } }, ['expiresAt: required']],
    [{ template: 'welcome', variables: { name: 'Ada' }, text: undefined }, ['subject: not_with_template']],
    [{ locale: 'de' }, ['locale: only_with_template']],
    [{ tags: numbered(11, (n) => `t${n}`) }, ['tags: too_many']],
    [{ tags: ['good', ''] }, ['tags.1: invalid_tag']],
    [{ tags: ['a\nb'] }, ['tags.0: invalid_tag']],
    [{ tags: ['t'.repeat(101)] }, ['tags.0: invalid_tag']],
    [{ metadata: Object.fromEntries(numbered(21, String).map((n) => [n, 'a'])) }, ['metadata: too_many']],
    [{ metadata: { ' ': 'a' } }, ['metadata. : invalid_name']],
    [{ metadata: { ['n'.repeat(101)]: 'a' } }, [`metadata.${'n'.repeat(100)}: invalid_name`]],
    [{ metadata: { order: 'a'.repeat(501) } }, ['metadata.order: invalid_value']],
    [{ metadata: { order: 4711 as unknown as string } }, ['metadata.order: invalid_value']],
    [{ scheduledAt: '2028-01-01T00:00:00Z' }, ['scheduledAt: too_far_ahead']],
    [{ expiresAt: '2026-11-29T12:00:00Z' }, ['expiresAt: in_the_past']],
    [{ scheduledAt: '2026-12-02T00:00:00Z', expiresAt: '2026-12-01T00:00:00Z' }, ['expiresAt: before_scheduled_at']],
    [{ unsubscribe: true, cc: 'grace@example.com' }, ['unsubscribe: several_recipients']],
    [{ unsubscribe: true, headers: { 'list-unsubscribe': '<https://a.example>' } }, ['unsubscribe: header_given']],
  ])('is refused: %j', (more, expected) => {
    expect(faults(more)).toEqual(expected);
  });

  it.each(['subject', 'text', 'html'] as const)('is refused with a template and a %s of its own', (field) => {
    expect(faults({ [field]: 'a' }, TEMPLATE)).toEqual([`${field}: not_with_template`]);
  });

  it('is told all its faults at once', () => {
    expect(faults({ to: 'ada', from: 'post', subject: undefined, tags: [''] })).toEqual([
      'to: invalid_address',
      'from: invalid_address',
      'subject: required',
      'tags.0: invalid_tag',
    ]);
  });
});
