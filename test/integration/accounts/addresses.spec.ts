import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('an address', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let people: Visitors;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url });
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  it('is one in any case, and mail goes to it as its owner wrote it', async () => {
    const first = await people.signUp('Mary.Ward@example.com');
    const { body } = await people.ask('login', 'mary.WARD@EXAMPLE.com');
    expect((await people.mailOf(body)).to).toEqual(['Mary.Ward@example.com']);
    expect((await people.verify(body, await people.codeOf(body))).body.account.id).toBe(first.account.id);
  });

  it('is one in letters of its language and in punycode', async () => {
    const first = await people.signUp('ida@bücher.example');
    expect((await people.signInByCode('ida@xn--bcher-kva.example')).account.id).toBe(first.account.id);
  });

  it('with a tag is another one than without', async () => {
    const [plain, tagged] = [await people.signUp('rosa@example.com'), await people.signUp('rosa+shop@example.com')];
    expect(plain.account.id).not.toBe(tagged.account.id);
  });

  it('with dots is another one than without, whatever some providers make of it', async () => {
    const [dots, none] = [await people.signUp('b.e.a@gmail.com'), await people.signUp('bea@gmail.com')];
    expect(dots.account.id).not.toBe(none.account.id);
  });

  const REFUSED: [string, unknown][] = [
    ['a KELVIN SIGN for a k', '\u212Aate@example.com'],
    ['a dotless i', 'm\u0131ke@example.com'],
    ['a full-width letter', '\uFF41da@example.com'],
    ['a trailing dot', 'ada@example.com.'],
    ['a line break and a header', 'ada@example.com\r\nBcc: eve@example.com'],
    ['a line break before the @', 'ada\n@example.com'],
    ['a null', 'ada\u0000@example.com'],
    ['a null in its domain', 'ada@example\u0000.com'],
    ['10,000 characters', `${'a'.repeat(10_000)}@example.com`],
    ['255 characters', `${'a'.repeat(243)}@example.com`],
    ['a second @', 'ada@evil.example@example.com'],
    ['no @', 'ada.example.com'],
    ['two addresses', 'ada@example.com, eve@example.com'],
    ['a name', 'Ada <ada@example.com>'],
    ['needless quotes', '"victim"@example.com'],
    ['quotes and blanks', '" victim "@example.com'],
    ['quotes and a control character', '"bo\u0001mb"@example.com'],
    ['half of a surrogate pair', '\ud800'],
    ['a list', ['ada@example.com', 'eve@example.com']],
    ['an object', { $ne: null }],
    ['a number', 7],
    ['nothing', null],
  ];

  it.each(
    REFUSED.flatMap(([what, email]) =>
      ['/v1/accounts', '/v1/otp', '/v1/sessions'].map((path) => [what, path, email] as const),
    ),
  )('with %s gets a 422 at %s', async (_, path, email) => {
    const more =
      path === '/v1/otp'
        ? { purpose: 'login' }
        : path === '/v1/sessions'
          ? { password: 'seventeen green bottles' }
          : {};
    const { status, body } = await otpost.api.post<ProblemBody>(path, { email, ...more });
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([422, 'validation_failed', 'email']);
  });

  it('that was refused caused no mail', () => {
    expect(sink.received.flatMap(({ to }) => to).filter((to) => /eve|evil|victim|\u212A/.test(to))).toEqual([]);
  });
});
