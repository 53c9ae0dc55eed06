import fc from 'fast-check';
import { parseEmailAddress } from '../../../src/core/email-address.js';
import { SmtpTransport } from '../../../src/mail/transport/smtp.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { MailBuilder } from '../../../src/mail/transport/wire-form.js';
import { MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';
import { message, only } from '../../unit/mail/transport/message.js';

/** What people, and those who want a second budget for one mailbox, might type. */
const LOCAL = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...'aZ09.!#$%&\'*+/=?^_`{|}~-"\\ @(),:;<>[]\t\r\n\0\x01\x7fé\u212a\u00ad\u200b'),
    minLength: 1,
    maxLength: 12,
  }),
  fc.constantFrom(
    '"victim"',
    '" victim "',
    '"bo\x01mb"',
    '"a\\d\\a"',
    '"a@b"',
    'ada+tag',
    'ada(comment)',
    'a%evil.example',
    'evil.example!ada',
    '=?utf-8?q?ada?=',
    "o'brien",
  ),
);
const DOMAIN = fc.oneof(
  fc
    .array(
      fc.string({
        unit: fc.constantFrom(...'aZ9-_%2e.。．｡ａＥéÜßſİﬁⅷ①\u00ad\u200b\u200d\u2060\u0301אب١रु☃💩\ud800\x00 '),
        minLength: 1,
        maxLength: 8,
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((labels) => `${labels.join('.')}.com`),
  fc.constantFrom(
    'BÜCHER.example',
    'example.com.',
    'example。com',
    'exam\u00adple.com',
    'ｅxample.com',
    'ex%61mple.com',
    '[127.0.0.1]',
    '[IPv6:::1]',
    '127.0.0.1',
    'xn--bcher-kva.example',
    'XN--BCHER-KVA.example',
    'xn--zzzzzz.example',
    'straße.de',
    'example.com(comment)',
    `${'ü'.repeat(63)}.com`,
    `${'a'.repeat(63)}.com`,
    `${'a'.repeat(64)}.com`,
    'localhost',
    'İ.com',
    'ﬀ.com',
  ),
);
const ADDRESS = fc.tuple(LOCAL, DOMAIN).map(([local, domain]) => `${local}@${domain}`);

describe('an address that is accepted', () => {
  let smtp: MisbehavingSmtp;
  let transport: SmtpTransport;

  beforeAll(async () => {
    smtp = await MisbehavingSmtp.start();
    const settings = {
      kind: 'smtp',
      name: 'wire',
      host: '127.0.0.1',
      ports: [{ port: smtp.port, tls: 'off' }],
    } as const;
    transport = new SmtpTransport(
      { ...settings, ports: [...settings.ports] },
      { ordinary: 1, builder: new MailBuilder(undefined), timeouts: TIMEOUTS, helo: 'otpost.example.com' },
    );
  });
  afterAll(async () => {
    await transport.close();
    await smtp.stop();
  });

  /** The recipients that the server was told. */
  async function wire(to: string): Promise<string[]> {
    smtp.lines.length = 0;
    const outcome = await transport.send(message({ ...only(to), replyTo: [] }), async () => undefined);
    expect([to, outcome]).toEqual([to, expect.objectContaining({ kind: 'sent' })]);
    return smtp.lines.flatMap((line) => /^RCPT TO:<(.*)>/.exec(line)?.[1] ?? []);
  }

  async function reachesItself(typed: string): Promise<boolean> {
    const address = parseEmailAddress(typed);
    if (!address) return false;
    const recipients = await wire(address.stored);
    expect([typed, recipients.map((one) => one.toLowerCase())]).toEqual([typed, [address.canonical]]);
    expect([typed, parseEmailAddress(address.stored)]).toEqual([typed, address]);
    expect([typed, parseEmailAddress(address.canonical)?.canonical]).toEqual([typed, address.canonical]);
    return true;
  }

  it.each([
    'Ada.Lovelace+Otpost@Example.COM',
    "o'brien@example.com",
    'a%evil.example@example.com',
    'evil.example!ada@example.com',
    '=?utf-8?q?ada?=@example.com',
    '{a|b}~`^*/$#&?_=@example.com',
    'ada@BÜCHER.example',
    'ada@example。com',
    'ada@exam\u00adple.com',
    'ada@ｅxample.com',
    'ada@straße.de',
    'ada@İ.com',
    'ada@example.рф',
    'ADA@XN--BCHER-KVA.example',
    `${'a'.repeat(64)}@${'b'.repeat(63)}.com`,
  ])('%s goes to the mailbox that its budget and its suppression are of', async (typed) => {
    expect(await reachesItself(typed)).toBe(true);
  });

  it('goes there whatever was typed, and is the same when it is read again', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(ADDRESS, async (typed) => {
        if (await reachesItself(typed)) accepted++;
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});
