import fastifyCookie from '@fastify/cookie';
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Audit } from '../../../src/audit/audit.js';
import type { Settings } from '../../../src/config/settings.js';
import { settingsModule } from '../../../src/config/settings.module.js';
import { Clock } from '../../../src/core/clock.js';
import { CoreModule } from '../../../src/core/core.module.js';
import { Keyring } from '../../../src/core/keyring.js';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { HttpModule } from '../../../src/http/http.module.js';
import { fastifyAdapter } from '../../../src/http/web-server.js';
import { Limits } from '../../../src/limits/limits.js';
import { InboxModule } from '../../../src/mail/inbox/inbox.controller.js';
import type { Message, MessageList } from '../../../src/mail/inbox/inbox.store.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { HeldClock } from '../../support/service/otpost.js';

const TOKEN = 'sesame-open-sesame';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let database: TestDatabase;
const opened: NestFastifyApplication[] = [];
let prisma: PrismaService;

beforeAll(async () => {
  database = await createDatabase();
  const url = new URL(database.url);
  // The order must come from the query and not from an index.
  url.searchParams.set('options', '-c enable_indexscan=off -c enable_bitmapscan=off');
  prisma = new PrismaService({ url: url.href, poolSize: 3 });
});

beforeEach(() => prisma.capturedMessage.deleteMany());

afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

afterAll(async () => {
  await prisma.$disconnect();
  await database.drop();
});

async function inbox({ production = false, inboxToken = undefined as string | undefined, kinds = ['capture'] } = {}) {
  const settings = {
    production,
    http: { host: '127.0.0.1', port: 0, appUrl: 'http://localhost:3000' },
    mail: {
      brand: { color: '#146c5c' },
      from: { name: '', address: 'post@example.com' },
      transports: kinds.map((kind) => ({ kind, name: kind })),
    },
    sms: { transports: [] as { kind: string }[] },
    inboxToken,
  } as Settings;
  class Database {}
  class App {}
  Module({
    imports: [
      settingsModule(settings),
      CoreModule.forRoot(createLogger('silent', 'web'), new Keyring('a secret of the tests')),
      {
        module: Database,
        global: true,
        providers: [
          { provide: PrismaService, useValue: prisma },
          { provide: Clock, useValue: new HeldClock() },
          Limits,
          Audit,
        ],
        exports: [Audit, Clock, Limits, PrismaService],
      },
      HttpModule,
      InboxModule,
    ],
  })(App);
  const app = await NestFactory.create<NestFastifyApplication>(App, fastifyAdapter(), { logger: ['error'] });
  await app.register(fastifyCookie);
  opened.push(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const ask = (path: string, options: RequestInit = {}) => fetch(origin + path, { redirect: 'manual', ...options });
  const json = async <T>(path: string) => (await (await ask(path)).json()) as T;
  return { app, origin, ask, json };
}

async function captured(
  change: {
    id?: string;
    to?: string;
    text?: string;
    html?: string;
    source?: Uint8Array<ArrayBuffer>;
    createdAt?: Date;
  } = {},
) {
  const {
    id = randomUUID(),
    to = 'ada@example.com',
    text = 'Your code is 482913.',
    html = '<p>482913</p>',
    createdAt,
  } = change;
  const row = await prisma.capturedMessage.create({
    data: {
      id,
      emailId: randomUUID(),
      fromAddress: 'no-reply@example.com',
      toAddress: to,
      subject: 'Your code',
      text,
      html,
      source: change.source ?? new Uint8Array(Buffer.from(`Subject: Your code\r\n\r\n${text}`)),
      createdAt,
    },
  });
  return row.id;
}

const ids = ({ items }: MessageList) => items.map(({ id }) => id);

describe('the list of captured mail', () => {
  it('says of each message what one needs to choose it, without its bodies', async () => {
    const text = `Your code is 482913.\r\n\r\n\tIt is good for ten minutes. ${'More. '.repeat(50)}`;
    const source = new Uint8Array(1234);
    const id = await captured({ text, source, createdAt: new Date('2026-11-21T12:34:56.789Z') });
    const { json } = await inbox();
    const list = await json<MessageList>('/inbox/messages');
    expect(list).toEqual({
      items: [
        {
          id,
          to: 'ada@example.com',
          from: 'no-reply@example.com',
          subject: 'Your code',
          createdAt: '2026-11-21T12:34:56.789Z',
          size: 1234,
          preview: text.replace(/\s+/g, ' ').slice(0, 120),
          code: '482913',
        },
      ],
      nextCursor: null,
    });
  });

  it('is read from the newest to the oldest in pages that neither repeat nor miss a message', async () => {
    const at = (second: number) => new Date(Date.UTC(2026, 10, 21, 12, 0, second));
    const oldest = await captured({ createdAt: at(1) });
    const twins = [randomUUID(), randomUUID(), randomUUID()].sort();
    for (const id of twins) await captured({ id, createdAt: at(5) });
    const newest = await captured({ createdAt: at(9) });
    const expected = [newest, ...twins.reverse(), oldest];
    const { json } = await inbox();

    const first = await json<MessageList>('/inbox/messages?limit=2');
    expect(ids(first)).toEqual(expected.slice(0, 2));
    await captured({ createdAt: at(10) });
    await prisma.capturedMessage.delete({ where: { id: expected[1] } }); // the one the cursor points at
    const second = await json<MessageList>(`/inbox/messages?limit=2&cursor=${first.nextCursor}`);
    expect(ids(second)).toEqual(expected.slice(2, 4));
    const third = await json<MessageList>(`/inbox/messages?limit=2&cursor=${second.nextCursor}`);
    expect(ids(third)).toEqual(expected.slice(4));
    expect(third.nextCursor).toBeNull();
  });

  it('can be narrowed to exactly one address', async () => {
    const wanted = await captured({ to: 'ada+1@example.com' });
    await captured({ to: 'ada+11@example.com' });
    await captured({ to: 'ADA+1@example.com' });
    const { json } = await inbox();
    expect(ids(await json<MessageList>(`/inbox/messages?to=${encodeURIComponent('ada+1@example.com')}`))).toEqual([
      wanted,
    ]);
    expect(ids(await json<MessageList>('/inbox/messages?to=%25'))).toEqual([]);
  });

  it.each(['limit=101', 'limit=0', 'cursor=nonsense', 'to=a&to=b', 'to=%00'])('refuses %s', async (query) => {
    const { ask } = await inbox();
    expect((await ask(`/inbox/messages?${query}`)).status).toBe(422);
  });
});

describe('one captured message', () => {
  it('is given with its text and its HTML', async () => {
    const id = await captured({ text: 'Hello.\n482913\n', html: '<p>Hello</p>' });
    const { json } = await inbox();
    expect(await json<Message>(`/inbox/messages/${id}`)).toMatchObject({
      id,
      text: 'Hello.\n482913\n',
      html: '<p>Hello</p>',
      code: '482913',
    });
  });

  it.each(['00000000-0000-4000-8000-000000000000', 'not-an-id'])('is a 404 when there is none: %s', async (id) => {
    const { ask } = await inbox();
    for (const path of [
      `/inbox/messages/${id}`,
      `/inbox/${id}`,
      `/inbox/${id}/html`,
      `/inbox/${id}/text`,
      `/inbox/${id}/source`,
    ]) {
      expect([path, (await ask(path)).status]).toEqual([path, 404]);
    }
  });

  it('shows its HTML where no script runs, nothing is fetched and nobody else may frame it', async () => {
    const id = await captured({ html: '<p>Hello</p>' });
    const { ask } = await inbox();
    const answer = await ask(`/inbox/${id}/html`);
    expect(await answer.text()).toBe('<p>Hello</p>');
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = answer.headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        'img-src data:',
        "style-src 'unsafe-inline'",
        "frame-ancestors 'self'",
        'sandbox',
      ]),
    );
  });

  it('gives its source octet for octet, as text', async () => {
    const source = new Uint8Array([0x53, 0x3a, 0x20, 0xff, 0xfe, 0x0d, 0x0a]);
    const id = await captured({ source });
    const { ask } = await inbox();
    const answer = await ask(`/inbox/${id}/source`);
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(source);
  });

  it('keeps every answer out of caches, referrers and guesses at its type', async () => {
    const id = await captured();
    const { ask } = await inbox();
    for (const path of [
      '',
      '/messages',
      `/messages/${id}`,
      `/${id}`,
      `/${id}/html`,
      `/${id}/text`,
      `/${id}/source`,
      '/inbox.js',
      '/inbox.css',
    ]) {
      const { headers } = await ask(`/inbox${path}`);
      expect([path, headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
        path,
        'no-store',
        'nosniff',
      ]);
      expect([path, headers.get('referrer-policy')]).toEqual([
        path,
        expect.stringMatching(/^(no-referrer|same-origin)$/),
      ]);
      expect([path, headers.get('content-security-policy')]).toEqual([
        path,
        expect.stringContaining("default-src 'none'"),
      ]);
    }
  });
});

describe('clearing the inbox', () => {
  it('happens from its own page, which is shown again', async () => {
    await captured();
    const { ask, origin } = await inbox();
    const answer = await ask('/inbox/clear', {
      method: 'POST',
      headers: { ...FORM, origin, 'sec-fetch-site': 'same-origin' },
    });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/inbox']);
    expect(await prisma.capturedMessage.count()).toBe(0);
  });

  it('happens for a program', async () => {
    await captured();
    const { ask } = await inbox();
    expect((await ask('/inbox/messages', { method: 'DELETE' })).status).toBe(204);
    expect(await prisma.capturedMessage.count()).toBe(0);
  });

  it.each<Record<string, string>>([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('does not happen for a page of somebody else: %j', async (headers) => {
    await captured();
    const { ask } = await inbox();
    expect((await ask('/inbox/clear', { method: 'POST', headers: { ...FORM, ...headers } })).status).toBe(403);
    expect((await ask('/inbox/messages', { method: 'DELETE', headers })).status).toBe(403);
    expect(await prisma.capturedMessage.count()).toBe(1);
  });
});

describe('who may see the inbox', () => {
  const everywhere = ['/inbox', '/inbox/messages', '/inbox/inbox.js', '/inbox/x/html'];
  const statuses = async ({ ask }: Awaited<ReturnType<typeof inbox>>) =>
    Promise.all(everywhere.map(async (path) => (await ask(path)).status));

  it('is nobody where no mail is captured', async () => {
    expect(await statuses(await inbox({ kinds: ['smtp'], inboxToken: TOKEN }))).toEqual([404, 404, 404, 404]);
  });

  it('is nobody in production without a token', async () => {
    expect(await statuses(await inbox({ production: true }))).toEqual([404, 404, 404, 404]);
  });

  it('is nobody who names a strange host, as a rebound page does', async () => {
    await captured();
    const { origin } = await inbox();
    const asking = (host: string) =>
      new Promise((resolve, reject) => {
        get(`${origin}/inbox/messages`, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on(
          'error',
          reject,
        );
      });
    expect(await asking('evil.example:3000')).toBe(404);
    expect(await asking('localhost:3000')).toBe(200);
  });

  it('is a program with the token', async () => {
    const { ask } = await inbox({ production: true, inboxToken: TOKEN });
    const refused = await ask('/inbox/messages');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="inbox"']);
    expect(await refused.json()).toMatchObject({ code: 'unauthorized' });
    const status = async (authorization: string) =>
      (await ask('/inbox/messages', { headers: { authorization } })).status;
    expect(await status(`Bearer ${TOKEN}x`)).toBe(401);
    expect(await status(`Bearer ${TOKEN}`)).toBe(200);
    expect((await ask(`/inbox/messages?token=${TOKEN}`)).status).toBe(401);
    expect((await ask('/inbox/messages', { method: 'DELETE' })).status).toBe(401);
  });

  it('is a person who entered the token, from then on', async () => {
    const id = await captured();
    const { ask } = await inbox({ production: true, inboxToken: TOKEN });
    const origin = 'http://localhost:3000'; // of APP_URL; in production no other is ours
    for (const path of ['/inbox', `/inbox/${id}`, `/inbox/${id}/html`, `/inbox/${id}/source`]) {
      const locked = await ask(path);
      expect([path, locked.status]).toEqual([path, 401]);
      const page = await locked.text();
      expect(page).toContain('action="/inbox/enter"');
      expect(page).not.toContain('482913');
    }
    expect((await ask('/inbox/inbox.css')).status).toBe(200);

    const enter = (token: string) =>
      ask('/inbox/enter', {
        method: 'POST',
        headers: { ...FORM, origin },
        body: new URLSearchParams({ token }).toString(),
      });
    const wrong = await enter('wrong');
    expect([wrong.status, wrong.headers.get('set-cookie')]).toEqual([401, null]);
    const right = await enter(TOKEN);
    expect([right.status, right.headers.get('location')]).toEqual([303, '/inbox']);
    const setCookie = right.headers.get('set-cookie') ?? '';
    expect(setCookie).toContain('; HttpOnly; Secure; SameSite=Strict');
    expect(setCookie).not.toContain(TOKEN);

    const cookie = setCookie.split(';')[0]!;
    for (const path of ['/inbox', `/inbox/${id}/html`, '/inbox/messages']) {
      expect([path, (await ask(path, { headers: { cookie } })).status]).toEqual([path, 200]);
    }
    expect((await ask('/inbox/messages', { headers: { cookie: `${cookie}x` } })).status).toBe(401);
  });

  it('is asked for the token in development too, once there is one', async () => {
    expect(await statuses(await inbox({ inboxToken: TOKEN }))).toEqual([401, 401, 200, 401]);
    expect(await statuses(await inbox())).toEqual([200, 200, 200, 404]);
  });
});

describe('the documentation', () => {
  it('lists what programs may ask, and no pages', async () => {
    const { app } = await inbox();
    const { paths } = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    expect(Object.entries(paths).map(([path, item]) => [path, Object.keys(item).sort()])).toEqual([
      ['/inbox/messages', ['delete', 'get']],
      ['/inbox/messages/{id}', ['get']],
    ]);
  });
});
