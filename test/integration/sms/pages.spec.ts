import { shownNumber } from '../../../src/core/phone-number.js';
import { EN } from '../../../src/http/pages/words/en.js';
import { type Word, WORDS } from '../../../src/http/pages/words.js';
import { RULES } from '../../../src/otp/sms/guard-policy.js';
import { type PageAnswer, PageClient } from '../../support/http/page-client.js';
import { codeByText, textTo } from '../../support/service/captured-texts.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

const TEXTS = { SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'PH' };
const CODE_PAGE = /^\/account\/code\/[\w-]{22}$/;
/** Of mail, and of nothing that goes to a number. */
const OF_MAIL = /e-?mail|spam|inbox|subject/i;

describe('numbers on the pages for people', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let count = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, SMS_SIGN_IN: 'on', ...TEXTS }, clock);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const address = (): string => `mika${++count}@example.com`;
  const number = (): string => `+639${String(180_000_000 + ++count * 10_001)}`;
  const browser = (of = otpost) => new PageClient(of.api.url);

  /** Of the mail whose reference the page shows. */
  async function codeByMail(page: PageClient, path: string): Promise<string> {
    const reference = /reference <b>(\w{4})<\/b>/.exec((await page.get(path)).text)![1]!;
    const { mail } = await eventually(
      () => sink.received.find((one) => one.mail.subject?.includes(reference)),
      `the mail ${reference}`,
    );
    return codeIn(mail.text);
  }

  async function signIn(email = address(), page = browser()): Promise<PageClient> {
    const path = await page.askFor(email);
    expect((await page.post(path, { code: await codeByMail(page, path) })).status).toBe(303);
    return page;
  }

  /** To the page of the code that went to a number. */
  async function toCode(answer: Promise<PageAnswer>): Promise<string> {
    const { status, location, text } = await answer;
    expect([status, status === 303 ? '' : text]).toEqual([303, '']);
    expect(location).toMatch(CODE_PAGE);
    return location!;
  }

  /** Its page, once it says that the text is out. */
  const waiting = (page: PageClient, path: string): Promise<PageAnswer> =>
    eventually(async () => {
      const shown = await page.get(path);
      return shown.text.includes('data-state="sent"') && shown;
    }, 'the page to say that the text was taken');

  async function add(page: PageClient, phone = number()): Promise<string> {
    const path = await toCode(page.post('/account/phone', { phone }));
    const { location } = await page.post(path, { code: await codeByText(otpost.api, phone) });
    expect(location).toBe('/account?done=phone');
    return phone;
  }

  /** What people read. */
  const said = ({ text }: PageAnswer): string =>
    text
      .replaceAll(EN['code.by_mail_instead'], '') // the one thing that may be said of it
      .replaceAll(/<(style|header|footer)[^]*?<\/\1>|data-words="[^"]*"/g, '')
      .replaceAll(/<span data-out="\w+" hidden="">[^]*?<\/span>/g, '')
      .replaceAll(/<[^>]+>/g, ' ');

  it('are added by the code that went there, as phones fill it in', async () => {
    const [page, other, email] = [browser(), browser(), address()];
    await signIn(email, other);
    await signIn(email, page);
    const [phone, before] = [number(), await page.get('/account')];
    expect(before.text).toContain('aria-label="Phone number: Add"');
    const asking = await page.get('/account/phone');
    expect(asking.text).toMatch(/<input id="phone" name="phone" type="tel" autocomplete="tel"/);
    const form = /name="form" value="([\w-]{22})"/.exec(asking.text)![1]!;
    const send = () => toCode(page.post('/account/phone', { form, phone: ` ${shownNumber(phone)} ` }));
    const path = await send();
    expect(await send()).toBe(path); // pressed twice
    const shown = await waiting(page, path);
    expect(shown.text).toContain(`We sent a 6-digit code by SMS to <b>${shownNumber(phone)}</b>.`);
    expect(shown.text).toMatch(/<input [^>]*inputmode="numeric" autocomplete="one-time-code"[^>]* data-otp=""/);
    expect(said(shown)).toContain('The text message is on its way.');
    expect(said(shown)).not.toMatch(OF_MAIL);
    expect((await other.post(path, { code: await codeByText(otpost.api, phone) })).status).toBe(303); // knows nothing of it
    expect((await page.post(path, { code: await codeByText(otpost.api, phone) })).location).toBe('/account?done=phone');
    const sent = await otpost.database.query('SELECT 1 FROM outbound_emails WHERE to_canonical = $1', [phone]);
    expect(sent).toHaveLength(1);
    const { text } = await page.get('/account?done=phone');
    for (const part of ['Your phone number was saved.', shownNumber(phone), 'aria-label="Phone number: Change"'])
      expect(text).toContain(part);
    expect(await other.signedInAs()).toBeUndefined();
  });

  it('sign in and set a new password, in the same words for one that nobody has', async () => {
    const [email, unknown] = [address(), number()];
    const phone = await add(await signIn(email));
    for (const [form, newPassword] of [
      ['/account/sign-in', undefined],
      ['/account/reset', 'seventeen green bottles'],
    ] as const) {
      const answers = [];
      for (const to of [phone, unknown]) {
        const page = browser();
        await page.get(form === '/account/reset' ? form : '/account');
        const path = await toCode(page.post(form, { email: to }));
        const shown = await waiting(page, path);
        const wrong = await page.post(path, { code: '000000', newPassword: 'seventeen green bottles' });
        const blank = (text: string) => text.replaceAll(shownNumber(to), '').replaceAll(/[\w-]{22}/g, '');
        answers.push([shown, wrong].map(({ status, text, headers }) => [status, [...headers.keys()], blank(text)]));
        if (to === unknown) continue;
        const code = await codeByText(otpost.api, phone, newPassword === undefined ? 2 : 3);
        const given = await page.post(path, { code, ...(newPassword === undefined ? {} : { newPassword }) });
        expect([given.status, given.location, await page.signedInAs()]).toEqual([303, '/account', email]);
      }
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[0]![1]![0]).toBe(400);
    }
    expect((await textTo(otpost.api, unknown)).preview).toContain('There is no account with it');
    expect(
      (await browser().post('/account/sign-in/password', { email, password: 'seventeen green bottles' })).status,
    ).toBe(303);
  });

  it('ask for an address or a number in one field, which password managers know', async () => {
    for (const path of ['/account', '/account/reset']) {
      const { text } = await browser().get(path);
      expect(text).toContain('Email address or phone number</label>');
      expect(text).toMatch(/name="email" type="text" inputmode="email" autocomplete="username"/);
    }
  });

  it('are refused beside the field: without a country, of one that gets none, and of a day that had enough', async () => {
    const page = await signIn();
    const closed = number();
    await otpost.database.query(
      `INSERT INTO sms_traffic (day, kind, key, messages, codes, verified) VALUES ($1, 'prefix', $2, $3, $3, 0)`,
      [clock.now().toISOString().slice(0, 10), closed.slice(0, -4), RULES.prefix.free],
    );
    const cases: [string, number, Word][] = [
      ['0917 123 4567', 422, 'sign_in.no_number'],
      ['+1 212 555 0100', 422, 'problem.sms_country.text'],
      [closed, 429, 'problem.sms_limited.text'],
    ];
    for (const [typed, status, word] of cases) {
      for (const [form, field, one] of [
        ['/account/phone', 'phone', page],
        ['/account/sign-in', 'email', browser()],
        ['/account/reset', 'email', browser()],
      ] as const) {
        const refused = await one.post(form, { [field]: typed });
        expect([form, refused.status, refused.headers.has('retry-after')]).toEqual([form, status, status === 429]);
        expect(refused.text).toContain(`id="fault" role="alert">${EN[word]}</p>`);
        expect(refused.text).toContain(`value="${typed}"`);
      }
    }
    expect((await page.post('/account/phone', { phone: 'ada@example.com' })).text).toContain(EN['sign_in.no_number']);
    expect((await browser().post('/account/sign-in', { email: 'ada' })).text).toContain(EN['sign_in.no_address']);
  });

  it('that another account has stay there: its holder is told, and the page says nothing', async () => {
    const phone = await add(await signIn());
    const page = await signIn();
    const path = await toCode(page.post('/account/phone', { phone }));
    expect((await textTo(otpost.api, phone, 2)).preview).toContain('Another account has it already');
    expect((await page.post(path, { code: '000000' })).text).toContain('You have 4 tries left.');
    expect((await page.get('/account')).text).not.toContain(shownNumber(phone));
  });

  it('that another account was faster with are told as taken', async () => {
    const [phone, other, page] = [number(), address(), await signIn()];
    await signIn(other);
    const path = await toCode(page.post('/account/phone', { phone }));
    await otpost.database.query('UPDATE accounts SET phone = $1, phone_verified_at = now() WHERE email = $2', [
      phone,
      other,
    ]);
    const taken = await page.post(path, { code: await codeByText(otpost.api, phone) });
    expect([taken.status, said(taken).includes(EN['problem.phone_taken'])]).toEqual([409, true]);
  });

  it('show that it is still they, where a session is old, and are removed again', async () => {
    const email = address();
    const page = await signIn(email);
    const phone = await add(page);
    clock.advance(11 * 60);
    const first = await page.get('/account/phone');
    expect(first.text).toContain('First, let’s make sure it’s you.');
    expect(first.text).toContain(`Send a code by SMS to ${shownNumber(phone)} instead`);
    expect((await page.post('/account/phone/remove')).text).toContain('First, let’s make sure it’s you.');
    const path = await toCode(page.post('/account/confirm', { next: 'phone', channel: 'sms' }));
    expect((await page.post(path, { code: await codeByText(otpost.api, phone, 2) })).location).toBe('/account/phone');
    expect((await page.get('/account/phone')).text).toContain(`Your number is <b>${shownNumber(phone)}</b>.`);
    expect((await page.post('/account/phone/remove')).location).toBe('/account?done=phone_removed');
    expect(said(await page.get('/account?done=phone_removed'))).toMatch(
      /Your phone number was removed\.[^]*Phone number\s+None/,
    );
    const none = await page.post('/account/confirm', { next: 'phone', channel: 'sms' });
    expect([none.status, said(none).includes(EN['problem.no_phone'])]).toEqual([422, true]);
    const toldBy = (await sink.waitForMailTo(email, 3)).map(({ mail }) => mail.subject);
    expect(toldBy.filter((subject) => subject?.includes('phone number'))).toHaveLength(2);
  });

  it('need the current password where there is one and the session is old', async () => {
    const page = await signIn();
    await page.post('/account/password', { newPassword: 'seventeen green bottles' });
    clock.advance(11 * 60);
    const phone = number();
    expect((await page.post('/account/phone', { phone })).text).toContain('name="currentPassword"');
    const wrong = await page.post('/account/phone', { phone, currentPassword: 'another one' });
    expect([wrong.status, wrong.text.includes(EN['own.wrong_password'])]).toEqual([422, true]);
    await toCode(page.post('/account/phone', { phone, currentPassword: 'seventeen green bottles' }));
  });

  it('get the same code once more, by mail too, and a new one where it is over, whatever it was for', async () => {
    const email = address();
    const page = await signIn(email);
    const phone = await add(page);
    const stranger = browser();
    await stranger.get('/account');
    const path = await toCode(stranger.post('/account/sign-in', { email: phone }));
    const code = await codeByText(otpost.api, phone, 2);
    const early = await stranger.post(`${path}/resend`);
    expect([early.status, said(early).includes(EN['problem.resend_too_soon.sms'])]).toEqual([429, true]);
    expect(said(early)).not.toMatch(OF_MAIL);
    clock.advance(31);
    expect((await stranger.post(`${path}/resend`)).location).toBe(path);
    expect(await codeByText(otpost.api, phone, 3)).toBe(code);
    clock.advance(31);
    expect((await stranger.get(path)).text).toContain(EN['code.by_mail_instead']);
    const byMail = (await stranger.post(`${path}/resend`, { channel: 'email' })).location!;
    expect(said(await stranger.get(byMail))).toContain(EN['code.by_mail']);
    expect((await sink.waitForMailTo(email, 3)).filter(({ mail }) => mail.text!.includes(code))).toHaveLength(1);
    const confirming = await toCode(page.post('/account/confirm', { next: 'delete', channel: 'sms' }));
    const changing = await toCode(page.post('/account/phone', { phone: number() }));
    expect((await page.get(changing)).text).not.toContain(EN['code.by_mail_instead']);
    clock.advance(10 * 60);
    const over = await stranger.get(path);
    expect([over.status, said(over).includes(`It goes to  ${shownNumber(phone)}`)]).toEqual([410, true]);
    const anew = await toCode(stranger.post(`${path}/new`));
    expect((await stranger.post(anew, { code: await codeByText(otpost.api, phone, 5) })).location).toBe('/account');
    expect((await page.post(`${changing}/new`)).location).toBe('/account/phone');
    const again = await toCode(page.post(`${confirming}/new`));
    expect((await page.post(again, { code: await codeByText(otpost.api, phone, 6) })).location).toBe('/account/delete');
  });

  it('that a script guesses at are locked without a word of links', async () => {
    const page = browser();
    await page.get('/account');
    const path = await toCode(page.post('/account/sign-in', { email: number() }));
    let answer = await page.get(path);
    for (let n = 0; n < 5; n++) answer = await page.post(path, { code: '000000' });
    expect([answer.status, said(answer)]).toEqual([429, expect.stringContaining(EN['code.locked_no_link']) as string]);
    expect(said(answer)).not.toMatch(OF_MAIL);
  });

  it.each(['de', 'es', 'fil', 'fr', 'pt'] as const)('are spoken of in %s', async (locale) => {
    const english = Object.values<string>(EN).filter((text) => text.includes(' ') && !/[{<]/.test(text));
    const asks = { 'accept-language': locale };
    const page = browser();
    const expectSpoken = (answer: PageAnswer, word: Word) => {
      expect(answer.text).toContain(WORDS[locale][word]);
      expect(english.filter((sentence) => answer.text.includes(sentence))).toEqual([]);
    };
    expectSpoken(await page.get('/account', asks), 'sign_in.address_or_number');
    expectSpoken(await page.post('/account/sign-in', { email: '0917 123' }, asks), 'sign_in.no_number');
    const path = await toCode(page.post('/account/sign-in', { email: number() }, asks));
    expectSpoken(await page.get(path, asks), 'code.title_sms');
    const signedIn = await signIn();
    expectSpoken(await signedIn.get('/account/phone', asks), 'own.phone_hint');
  });

  it('open nothing unless the operator says so, and stay removable where no codes go by SMS any more', async () => {
    const page = await signIn();
    const phone = await add(page);
    const on = { DATABASE_URL: otpost.database.url, MAIL_TRANSPORTS: sink.url };
    const [closed, mail] = [
      await startOtpost({ ...on, ...TEXTS }, clock),
      await startOtpost({ ...on, SMS_SIGN_IN: 'on' }, clock),
    ];
    try {
      for (const one of [closed, mail]) {
        const stranger = browser(one);
        expect((await stranger.get('/account')).text).toContain('type="email"');
        const refused = await stranger.post('/account/sign-in', { email: phone });
        expect([refused.status, refused.text.includes(EN['problem.sms_sign_in_off.text'])]).toEqual([422, true]);
      }
      const here = Object.assign(browser(closed), { cookies: page.cookies });
      clock.advance(11 * 60);
      expect((await here.get('/account/phone')).text).not.toContain('by SMS to');
      const off = await here.post('/account/confirm', { next: 'phone', channel: 'sms' });
      expect([off.status, said(off).includes(EN['problem.sms_sign_in_off.text'])]).toEqual([422, true]);
      const last = await signIn(address(), browser(mail));
      expect((await last.get('/account')).text).not.toContain('Phone number');
      expect((await last.get('/account/phone')).location).toBe('/account');
      const there = Object.assign(browser(mail), { cookies: page.cookies });
      const proof = await toCode(there.post('/account/confirm', { next: 'phone' }));
      expect((await there.post(proof, { code: await codeByMail(there, proof) })).location).toBe('/account/phone');
      const form = await there.get('/account/phone');
      expect([form.text.includes('name="phone"'), form.text.includes(shownNumber(phone))]).toEqual([false, true]);
      expect((await there.post('/account/phone', { phone: number() })).status).toBe(422);
      expect((await there.post('/account/phone/remove')).location).toBe('/account?done=phone_removed');
    } finally {
      await Promise.all([closed.stop(), mail.stop()]);
    }
  });
});
