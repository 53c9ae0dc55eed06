import { BUILT_IN_LOCALES } from '../../../src/core/locales.js';
import { EN } from '../../../src/http/pages/words/en.js';
import { type Word, WORDS } from '../../../src/http/pages/words.js';
import { linkIn, type PageAnswer, PageClient } from '../../support/http/page-client.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { IssuedBody } from '../../support/service/api.js';
import { AudienceClient } from '../../support/service/audience.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

/** What no page in another language may contain: English sentences, as far as nothing is put into them. */
const ENGLISH = Object.values<string>(EN).filter((text) => text.includes(' ') && !/[{<]/.test(text));

describe.each(['de', 'fil'] as const)('the pages of a browser that asks for %s', (locale) => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let people: Visitors;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, APP_URL: 'http://localhost:3000' });
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const asks = { 'accept-language': `nl, ${locale};q=0.9, en;q=0.5`, accept: 'text/html' };
  const fresh = (): string => `mona${++number}@example.com`;
  const browser = () => new PageClient(otpost.api.url);
  const open = (path: string, page = browser()) => page.get(path, asks);
  const press = (path: string, fields: Record<string, string> = {}, page = browser()) => page.post(path, fields, asks);

  /** Says what it is to say, in the one language. */
  function expectSpoken({ status, headers, text }: PageAnswer, expected: number, word: Word, spoken = locale): void {
    expect([status, headers.get('content-language'), headers.get('vary')]).toEqual([
      expected,
      spoken,
      expect.stringMatching(/\baccept-language\b/i),
    ]);
    expect(text).toContain(`<html lang="${spoken}" dir="ltr">`);
    expect(text).toContain(WORDS[spoken][word]);
    expect(ENGLISH.filter((sentence) => text.includes(sentence))).toEqual([]);
    expect(text).not.toMatch(/<script(?! src="\/page\.js\?v=\w+" defer>)/);
  }

  it('ask for the address and the code, and say what was wrong with them, in it', async () => {
    const page = browser();
    expectSpoken(await open('/account', page), 200, 'sign_in.title');
    expectSpoken(await press('/account/sign-in', { email: 'none' }, page), 422, 'sign_in.no_address');
    const { location } = await press('/account/sign-in', { email: fresh() }, page);
    expectSpoken(await open(location!, page), 200, 'code.title');
    expectSpoken(await press(location!, { code: 'x' }, page), 422, 'code.six_digits');
    expectSpoken(await press('/account/code/AAAAAAAAAAAAAAAAAAAAAA', {}, page), 404, 'problem.challenge_not_found');
  });

  it('behind the links of mails are in it, from the first to the last', async () => {
    const path = linkIn((await people.mailOf(await otpost.api.register(fresh()))).mail.text);
    const page = browser();
    expectSpoken(await open(path, page), 200, 'link.confirm_button');
    expectSpoken(await open(`${path}/not-me`), 200, 'not_me.title');
    expect((await press(path, {}, page)).status).toBe(303);
    expectSpoken(await open('/account', page), 200, 'account.title');
    expectSpoken(await press(path), 410, 'over.consumed');
    expectSpoken(await open(`${path}/not-me`), 410, 'not_me.used');
    expectSpoken(await open('/l/AAAAAAAAAAAAAAAAAAAAAA'), 404, 'over.not_found');
    const disowned = linkIn((await people.mailOf(await otpost.api.register(fresh()))).mail.text);
    expectSpoken(await press(`${disowned}/not-me`), 200, 'not_me.stopped');
    expectSpoken(await open(disowned), 410, 'over.disowned');
  });

  it('for a new password and for taking a change back are in it', async () => {
    const [before, after] = [fresh(), fresh()];
    const { accessToken } = await people.signUp(before);
    const reset = linkIn((await people.mailOf((await people.ask('reset_password', before)).body)).mail.text);
    expectSpoken(await open(reset), 200, 'link.new_password');
    expectSpoken(await press(reset, { newPassword: 'short' }), 422, 'password_too_short');
    const { body } = await otpost.api.post<IssuedBody>('/v1/me/email', { email: after }, bearer(accessToken));
    expect((await people.verify(body, await people.codeOf(body), {}, bearer(accessToken))).status).toBe(200);
    const mails = await sink.waitForMailTo(before, 3);
    const undo = linkIn(mails.find(({ mail }) => mail.text?.includes('/l/undo/'))!.mail.text);
    expectSpoken(await open(undo), 200, 'undo.title');
    expectSpoken(await press(undo), 200, 'undo.done_text');
  });

  it('about newsletters are in it', async () => {
    const key = await createApiKey(otpost.database.url, ['audiences', 'emails:read', 'emails:send']);
    const audience = await AudienceClient.make(otpost.api, key);
    const address = fresh();
    await audience.add(address, { confirm: true });
    const [asked] = await sink.waitForMailTo(address);
    const confirm = new URL(/http\S+\/subscribe\/\S+/.exec(asked!.mail.text!)![0]).pathname;
    expectSpoken(await open(confirm), 200, 'subscribe.button');
    expectSpoken(await press(confirm), 200, 'subscribe.done');
    expectSpoken(await press(confirm), 410, 'subscribe.consumed');
    expect((await audience.tell({ subject: 'News', text: 'Hello.' })).status).toBe(202);
    const news = (await sink.waitForMailTo(address, 2)).find(({ mail }) => mail.subject === 'News')!;
    const { pathname, search } = new URL(/http\S+\/unsubscribe\?t=[\w.~-]+/.exec(news.mail.text!)![0]);
    expectSpoken(await open(pathname + search), 200, 'leave.title');
    expectSpoken(await press(pathname + search, { action: 'unsubscribe' }), 200, 'leave.done');
    expectSpoken(await press(pathname + search, { action: 'subscribe' }), 200, 'leave.back');
    expectSpoken(await open('/unsubscribe?t=none'), 404, 'leave.invalid_text');
  });

  it('that tell of problems are in it, and what programs are told stays English', async () => {
    expectSpoken(await open('/nowhere'), 404, 'problem.not_found');
    expectSpoken(await open('/setup/none'), 404, 'setup.invalid_text');
    const cross = { ...asks, 'sec-fetch-site': 'cross-site' };
    expectSpoken(await browser().post('/account/sign-out', {}, cross), 403, 'problem.forbidden');
    const document = await browser().get('/v1/nowhere', { ...asks, accept: 'application/json' });
    expect(JSON.parse(document.text)).toMatchObject({ code: 'not_found', title: 'There is nothing here' });
    expect(document.headers.get('content-language')).toBe(null);
  });

  it.each(BUILT_IN_LOCALES.filter((other) => other !== locale && other !== 'en'))(
    'speak %s instead once an account is signed in that has chosen it',
    async (chosen) => {
      const { account } = await people.signUp(fresh(), { locale: chosen });
      const link = linkIn((await people.mailOf((await people.ask('login', account.email)).body)).mail.text);
      const page = browser();
      expect((await press(link, {}, page)).status).toBe(303);
      expectSpoken(await open('/account', page), 200, 'account.title', chosen as typeof locale);
      const gone = await press('/account/sessions/00000000-0000-7000-8000-000000000000/end', {}, page);
      expectSpoken(gone, 404, 'problem.session_not_found', chosen as typeof locale);
    },
  );
});
