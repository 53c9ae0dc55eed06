import { shownNumber } from '../../../src/core/phone-number.js';
import { type Work, WorkOfRequests } from '../../support/database/work-of-requests.js';
import { linkIn, PageClient } from '../../support/http/page-client.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { codeInText, smsApi, SMS_ENTRIES, textsTo } from '../../support/http/sms-apis.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { IssuedBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

const PASSWORD = 'seventeen green bottles';
const OTHER = 'a wall of paper lanterns';
const WRONG = '000000';

/** What a stranger sees of an answer, without what is drawn anew for each. */
interface Seen {
  status: number;
  headers: [string, string][];
  body: string;
}

interface Person {
  email: string;
  /** Of the account, where it has one. */
  phone: string;
  /** Pages, as this person's own browser sees them. */
  page: PageClient;
  issued(purpose: string): Promise<IssuedBody>;
}

/** One call or page that takes an address, a number or a challenge. `prepare` comes before, and is not looked at. */
interface Case {
  name: string;
  /** The number is known or unknown, and not the address alone. */
  byNumber?: true;
  /** As OpenAPI names it, or the pattern of a page. */
  route: string;
  prepare?: (person: Person) => Promise<string>;
  send: (person: Person, prepared: string, headers: Record<string, string>) => Promise<Seen>;
}

/**
 * Whether an address or a number has an account can be read neither from an answer nor from the work that it takes: the
 * same status, headers and body, the same statements in the same order, the same hashes, the same tries and mails.
 * Nothing here depends on how fast a machine is; `npm run test:speed` measures the times.
 */
describe('an address with an account and one without', () => {
  let sink: SmtpSink;
  let twilio: ProviderServer;
  let clock: HeldClock;
  let otpost: Otpost;
  let worker: Otpost;
  let people: Visitors;
  let works: WorkOfRequests;
  let asker: SignedInBody;
  let askerPage: PageClient;
  let key: string;
  let number = 0;

  beforeAll(async () => {
    works = new WorkOfRequests();
    sink = await SmtpSink.start();
    twilio = await ProviderServer.start(smsApi('twilio'));
    clock = new HeldClock();
    const limits = Object.fromEntries(
      ['LIMIT_IP', 'LIMIT_DESTINATION', 'LIMIT_IP_DESTINATIONS', 'LIMIT_PUBLIC_MAIL', 'LIMIT_KEY'].map((name) => [
        name,
        '100000/min',
      ]),
    );
    // The worker has a client of the database to itself: one that is shared asks at once what several are about to ask.
    const sms = {
      SMS_TRANSPORTS: `${SMS_ENTRIES.twilio}?endpoint=${twilio.url}`,
      SMS_COUNTRIES: 'PH',
      SMS_SIGN_IN: 'on',
    };
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', ...sms, ...limits }, clock);
    const ways = { DATABASE_URL: otpost.database.url, MAIL_TRANSPORTS: sink.url, ...sms };
    worker = await startOtpost({ ROLE: 'worker', ...ways }, clock);
    people = new Visitors(otpost, sink);
    asker = await people.signUp('asker@example.com');
    askerPage = new PageClient(otpost.api.url);
    const path = await askerPage.askFor('asker@example.com');
    const [, mail] = await sink.waitForMailTo('asker@example.com', 2);
    await askerPage.post(path, { code: codeIn(mail!.mail.text) });
    key = await createApiKey(otpost.database.url, ['verifications', 'emails:send', 'emails:read']);
  });
  afterAll(async () => {
    works.stop();
    await worker.stop();
    await otpost.stop();
    await Promise.all([sink.stop(), twilio.stop()]);
  });

  function person(email: string, phone: string): Person {
    return {
      email,
      phone,
      page: new PageClient(otpost.api.url),
      issued: async (purpose) => (await people.ask(purpose, email)).body,
    };
  }

  /** Of one length, for addresses are answered back by some. @returns somebody with an account, and nobody */
  async function both(withPassword: boolean, withNumber = false): Promise<[Person, Person]> {
    const n = String(++number).padStart(4, '0');
    const known = person(`known${n}@example.com`, `+63917${n}001`);
    const session = await people.signUp(known.email, withPassword ? { password: PASSWORD } : {});
    if (withNumber) await addNumber(session, known.phone);
    return [known, person(`nobod${n}@example.com`, `+63917${n}002`)];
  }

  async function addNumber({ accessToken }: SignedInBody, phone: string): Promise<void> {
    const { body } = await otpost.api.post<IssuedBody>('/v1/me/phone', { phone }, bearer(accessToken));
    const code = codeInText((await textsTo(twilio, phone))[0]!);
    const { status } = await otpost.api.post(verify(body.challenge.id), { code }, bearer(accessToken));
    expect(status).toBe(200);
  }

  const post =
    (
      path: (prepared: string, person: Person) => string,
      body: (person: Person) => object,
      by: () => Record<string, string> = () => ({}),
    ): Case['send'] =>
    async (one, prepared, headers) => {
      const answer = await otpost.api.send(
        'POST',
        path(prepared, one),
        { 'content-type': 'application/json', ...by(), ...headers },
        JSON.stringify(body(one)),
      );
      return seen(
        answer.status,
        answer.headers,
        typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body),
        one,
        prepared,
      );
    };
  const onPage =
    (
      method: 'get' | 'post',
      path: (prepared: string) => string,
      fields: (person: Person) => Record<string, string> = () => ({}),
    ): Case['send'] =>
    async (one, prepared, headers) => {
      const answer =
        method === 'get'
          ? await one.page.get(path(prepared), headers)
          : await one.page.post(path(prepared), fields(one), headers);
      return seen(answer.status, answer.headers, answer.text, one, prepared);
    };
  /** That a key was used is noted now and then. */
  const keyInUse = async (): Promise<string> => (
    await otpost.api.get('/v1/emails/01a1b2c3-0000-7000-8000-000000000000', key),
    ''
  );
  const challengeOf =
    (purpose: string) =>
    async (one: Person): Promise<string> =>
      (await one.issued(purpose)).challenge.id;
  const challengeByNumber =
    (purpose: string) =>
    async ({ phone }: Person): Promise<string> =>
      (await otpost.api.post<IssuedBody>('/v1/otp', { purpose, phone })).body.challenge.id;
  const registering = async ({ email }: Person): Promise<string> => (await otpost.api.register(email)).challenge.id;
  const linkOf =
    (purpose: string, end: string) =>
    async (one: Person): Promise<string> => {
      const issued = purpose === 'register' ? await otpost.api.register(one.email) : await one.issued(purpose);
      return linkIn((await people.mailOf(issued)).mail.text, end);
    };
  /** Once the mail is out: until then the page says how far it is. */
  const pageOf = async ({ page, email }: Person): Promise<string> => {
    const path = await page.askFor(email);
    await eventually(
      async () => (await page.get(path)).text.includes('data-state="sent"'),
      'the page to say that the mail was taken',
    );
    return path;
  };
  /** Signed in, and its session used just now. */
  const asAsker = async (one: Person): Promise<string> => {
    one.page = askerPage.twin();
    await one.page.get('/account/phone');
    return '';
  };
  const numberPageOf =
    (form: string, field = 'email') =>
    async (one: Person): Promise<string> => {
      if (field === 'phone') await asAsker(one);
      const { page } = one;
      await page.get(form === '/account/sign-in' ? '/account' : form);
      const { location } = await page.post(form, { [field]: one.phone });
      await eventually(
        async () => (await page.get(location!)).text.includes('data-state="sent"'),
        'the page to say that the text was taken',
      );
      return location!;
    };
  const resetPageOf = async ({ page, email }: Person): Promise<string> => {
    await page.get('/account/reset');
    const { location } = await page.post('/account/reset', { email });
    await eventually(
      async () => (await page.get(location!)).text.includes('data-state="sent"'),
      'the page to say that the mail was taken',
    );
    return location!;
  };
  const later =
    (prepare: (one: Person) => Promise<string>) =>
    async (one: Person): Promise<string> => {
      const prepared = await prepare(one);
      clock.advance(31);
      return prepared;
    };
  const expired =
    (prepare: (one: Person) => Promise<string>) =>
    async (one: Person): Promise<string> => {
      const prepared = await prepare(one);
      await otpost.database.query(
        'UPDATE otp_challenges SET expires_at = created_at WHERE destination_canonical IN ($1, $2)',
        [one.email, one.phone],
      );
      return prepared;
    };
  const locked =
    (prepare: (one: Person) => Promise<string>) =>
    async (one: Person): Promise<string> => {
      const prepared = await prepare(one);
      await otpost.database.query(
        'UPDATE otp_challenges SET attempts = max_attempts WHERE destination_canonical = $1',
        [one.email],
      );
      return prepared;
    };
  const verify = (id: string): string => `/v1/otp/${id}/verify`;
  /** The cookie of a stranger who writes the id of a challenge into it. */
  const forged =
    (purpose: string) =>
    async (one: Person): Promise<string> => {
      const id = await challengeOf(purpose)(one);
      one.page.cookies.set('otpost_asked', id);
      return `/account/code/${id}`;
    };

  const cases: Case[] = [
    {
      name: 'registering',
      route: 'POST /v1/accounts',
      send: post(
        () => '/v1/accounts',
        ({ email }) => ({ email }),
      ),
    },
    {
      name: 'registering with a password',
      route: 'POST /v1/accounts',
      send: post(
        () => '/v1/accounts',
        ({ email }) => ({ email, password: PASSWORD, name: 'Eve', locale: 'en' }),
      ),
    },
    ...['login', 'reset_password', 'verify_email'].flatMap((purpose): Case[] => [
      {
        name: `a code for ${purpose}`,
        route: 'POST /v1/otp',
        send: post(
          () => '/v1/otp',
          ({ email }) => ({ purpose, email }),
        ),
      },
      {
        name: `a wrong code for ${purpose}`,
        route: 'POST /v1/otp/{id}/verify',
        prepare: challengeOf(purpose),
        send: post(verify, () => ({ code: WRONG, ...(purpose === 'reset_password' ? { newPassword: OTHER } : {}) })),
      },
      {
        name: `the link for ${purpose}, stopped`,
        route: 'POST /l/:token/not-me',
        prepare: linkOf(purpose, '/not-me'),
        send: onPage('post', (path) => path),
      },
    ]),
    {
      name: 'a wrong code of a registration',
      route: 'POST /v1/otp/{id}/verify',
      prepare: registering,
      send: post(verify, () => ({ code: WRONG })),
    },
    {
      name: 'what is no code',
      route: 'POST /v1/otp/{id}/verify',
      prepare: challengeOf('login'),
      send: post(verify, () => ({ code: 'abcdef' })),
    },
    {
      name: 'a code that expired',
      route: 'POST /v1/otp/{id}/verify',
      prepare: expired(challengeOf('login')),
      send: post(verify, () => ({ code: WRONG })),
    },
    {
      name: 'a code that is locked',
      route: 'POST /v1/otp/{id}/verify',
      prepare: locked(challengeOf('login')),
      send: post(verify, () => ({ code: WRONG })),
    },
    {
      name: 'a locked code for a password',
      route: 'POST /v1/otp/{id}/verify',
      prepare: locked(challengeOf('reset_password')),
      send: post(verify, () => ({ code: WRONG, newPassword: OTHER })),
    },
    {
      name: 'a code for a password without one',
      route: 'POST /v1/otp/{id}/verify',
      prepare: challengeOf('reset_password'),
      send: post(verify, () => ({ code: WRONG })),
    },
    {
      name: 'a code for a password that is the address',
      route: 'POST /v1/otp/{id}/verify',
      prepare: challengeOf('reset_password'),
      send: post(verify, ({ email }) => ({ code: WRONG, newPassword: email })),
    },
    {
      name: 'sending again at once',
      route: 'POST /v1/otp/{id}/resend',
      prepare: challengeOf('login'),
      send: post(
        (id) => `/v1/otp/${id}/resend`,
        () => ({}),
      ),
    },
    {
      name: 'sending again later',
      route: 'POST /v1/otp/{id}/resend',
      prepare: later(challengeOf('login')),
      send: post(
        (id) => `/v1/otp/${id}/resend`,
        () => ({}),
      ),
    },
    {
      name: 'disowning',
      route: 'POST /v1/otp/{id}/disown',
      prepare: challengeOf('login'),
      send: post(
        (id) => `/v1/otp/${id}/disown`,
        () => ({}),
      ),
    },
    {
      name: 'a wrong password',
      route: 'POST /v1/sessions',
      send: post(
        () => '/v1/sessions',
        ({ email }) => ({ email, password: 'not the one at all' }),
      ),
    },
    {
      name: 'a new address',
      route: 'POST /v1/me/email',
      send: post(
        () => '/v1/me/email',
        ({ email }) => ({ email }),
        () => bearer(asker.accessToken),
      ),
    },
    {
      name: 'a wrong code for a new address',
      route: 'POST /v1/otp/{id}/verify',
      prepare: async ({ email }) =>
        (await otpost.api.post<IssuedBody>('/v1/me/email', { email }, bearer(asker.accessToken))).body.challenge.id,
      send: post(
        verify,
        () => ({ code: WRONG }),
        () => bearer(asker.accessToken),
      ),
    },
    ...['login', 'reset_password'].flatMap((purpose): Case[] => [
      {
        name: `a code by SMS for ${purpose}`,
        byNumber: true,
        route: 'POST /v1/otp',
        send: post(
          () => '/v1/otp',
          ({ phone }) => ({ purpose, phone }),
        ),
      },
      {
        name: `a wrong code by SMS for ${purpose}`,
        byNumber: true,
        route: 'POST /v1/otp/{id}/verify',
        prepare: challengeByNumber(purpose),
        send: post(verify, () => ({ code: WRONG, ...(purpose === 'reset_password' ? { newPassword: OTHER } : {}) })),
      },
    ]),
    {
      name: 'sending again later by SMS',
      byNumber: true,
      route: 'POST /v1/otp/{id}/resend',
      prepare: later(challengeByNumber('login')),
      send: post(
        (id) => `/v1/otp/${id}/resend`,
        () => ({}),
      ),
    },
    {
      name: 'sending by mail what went by SMS',
      byNumber: true,
      route: 'POST /v1/otp/{id}/resend',
      prepare: later(challengeByNumber('login')),
      send: post(
        (id) => `/v1/otp/${id}/resend`,
        () => ({ channel: 'email' }),
      ),
    },
    {
      name: 'a new number',
      byNumber: true,
      route: 'POST /v1/me/phone',
      send: post(
        () => '/v1/me/phone',
        ({ phone }) => ({ phone }),
        () => bearer(asker.accessToken),
      ),
    },
    {
      name: 'a wrong code for a new number',
      byNumber: true,
      route: 'POST /v1/otp/{id}/verify',
      prepare: async ({ phone }) =>
        (await otpost.api.post<IssuedBody>('/v1/me/phone', { phone }, bearer(asker.accessToken))).body.challenge.id,
      send: post(
        verify,
        () => ({ code: WRONG }),
        () => bearer(asker.accessToken),
      ),
    },
    {
      name: 'a verification by SMS',
      byNumber: true,
      route: 'POST /v1/verifications',
      prepare: keyInUse,
      send: post(
        () => '/v1/verifications',
        ({ phone }) => ({ to: phone, purpose: 'checkout' }),
        () => bearer(key),
      ),
    },
    {
      name: 'a verification sent again, by mail',
      route: 'POST /v1/verifications/{id}/resend',
      prepare: async ({ phone }) => {
        const asked = { to: phone, purpose: 'checkout' };
        const { body } = await otpost.api.post<{ id: string }>('/v1/verifications', asked, bearer(key));
        clock.advance(31);
        await keyInUse();
        return body.id;
      },
      send: post(
        (id) => `/v1/verifications/${id}/resend`,
        ({ email }) => ({ to: email }),
        () => bearer(key),
      ),
    },
    {
      name: 'a verification',
      route: 'POST /v1/verifications',
      prepare: keyInUse,
      send: post(
        () => '/v1/verifications',
        ({ email }) => ({ to: email, purpose: 'checkout' }),
        () => bearer(key),
      ),
    },
    {
      name: 'a mail of a back end',
      route: 'POST /v1/emails',
      prepare: keyInUse,
      send: post(
        () => '/v1/emails',
        ({ email }) => ({ to: email, subject: 'Hello', text: 'Hello' }),
        () => bearer(key),
      ),
    },
    {
      name: 'a test of a template',
      route: 'POST /v1/templates/{name}/test',
      prepare: keyInUse,
      send: post(
        () => '/v1/templates/login-code/test',
        ({ email }) => ({ to: email }),
        () => bearer(key),
      ),
    },
    {
      name: 'the page that asks for the address',
      route: 'POST /account/sign-in',
      send: onPage(
        'post',
        () => '/account/sign-in',
        ({ email }) => ({ email }),
      ),
    },
    {
      name: 'the page of the code',
      route: 'GET /account/code/:id',
      prepare: pageOf,
      send: onPage('get', (path) => path),
    },
    {
      name: 'a wrong code on the page',
      route: 'POST /account/code/:id',
      prepare: pageOf,
      send: onPage(
        'post',
        (path) => path,
        () => ({ code: WRONG }),
      ),
    },
    {
      name: 'what is no code on the page',
      route: 'POST /account/code/:id',
      prepare: pageOf,
      send: onPage(
        'post',
        (path) => path,
        () => ({ code: 'abc' }),
      ),
    },
    {
      name: 'a wrong code on the page, expired',
      route: 'POST /account/code/:id',
      prepare: expired(pageOf),
      send: onPage(
        'post',
        (path) => path,
        () => ({ code: WRONG }),
      ),
    },
    {
      name: 'a new code on the page, where one expired',
      route: 'POST /account/code/:id/new',
      prepare: expired(pageOf),
      send: onPage('post', (path) => `${path}/new`),
    },
    {
      name: 'the page for a new password',
      route: 'POST /account/reset',
      send: onPage(
        'post',
        () => '/account/reset',
        ({ email }) => ({ email }),
      ),
    },
    {
      name: 'the page of the code for a new password',
      route: 'GET /account/code/:id',
      prepare: resetPageOf,
      send: onPage('get', (path) => path),
    },
    {
      name: 'a wrong code with a new password on the page',
      route: 'POST /account/code/:id',
      prepare: resetPageOf,
      send: onPage(
        'post',
        (path) => path,
        () => ({ code: WRONG, newPassword: OTHER }),
      ),
    },
    {
      name: 'a wrong password on the page',
      route: 'POST /account/sign-in/password',
      send: onPage(
        'post',
        () => '/account/sign-in/password',
        ({ email }) => ({ email, password: OTHER }),
      ),
    },
    {
      name: 'sending again on the page',
      route: 'POST /account/code/:id/resend',
      prepare: later(pageOf),
      send: onPage('post', (path) => `${path}/resend`),
    },
    ...(['/account/sign-in', '/account/reset'] as const).flatMap((form): Case[] => [
      {
        name: `the page ${form} with a number`,
        byNumber: true,
        route: `POST ${form}`,
        send: onPage(
          'post',
          () => form,
          ({ phone }) => ({ email: phone }),
        ),
      },
      {
        name: `the page of the code by SMS of ${form}`,
        byNumber: true,
        route: 'GET /account/code/:id',
        prepare: numberPageOf(form),
        send: onPage('get', (path) => path),
      },
      {
        name: `a wrong code by SMS on the page of ${form}`,
        byNumber: true,
        route: 'POST /account/code/:id',
        prepare: numberPageOf(form),
        send: onPage(
          'post',
          (path) => path,
          () => ({ code: WRONG, newPassword: OTHER }),
        ),
      },
      {
        name: `a new code by SMS on the page of ${form}, where one expired`,
        byNumber: true,
        route: 'POST /account/code/:id/new',
        prepare: expired(numberPageOf(form)),
        send: onPage('post', (path) => `${path}/new`),
      },
      {
        name: `sending again by SMS on the page of ${form}`,
        byNumber: true,
        route: 'POST /account/code/:id/resend',
        prepare: later(numberPageOf(form)),
        send: onPage('post', (path) => `${path}/resend`),
      },
      {
        name: `sending by mail what went by SMS on the page of ${form}`,
        byNumber: true,
        route: 'POST /account/code/:id/resend',
        prepare: later(numberPageOf(form)),
        send: onPage(
          'post',
          (path) => `${path}/resend`,
          () => ({ channel: 'email' }),
        ),
      },
    ]),
    {
      name: 'a new number on the page',
      byNumber: true,
      route: 'POST /account/phone',
      prepare: asAsker,
      send: onPage(
        'post',
        () => '/account/phone',
        ({ phone }) => ({ phone }),
      ),
    },
    {
      name: 'a wrong code for a new number on the page',
      byNumber: true,
      route: 'POST /account/code/:id',
      prepare: numberPageOf('/account/phone', 'phone'),
      send: onPage(
        'post',
        (path) => path,
        () => ({ code: WRONG }),
      ),
    },
    ...(['login', 'reset_password', 'verify_email', 'register'] as const).flatMap((purpose): Case[] => {
      const prepare =
        purpose === 'register'
          ? async (one: Person) => (await registering(one), forged('login')(one))
          : forged(purpose);
      return [
        {
          name: `the page of somebody else’s code for ${purpose}`,
          route: 'GET /account/code/:id',
          prepare,
          send: onPage('get', (path) => path),
        },
        {
          name: `a wrong code on the page of somebody else’s code for ${purpose}`,
          route: 'POST /account/code/:id',
          prepare,
          send: onPage(
            'post',
            (path) => path,
            () => ({ code: WRONG }),
          ),
        },
      ];
    }),
    {
      name: 'the link of a registration, asked whether it was not you',
      route: 'GET /l/:token/not-me',
      prepare: linkOf('register', '/not-me'),
      send: onPage('get', (path) => path),
    },
    {
      name: 'the link of a registration',
      route: 'GET /l/:token',
      prepare: linkOf('register', ''),
      send: onPage('get', (path) => path),
    },
  ];

  it.each(cases)('are answered alike, and cost the same: $name', async ({ prepare, send, name, byNumber }) => {
    const [known, unknown] = await both(name.includes('password'), byNumber);
    const found: { answer: Seen; work: Work; rows: unknown }[] = [];
    for (const one of [known, unknown]) {
      const prepared = (await prepare?.(one)) ?? '';
      const { answer, work } = await works.of((headers) => send(one, prepared, headers));
      found.push({ answer, work, rows: await tallyOf(byNumber ? one.phone : one.email) });
    }
    expect(found[1]).toEqual(found[0]);
    expect(found[0]!.answer.status).toBeLessThan(500);
  });

  it.each([
    ['wrong', challengeOf('reset_password')],
    ['locked', locked(challengeOf('reset_password'))],
    ['expired', expired(challengeOf('reset_password'))],
    [
      'stopped',
      async (one: Person) => {
        const id = await challengeOf('reset_password')(one);
        await otpost.api.post(`/v1/otp/${id}/disown`, {});
        return id;
      },
    ],
    ['that of another purpose', challengeOf('login')],
  ])('cost no hash for a new password with a code that is %s', async (_, prepare) => {
    const [known] = await both(true);
    const id = await prepare(known);
    const { answer, work } = await works.of((headers) =>
      otpost.api.post(verify(id), { code: WRONG, newPassword: OTHER }, headers),
    );
    expect([answer.status >= 400, work.hashes]).toEqual([true, []]);
  });

  it('are compared on all calls and pages that take an address, a number or a challenge', async () => {
    const { body } = await otpost.api.get<OpenApi>('/docs/json');
    const schemas = body.components.schemas;
    const taking = Object.entries(body.paths).flatMap(([path, operations]) =>
      Object.entries(operations)
        .filter(([method, { requestBody }]) => {
          if (method !== 'post') return false;
          const reference = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
          const fields = Object.keys(schemas[reference ?? '']?.properties ?? {});
          return /^\/v1\/otp\/\{id\}/.test(path) || fields.some((field) => ['email', 'phone', 'to'].includes(field));
        })
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    const compared = new Set(cases.map(({ route }) => route));
    const aside = [
      'POST /v1/setup', // made by whoever has the setup link, before anybody has an account
      // Of keys and operators, and no account is looked at.
      ...['POST /v1/audiences/{id}/subscribers', 'POST /v1/broadcasts/{id}/test', 'POST /v1/operations/codes'],
    ];
    expect(taking.filter((route) => !compared.has(route) && !aside.includes(route))).toEqual([]);
    for (const route of [
      'POST /v1/accounts',
      'POST /v1/otp',
      'POST /v1/otp/{id}/verify',
      'POST /v1/sessions',
      'POST /v1/me/email',
      'POST /v1/me/phone',
    ])
      expect(taking).toContain(route);
  });

  /** Tries, failures, challenges and messages that the address or number has now, those of signing up left out. */
  async function tallyOf(destination: string): Promise<unknown> {
    const [row] = await otpost.database.query(
      `SELECT (SELECT array_agg(ARRAY[purpose, attempts::text, resends::text] ORDER BY created_at, purpose) FROM otp_challenges WHERE destination_canonical = $1 AND consumed_at IS NULL) AS challenges,
        (SELECT array_agg(ARRAY[purpose, failures::text] ORDER BY purpose) FROM failure_budgets WHERE destination = $1) AS failures,
        (SELECT count(*) FROM outbound_emails WHERE to_canonical = $1
          OR supersede_key IN (SELECT 'otp:' || id FROM otp_challenges WHERE destination_canonical = $1)) - (SELECT count(*) FROM otp_challenges WHERE destination_canonical = $1 AND consumed_at IS NOT NULL) AS mails`,
      [destination],
    );
    return row;
  }

  function seen(status: number, headers: Headers, body: string, { email, phone }: Person, prepared: string): Seen {
    const blank = (text: string): string =>
      [prepared, prepared.split('/').at(-1)!, email, phone, shownNumber(phone)]
        .filter((part) => part !== '')
        .reduce((left, part) => left.replaceAll(part, '…'), text)
        .replaceAll(
          /\d{4}-\d\d-\d\dT[\d:.]+Z/g,
          (moment) => `${(Date.parse(moment) - clock.now().getTime()) / 1_000} s from now`,
        )
        .replaceAll(/data-left="\d+"/g, '…')
        .replaceAll(/[\w-]{22,}/g, '…') // ids, tokens, macs
        .replaceAll(/[\da-f]{8}(?=\.…)/g, '…') // of the secret
        .replaceAll(/"reference":"\w{4}"|reference <b>\w{4}<\/b>|Reference <b>\w{4}<\/b>/g, '…');
    const varying = new Set(['date', 'x-request-id', 'content-length', 'keep-alive']);
    return {
      status,
      headers: [...headers].filter(([name]) => !varying.has(name)).map(([name, value]) => [name, blank(value)]),
      body: blank(body),
    };
  }
});

interface OpenApi {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: { $ref?: string } }> } }>>;
  components: { schemas: Record<string, { properties?: Record<string, unknown> }> };
}
