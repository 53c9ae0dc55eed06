import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Keyring } from '../../../src/core/keyring.js';
import type { Lane } from '../../../src/core/lanes.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Transactions } from '../../../src/database/unit-of-work.js';
import { sealContext } from '../../../src/mail/composer.js';
import { Outbox } from '../../../src/mail/outbox.js';
import { PATIENCE } from '../../../src/mail/transport/patience.js';
import { CLOSE, GARBAGE, HANG, MisbehavingSmtp, type Script } from '../../support/misbehaving-smtp.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../../support/otpost.js';
import { SmtpSink } from '../../support/smtp-sink.js';
import { eventually } from '../../support/wait.js';

const ADDRESS = 'grace@example.com';
const WITH_LOGIN = ['AUTH PLAIN'];
const WITH_TLS = ['STARTTLS'];

interface Ended {
  status: string;
  error_code: string;
  /** Attempts that count, after this one. */
  attempt: number;
  transport: string;
}

interface State {
  name: string;
  paused: boolean;
  pause_reason: string | null;
  failures: number;
  closed: boolean;
}

let otpost: Otpost | undefined;
let smtp: MisbehavingSmtp | undefined;

beforeAll(() => {
  Object.assign(PATIENCE, { connectMs: 500, greetingMs: 500, setupMs: 700, envelope: 600, transferring: 600, released: 900, probeEveryMs: 1_500, longestBackoffMs: 1_000, statesMs: 0 });
});

afterEach(async () => {
  await otpost?.stop();
  await smtp?.stop();
  otpost = smtp = undefined;
});

async function begin(script: Script, { extensions = [] as string[], url = (it: MisbehavingSmtp) => it.url } = {}): Promise<MisbehavingSmtp> {
  smtp = await MisbehavingSmtp.start(script, extensions);
  otpost = await startOtpost({ MAIL_TRANSPORTS: url(smtp) });
  return smtp;
}

/** How the first attempts ended, oldest first. */
async function endings(count = 1, to = ADDRESS): Promise<Ended[]> {
  return eventually(async () => {
    const ended = await otpost!.database.query<Ended>(
      `SELECT e.status, e.error_code, e.attempt, e.transport FROM email_events e JOIN outbound_emails m ON m.id = e.email_id
       WHERE m.to_address = $1 AND e.status NOT IN ('queued', 'sending') ORDER BY e.id`,
      [to],
    );
    return ended.length >= count && ended.slice(0, count);
  }, `${count} ended attempt(s) for ${to}`);
}

async function states(): Promise<State[]> {
  return otpost!.database.query<State>(
    `SELECT name, paused_at IS NOT NULL AS paused, pause_reason, failures, coalesce(backoff_until > now(), false) AS closed
     FROM transport_states ORDER BY name`,
  );
}

/** What this host alone feels of the ways out. */
async function feltHere(): Promise<State[]> {
  return otpost!.database.query<State>(
    `SELECT name, paused_at IS NOT NULL AS paused, pause_reason, failures, coalesce(backoff_until > now(), false) AS closed
     FROM transport_hosts WHERE host = $1 ORDER BY name`,
    [hostname()],
  );
}

async function suppressions(): Promise<object[]> {
  return otpost!.database.query('SELECT address_canonical, reason, source FROM suppressions');
}

/** Accepts ordinary mail behind the worker's back; its timer finds it within two seconds. */
async function accept(lane: Lane, to = ADDRESS, text = 'Hello'): Promise<string> {
  const prisma = new PrismaService({ url: otpost!.database.url, poolSize: 1 });
  const id = randomUUID();
  const sealed = new Keyring(TEST_SECRET).seal(JSON.stringify({ subject: 'Hello', text }), sealContext(id));
  await new Transactions(prisma).run((unit) =>
    new Outbox(prisma).insert(
      {
        id,
        lane,
        from: 'post@example.com',
        to,
        toCanonical: to,
        replyTo: null,
        template: null,
        locale: 'en',
        sealedVariables: sealed.bytes,
        sealKeyId: sealed.keyId,
        secret: false,
        maxAttempts: 5,
        scheduledAt: null,
        expiresAt: null,
        supersedeKey: null,
        messageId: `<${id}@example.com>`,
        apiKeyId: null,
        requestId: null,
      },
      unit,
    ),
  );
  await prisma.$disconnect();
  return id;
}

interface Case {
  script: Script;
  extensions?: string[];
  url?: (smtp: MisbehavingSmtp) => string;
  status: 'deferred' | 'failed' | 'unknown' | 'sent';
  error: string | null;
  /** Whether the attempt counts against the message. */
  counted: boolean;
  suppressed?: boolean;
  /** What the server said holds for all workers, what was merely felt for this host. */
  transport?: 'closed for all' | 'closed here' | 'paused';
  /** Ends of messages that arrived at the server; either: its refusal and our last byte may cross. */
  ended?: number | 'either';
}

const login = (it: MisbehavingSmtp): string => `smtp://post:wrong@127.0.0.1:${it.port}`;
const startTls = (it: MisbehavingSmtp): string => `smtp://127.0.0.1:${it.port}?tls=on`;
const implicitTls = (it: MisbehavingSmtp): string => `smtps://127.0.0.1:${it.port}`;
const away = { status: 'deferred', counted: false, transport: 'closed for all' } as const;
const outOfReach = { ...away, transport: 'closed here' } as const;
const untrusted = { ...outOfReach, error: 'smtp_tls' } as const;
const paused = { status: 'deferred', counted: false, transport: 'paused', error: 'smtp_auth' } as const;
const again = { status: 'deferred', counted: true } as const;
const refused = { status: 'failed', counted: true } as const;

const CASES: Record<string, Case> = {
  'a name that does not resolve': { script: {}, url: () => 'smtp://nowhere.invalid:2525?tls=off', ...outOfReach, error: 'smtp_dns' },
  'a refused connection': { script: {}, url: () => 'smtp://127.0.0.1:1', ...outOfReach, error: 'smtp_refused' },
  'silence instead of a greeting': { script: { greeting: HANG }, ...outOfReach, error: 'smtp_connect_timeout' },
  'a close instead of a greeting': { script: { greeting: CLOSE }, ...outOfReach, error: 'smtp_closed' },
  'a greeting that turns us away': { script: { greeting: '554 5.7.1 not you' }, ...away, error: 'smtp_554' },
  'garbage for a greeting': { script: { greeting: GARBAGE }, ...outOfReach, error: 'smtp_eprotocol' },
  'silence at EHLO': { script: { EHLO: HANG }, ...outOfReach, error: 'smtp_connect_timeout' },
  'a close at EHLO': { script: { EHLO: CLOSE }, ...outOfReach, error: 'smtp_closed' },

  'TLS that is not offered': { script: { STARTTLS: '502 5.5.1 no' }, url: startTls, ...untrusted, transport: 'closed for all' },
  'TLS that is not available now': { script: { STARTTLS: '454 4.7.0 not now' }, extensions: WITH_TLS, url: startTls, ...untrusted, transport: 'closed for all' },
  'a broken handshake': { script: { handshake: GARBAGE }, extensions: WITH_TLS, url: startTls, ...untrusted },
  'a close in the handshake': { script: { handshake: CLOSE }, extensions: WITH_TLS, url: startTls, ...outOfReach, error: 'smtp_closed' },
  'silence in the handshake': { script: { handshake: HANG }, extensions: WITH_TLS, url: startTls, ...untrusted },
  'plain text where TLS was agreed': { script: {}, url: implicitTls, ...untrusted },

  'a refused login': { script: { AUTH: '535 5.7.8 bad credentials' }, extensions: WITH_LOGIN, url: login, ...paused },
  'a login that wants another mechanism': { script: { AUTH: '534 5.7.9 too weak' }, extensions: WITH_LOGIN, url: login, ...paused },
  'a login that is not understood': { script: { AUTH: '504 5.5.4 no' }, extensions: WITH_LOGIN, url: login, ...paused },
  'a login that is wanted at MAIL': { script: { MAIL: '530 5.7.0 log in' }, ...paused },
  'a login refused for now': { script: { AUTH: '454 4.7.0 later' }, extensions: WITH_LOGIN, url: login, ...away, error: 'smtp_454' },
  'silence at the login': { script: { AUTH: HANG }, extensions: WITH_LOGIN, url: login, ...outOfReach, error: 'smtp_connect_timeout' },

  '421 for a greeting': { script: { greeting: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at EHLO': { script: { EHLO: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at the login': { script: { AUTH: '421 4.7.0 busy' }, extensions: WITH_LOGIN, url: login, ...away, error: 'smtp_421' },
  '421 at MAIL': { script: { MAIL: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at RCPT': { script: { RCPT: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at RCPT to a client that runs ahead': { script: { RCPT: '421 4.3.2 busy' }, extensions: ['PIPELINING'], ...away, error: 'smtp_421' },
  '421 at DATA': { script: { DATA: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 in the message': { script: { 'in the message': '421 4.3.2 busy' }, ...away, error: 'smtp_421', ended: 'either' },
  '421 after the dot': { script: { 'after the dot': '421 4.3.2 busy' }, ...away, error: 'smtp_421', ended: 1 },

  '432': { script: { MAIL: '432 4.3.2 too many' }, ...again, error: 'smtp_432' },
  '450 4.7.1': { script: { RCPT: '450 4.7.1 too fast' }, ...again, error: 'smtp_450' },
  'greylisting with 450': { script: { RCPT: '450 4.2.0 greylisted' }, ...again, error: 'smtp_450' },
  'greylisting with 451': { script: { RCPT: '451 4.3.0 come back' }, ...again, error: 'smtp_451' },
  '452 4.5.3': { script: { RCPT: '452 4.5.3 too many recipients' }, ...again, error: 'smtp_452' },
  '452 4.2.2': { script: { RCPT: '452 4.2.2 mailbox full' }, ...again, error: 'smtp_452' },
  '552 5.2.2': { script: { RCPT: '552 5.2.2 mailbox full' }, ...again, error: 'smtp_552' },
  '552 5.3.4': { script: { MAIL: '552 5.3.4 too big' }, ...refused, error: 'smtp_552' },
  '554 5.3.4 after the dot': { script: { 'after the dot': '554 5.3.4 too big' }, ...refused, error: 'smtp_554', ended: 1 },

  '550 5.1.1': { script: { RCPT: '550 5.1.1 nobody' }, ...refused, error: 'smtp_550', suppressed: true },
  '550 5.1.1 to a client that runs ahead': { script: { RCPT: '550 5.1.1 nobody', DATA: '503 5.5.1 no recipients' }, extensions: ['PIPELINING'], ...refused, error: 'smtp_550', suppressed: true },
  '550 5.1.1 to a client that runs ahead, and 354 all the same': { script: { RCPT: '550 5.1.1 nobody', 'after the dot': '554 5.5.1 nobody to take it' }, extensions: ['PIPELINING'], ...refused, error: 'smtp_550', suppressed: true, ended: 1 },
  '550 5.1.1 after the dot': { script: { 'after the dot': '550 5.1.1 nobody' }, ...refused, error: 'smtp_550', suppressed: true, ended: 1 },
  '551': { script: { RCPT: '551 5.1.6 moved' }, ...refused, error: 'smtp_551', suppressed: true },
  '553 5.1.3': { script: { RCPT: '553 5.1.3 no address' }, ...refused, error: 'smtp_553', suppressed: true },
  '550 without an enhanced code': { script: { RCPT: '550 no' }, ...refused, error: 'smtp_550' },
  '550 5.1.1 about the sender': { script: { MAIL: '550 5.1.1 who?' }, ...refused, error: 'smtp_550' },
  '550 5.7.1': { script: { RCPT: '550 5.7.1 blocked' }, ...again, error: 'smtp_550' },
  '550 5.7.515 after the dot': { script: { 'after the dot': '550 5.7.515 unauthenticated' }, ...again, error: 'smtp_550', ended: 1 },
  '554 5.7.1': { script: { RCPT: '554 5.7.1 listed' }, ...again, error: 'smtp_554' },
  '501': { script: { RCPT: '501 5.5.4 syntax' }, ...refused, error: 'smtp_501' },
  '503, and again on a new connection': { script: { MAIL: '503 5.5.1 sequence' }, ...refused, error: 'smtp_503' },
  '451 after the dot': { script: { 'after the dot': '451 4.3.0 later' }, ...again, error: 'smtp_451', ended: 1 },
  '554 after the dot': { script: { 'after the dot': '554 5.6.0 no' }, ...refused, error: 'smtp_554', ended: 1 },
  '554 in the message': { script: { 'in the message': '554 5.6.0 no' }, ...refused, error: 'smtp_554', ended: 'either' },

  'a close at MAIL': { script: { MAIL: CLOSE }, ...again, error: 'smtp_closed' },
  'silence at MAIL': { script: { MAIL: HANG }, ...again, error: 'smtp_timeout' },
  'a close at RCPT': { script: { RCPT: CLOSE }, ...again, error: 'smtp_closed' },
  'silence at RCPT': { script: { RCPT: HANG }, ...again, error: 'smtp_timeout' },
  'a close at DATA': { script: { DATA: CLOSE }, ...again, error: 'smtp_closed' },
  'silence at DATA': { script: { DATA: HANG }, ...again, error: 'smtp_timeout' },
  'garbage at DATA': { script: { DATA: GARBAGE }, ...again, error: 'smtp_eenvelope' },
  'a close after the dot': { script: { 'after the dot': CLOSE }, status: 'unknown', counted: true, error: 'smtp_closed', ended: 1 },
  'silence after the dot': { script: { 'after the dot': HANG }, status: 'unknown', counted: true, error: 'smtp_timeout', ended: 1 },
  'garbage after the dot': { script: { 'after the dot': GARBAGE }, status: 'unknown', counted: true, error: 'smtp_emessage', ended: 1 },
};

describe('a code that meets', () => {
  it.each(Object.entries(CASES))('%s', async (_, { script, extensions = [], url, status, error, counted, suppressed = false, transport, ended = 0 }) => {
    const server = await begin(script, { extensions, ...(url ? { url } : {}) });
    await otpost!.api.register(ADDRESS);
    const [first] = await endings();
    expect(first).toMatchObject({ status, error_code: error, attempt: counted ? 1 : 0 });
    const [state] = await states();
    expect(state).toMatchObject({
      paused: transport === 'paused',
      pause_reason: transport === 'paused' ? 'smtp_auth' : null,
      failures: transport === 'paused' || transport === 'closed for all' ? 1 : 0,
      closed: transport === 'paused' || transport === 'closed for all',
    });
    expect(await feltHere()).toMatchObject(transport === 'closed here' ? [{ name: state!.name, paused: false, failures: 1, closed: true }] : []);
    expect(await suppressions()).toEqual(suppressed ? [{ address_canonical: ADDRESS, reason: 'hard_bounce', source: state!.name }] : []);
    if (ended !== 'either') {
      expect(server.ended).toHaveLength(ended);
      expect(server.taken).toHaveLength(status === 'sent' ? 1 : 0);
    }
    // Never in plain text where TLS was asked for: not even a MAIL.
    if (url === startTls || url === implicitTls) expect(server.count('MAIL') + server.count('AUTH')).toBe(0);
  });
});

describe('mail', () => {
  const slow = (reply: string) => ({ afterMs: 120, reply });

  it('goes out to a server that is slow at every step', async () => {
    const server = await begin({
      greeting: slow('220 hello'),
      EHLO: slow('250 hello'),
      MAIL: slow('250 ok'),
      RCPT: slow('250 ok'),
      DATA: slow('354 go on'),
      'after the dot': { afterMs: 700, reply: '250 taken' }, // longer than anything else may take
    });
    await otpost!.api.register(ADDRESS);
    expect(await endings()).toMatchObject([{ status: 'sent', attempt: 1 }]);
    expect(server.taken).toEqual([ADDRESS]);
  });

  it('to several people is judged one by one, over one connection', async () => {
    const server = await begin({ RCPT: (_, line) => (line.includes('nobody@') ? '550 5.1.1 nobody' : line.includes('busy@') ? '450 4.2.0 later' : undefined) });
    for (const name of ['nobody', 'ada', 'busy', 'grace']) await accept('default', `${name}@example.com`);
    expect(await endings(1, 'nobody@example.com')).toMatchObject([{ status: 'failed' }]);
    expect(await endings(1, 'busy@example.com')).toMatchObject([{ status: 'deferred', error_code: 'smtp_450' }]);
    expect(await endings(1, 'ada@example.com')).toMatchObject([{ status: 'sent' }]);
    expect(await endings(1, 'grace@example.com')).toMatchObject([{ status: 'sent' }]);
    expect(server.taken.sort()).toEqual(['ada@example.com', 'grace@example.com']);
    expect(await suppressions()).toMatchObject([{ address_canonical: 'nobody@example.com' }]);
  });

  it.each([
    ['503 at MAIL', '503 5.5.1 sequence', 1],
    ['a close at MAIL on a kept connection', CLOSE, 2],
    ['421 at MAIL on a kept connection', '421 4.4.2 idle for too long', 2],
  ] as const)('is tried again at once on a new connection after %s', async (_, behaviour, failing) => {
    const server = await begin({ MAIL: (time) => (time === failing ? behaviour : undefined) });
    for (let n = 1; n <= failing; n++) {
      await otpost!.api.register(`guest${n}@example.com`);
      expect(await endings(1, `guest${n}@example.com`)).toMatchObject([{ status: 'sent', attempt: 1 }]);
    }
    expect(server.connections).toBe(2);
    expect(server.taken).toHaveLength(failing);
    expect(await states()).toMatchObject([{ failures: 0 }]);
  });

  it('that was greylisted comes back to the same server, a code soon and the rest in minutes', async () => {
    const other = await MisbehavingSmtp.start();
    try {
      const server = await begin({ RCPT: (time) => (time <= 2 ? '450 4.2.0 greylisted' : undefined) }, { url: (it) => `${it.url},${other.url}` });
      const id = await accept('default', 'ada@example.com');
      await endings(1, 'ada@example.com');
      const [row] = await otpost!.database.query<{ seconds: number }>(
        'SELECT extract(epoch FROM next_attempt_at - now())::float8 AS seconds FROM outbound_emails WHERE id = $1',
        [id],
      );
      expect(row!.seconds).toBeGreaterThan(295);
      expect(row!.seconds).toBeLessThan(901);
      await otpost!.api.register(ADDRESS);
      expect(await endings(2)).toMatchObject([{ status: 'deferred' }, { status: 'sent' }]);
      expect(server.taken).toEqual([ADDRESS]);
      expect(other.connections).toBe(0);
    } finally {
      await other.stop();
    }
  });

  it('of unknown outcome: ordinary mail goes out once more, flagged; a code and bulk mail stay', async () => {
    await begin({ 'after the dot': CLOSE });
    await accept('default', 'ada@example.com');
    await accept('bulk', 'bulk@example.com');
    await otpost!.api.register(ADDRESS);
    expect(await endings(2, 'ada@example.com')).toMatchObject([{ status: 'unknown' }, { status: 'deferred', error_code: 'retry_after_unknown' }]);
    await endings(1, 'bulk@example.com');
    await endings();
    const rows = await otpost!.database.query(
      `SELECT to_address, status, possible_duplicate, next_attempt_at > now() + interval '10 minutes' AS late FROM outbound_emails ORDER BY to_address`,
    );
    expect(rows).toMatchObject([
      { to_address: 'ada@example.com', status: 'deferred', possible_duplicate: true, late: true },
      { to_address: 'bulk@example.com', status: 'unknown', possible_duplicate: false },
      { to_address: ADDRESS, status: 'unknown', possible_duplicate: false },
    ]);
    await otpost!.database.query(`UPDATE outbound_emails SET next_attempt_at = now() WHERE to_address = 'ada@example.com'`);
    expect(await endings(3, 'ada@example.com')).toMatchObject([{}, {}, { status: 'unknown' }]);
    await otpost!.api.register('later@example.com');
    await endings(1, 'later@example.com');
    expect(await endings(3, 'ada@example.com')).toHaveLength(3);
    const [twice] = await otpost!.database.query(`SELECT status FROM outbound_emails WHERE to_address = 'ada@example.com'`);
    expect(twice).toEqual({ status: 'unknown' });
  });

  it('whose certificate nobody vouches for stays here', async () => {
    const sink = await SmtpSink.start({ secure: true, disabledCommands: [] });
    try {
      otpost = await startOtpost({ MAIL_TRANSPORTS: `smtps://127.0.0.1:${sink.port}` });
      await otpost.api.register(ADDRESS);
      expect(await endings()).toMatchObject([{ status: 'deferred', error_code: 'smtp_tls', attempt: 0 }]);
      expect(sink.received).toEqual([]);
    } finally {
      await sink.stop();
    }
  });
});

describe('a transport', () => {
  it('with a wrong password is presented it once, keeps its mail, and works again when the server has mended it', async () => {
    let password = '535 5.7.8 wrong';
    const server = await begin({ AUTH: () => password }, { extensions: WITH_LOGIN, url: login });
    const addresses = Array.from({ length: 6 }, (_, n) => `guest${n}@example.com`);
    await Promise.all(addresses.map((address) => otpost!.api.register(address)));
    for (const address of addresses) expect(await endings(1, address)).toMatchObject([{ status: 'deferred', attempt: 0 }]);
    expect(server.count('AUTH')).toBeLessThanOrEqual(2); // the wakes of two registrations may be apart
    password = '235 2.7.0 welcome';
    await eventually(() => server.taken.length === addresses.length, 'all mail to be handed over', 15_000);
    expect(await states()).toMatchObject([{ paused: false, pause_reason: null, failures: 0 }]);
    const sent = async () => otpost!.database.query(`SELECT attempts FROM outbound_emails WHERE status = 'sent'`);
    await eventually(async () => (await sent()).length === addresses.length, 'all hand-overs to be recorded');
    expect(await sent()).toEqual(addresses.map(() => ({ attempts: 1 })));
  });

  it('that is paused is resumed by a process with other settings, and by none with the same', async () => {
    const server = await begin({ AUTH: (_, line) => (line.includes(Buffer.from('\0post\0wrong').toString('base64')) ? '535 5.7.8 wrong' : undefined) }, { extensions: WITH_LOGIN, url: login });
    await otpost!.api.register(ADDRESS);
    await endings();
    const { database } = otpost!;
    await otpost!.process.stop();
    await database.query(`UPDATE transport_states SET backoff_until = now() + interval '1 hour'`);
    const env = { DATABASE_URL: database.url };
    const same = await startOtpost({ ...env, MAIL_TRANSPORTS: login(server) });
    expect(await states()).toMatchObject([{ paused: true }]);
    await same.stop();
    const mended = await startOtpost({ ...env, MAIL_TRANSPORTS: `smtp://post:right@127.0.0.1:${server.port}` });
    expect(await states()).toMatchObject([{ paused: false, failures: 0 }]);
    const [{ fingerprint } = { fingerprint: Buffer.alloc(0) }] = await database.query<{ fingerprint: Buffer }>('SELECT fingerprint FROM transport_states');
    expect(fingerprint).toHaveLength(32);
    await mended.api.register('ada@example.com');
    await eventually(() => server.taken.includes('ada@example.com'), 'the mail to be taken');
    await mended.stop();
  });

  it('that cannot be used leaves the mail to the next one, at once and without an attempt lost', async () => {
    const next = await MisbehavingSmtp.start();
    try {
      await begin({ greeting: '421 4.3.2 busy' }, { url: (it) => `${it.url},${next.url}` });
      await otpost!.api.register(ADDRESS);
      expect(await endings()).toMatchObject([{ status: 'sent', attempt: 1, transport: `127.0.0.1:${next.port}` }]);
    } finally {
      await next.stop();
    }
  });

  it('that may have taken the message is not followed by another', async () => {
    const next = await MisbehavingSmtp.start();
    try {
      await begin({ 'after the dot': CLOSE }, { url: (it) => `${it.url},${next.url}` });
      await otpost!.api.register(ADDRESS);
      expect(await endings()).toMatchObject([{ status: 'unknown' }]);
      expect(next.connections).toBe(0);
    } finally {
      await next.stop();
    }
  });

  it('that stays unreachable is tried ever more seldom, then paused as blocked, and costs no attempt', async () => {
    const server = await begin({ greeting: CLOSE });
    await otpost!.api.register(ADDRESS);
    await endings();
    expect(await feltHere()).toMatchObject([{ failures: 1, paused: false }]);
    await otpost!.database.query('UPDATE transport_hosts SET failures = 4, backoff_until = now()');
    await otpost!.database.query('UPDATE outbound_emails SET next_attempt_at = now()');
    await eventually(async () => (await feltHere())[0]!.paused, 'the transport to be paused');
    expect(await feltHere()).toMatchObject([{ pause_reason: 'unreachable', failures: 5 }]);
    expect(await states()).toMatchObject([{ paused: false, failures: 0, closed: false }]); // others may fare better
    server.script = {};
    await eventually(() => server.taken.length === 1, 'the mail to be handed over', 15_000);
    await eventually(async () => (await feltHere()).length === 0, 'the trouble to be forgotten');
    expect(await otpost!.database.query('SELECT attempts FROM outbound_emails')).toEqual([{ attempts: 1 }]);
  });

  it('in trouble is tried with one message, and the others wait for what it finds', async () => {
    const server = await begin({ RCPT: { afterMs: 400, reply: '250 ok' } });
    await otpost!.database.query('UPDATE transport_states SET failures = 2, backoff_until = now()');
    await Promise.all(Array.from({ length: 5 }, (_, n) => otpost!.api.register(`guest${n}@example.com`)));
    await eventually(() => server.count('RCPT') > 0, 'the trial to be under way');
    expect(server.connections).toBe(1);
    await eventually(() => server.taken.length === 5, 'all mail to be handed over', 15_000);
    expect(await states()).toMatchObject([{ failures: 0 }]);
  });
});
