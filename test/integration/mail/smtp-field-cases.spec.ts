import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { startOtpost } from '../../support/service/otpost.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { HANG, MisbehavingSmtp, type Script } from '../../support/smtp/misbehaving-smtp.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { SmtpTrials, SOON_WELL, untilSilence } from '../../support/smtp/smtp-trials.js';

putBackAfterwards(TIMEOUTS);

const WAYS = { first: (it: MisbehavingSmtp) => it.url, second: (it: MisbehavingSmtp) => it.url };
/** Those of the service, but for what the cases say. */
const PATIENCE = { ...TIMEOUTS, ...SOON_WELL };
let trials: SmtpTrials<keyof typeof WAYS>;

beforeAll(async () => {
  Object.assign(TIMEOUTS, PATIENCE);
  trials = await SmtpTrials.start(WAYS);
});
afterAll(() => trials.stop());
beforeEach(() => void Object.assign(TIMEOUTS, PATIENCE));
/** Ends what still hangs. */
afterEach(() => Promise.all(Object.values(trials.servers).map((server) => server.startAnew())));

const statusOf = async (to: string) =>
  (
    await trials.otpost.database.query<{ status: string }>(
      'SELECT status FROM outbound_emails WHERE to_address = $1 ORDER BY id DESC LIMIT 1',
      [to],
    )
  )[0]?.status;

describe('a connection that bears no further message', () => {
  let timeToReply: HeldTimers;
  beforeEach(() => {
    timeToReply = HeldTimers.hold();
    Object.assign(TIMEOUTS, untilSilence(timeToReply));
    trials.runOutAtSilence(timeToReply);
  });
  afterEach(() => {
    for (const server of Object.values(trials.servers)) server.onSilence = () => undefined;
    timeToReply.letGo();
  });

  const worn =
    (reply: string, after: number) =>
    (_: number, __: string, { messages }: { messages: number }) =>
      messages >= after ? reply : undefined;

  it.each<[string, Script]>([
    [
      '452 4.4.5 at DATA, the connection left open',
      { DATA: worn('452 4.4.5 Insufficient disk space; try again later', 3) },
    ],
    ['451 at MAIL, the connection left open', { MAIL: worn('451 4.3.0 too many messages on this connection', 3) }],
    ['451 4.4.2 at MAIL, for it was idle', { MAIL: worn('451 4.4.2 Timeout waiting for data from client.', 1) }],
    ['502 at MAIL', { MAIL: worn('502 5.5.1 command not implemented', 2) }],
    ['451 after the dot', { 'after the dot': worn('451 4.3.2 not on this connection', 2) }],
    [
      'silence at MAIL, for a proxy has forgotten it',
      { MAIL: (_, __, { messages }) => (messages >= 1 ? HANG : undefined) },
    ],
  ])('costs no message an attempt: %s', async (_, script) => {
    const server = await trials.begin(['first'], script);
    for (let n = 0; n < 5; n++) {
      expect(await trials.endings(await trials.register())).toMatchObject([{ status: 'sent', attempt: 1 }]);
    }
    expect(server.taken).toHaveLength(5);
    expect(server.connections).toBeGreaterThan(1);
    expect(await trials.stateOf('first')).toMatchObject({ failures: 0 });
    expect(await trials.feltHere()).toEqual([]);
  });

  it('takes those that were idle beside it along', async () => {
    // Four connections at once, all of which are dead afterwards.
    let allFour: () => void;
    const after = new Promise<void>((resolve) => (allFour = resolve));
    const server = await trials.begin(['first'], {
      RCPT: (time) => {
        if (time === 4) allFour();
        return { after, reply: '250 ok' };
      },
      MAIL: (_, __, { connection, messages }) => (connection <= 4 && messages >= 1 ? HANG : undefined),
    });
    await Promise.all(Array.from({ length: 4 }, async () => trials.endings(await trials.register())));
    const before = server.connections;
    expect(before).toBe(4);
    const lines = server.count('MAIL');
    expect(await trials.endings(await trials.register())).toMatchObject([{ status: 'sent', attempt: 1 }]);
    // One of the dead was tried and a new one taken; the other dead ones were not tried any more.
    expect(server.connections).toBe(before + 1);
    expect(server.count('MAIL')).toBe(lines + 2);
  });
});

describe('a code does not wait for other mail', () => {
  beforeEach(() => void Object.assign(TIMEOUTS, { lateMs: 60_000 }));

  it.each<[string, Script]>([
    ['that hangs before the message', { RCPT: (_, line) => (line.includes('slow') ? HANG : undefined) }],
    ['that gets no final reply', { 'after the dot': (_, __, { to }) => (to.startsWith('slow') ? HANG : undefined) }],
    [
      'that is greylisted, and another one that gets no final reply',
      {
        RCPT: (_, line) => (line.includes('slow-grey') ? '451 4.7.1 Greylisted' : undefined),
        'after the dot': (_, __, { to }) => (to.startsWith('slow') ? HANG : undefined),
      },
    ],
    [
      'whose servers want less at a time',
      {
        'after the dot': (_, __, { to }) =>
          to.startsWith('slow-busy') ? '451 4.7.0 slow down' : to.startsWith('slow') ? HANG : undefined,
      },
    ],
  ])('%s', async (_, script) => {
    const server = await trials.begin(['first'], script);
    const slow = [
      ...Array.from({ length: 10 }, (__, n) => `slow${n}@example.com`),
      'slow-grey@example.com',
      'slow-busy@example.com',
    ];
    await Promise.all(slow.map((to, n) => trials.send(n % 3 === 0 ? 'bulk' : 'default', to)));
    await eventually(() => server.count('RCPT') >= 8, 'the slow ones to be under way');
    for (let n = 0; n < 3; n++)
      expect(await trials.endings(await trials.register())).toMatchObject([{ status: 'sent', attempt: 1 }]);
    expect(await statusOf('slow0@example.com')).toBe('sending');
  });
});

describe('a final reply that does not come', () => {
  it('keeps its connection and no slot: other mail of its lane goes on', async () => {
    Object.assign(TIMEOUTS, { lateMs: 100, silentMs: 500 });
    const server = await trials.begin(['first'], {
      'after the dot': (_, __, { to }) => (to.startsWith('slow') ? HANG : undefined),
    });
    const slow = Array.from({ length: 8 }, (_, n) => `slow${n}@example.com`); // as many as the lane has slots
    await Promise.all(slow.map((to) => trials.send('default', to)));
    const other = await trials.send('default');
    await eventually(async () => {
      await trials.wakeOnceDue(other);
      return (await statusOf(other)) === 'sent';
    }, 'the other mail to be sent');
    expect(server.taken).toEqual([other]);
    expect(await statusOf('slow0@example.com')).toBe('sending');
  });
});

describe('a reply about the account or the sender', () => {
  it.each<[string, Script]>([
    ['a quota that lasts a day', { 'after the dot': '550 5.4.5 Daily user sending limit exceeded.' }],
    ['unusual activity', { 'after the dot': '550 5.4.6 Unusual sending activity detected.' }],
    ['an address that is not verified', { 'after the dot': '554 Message rejected: Email address is not verified.' }],
    ['a sender that is not allowed', { MAIL: '550 5.7.1 Sender address is not allowed.' }],
    ['an envelope sender that is not allowed', { MAIL: '550 "envelope sender not allowed"' }],
  ])('is no fault of the recipient, and the next transport takes the mail: %s', async (_, script) => {
    await trials.begin(['first', 'second'], script);
    const to = await trials.register();
    expect(await trials.endings(to)).toMatchObject([{ status: 'sent', transport: trials.names.second }]);
    expect(trials.servers.second.taken).toEqual([to]);
    expect(await trials.suppressions()).toEqual([]);
  });

  it.each(['550 we do not like you', '554 5.3.0 no', '452 4.3.1 Insufficient system storage'])(
    'is that also in unknown words, when everybody is told the same: %s',
    async (reply) => {
      await trials.begin(['first'], { RCPT: reply });
      const addresses = ['ada@one.example', 'ada@two.example', 'ada@three.example'];
      for (const to of addresses) await trials.endings(await trials.send('default', to));
      expect(await trials.endings(addresses[2]!)).toMatchObject([{ status: 'deferred', attempt: 0 }]);
      expect(await trials.stateOf('first')).toMatchObject({ failures: 1, closed: true });
      expect(await trials.suppressions()).toEqual([]);
    },
  );
});

describe('a server that makes us wait', () => {
  it('for its greeting gets the time, and the mail goes out over the connection that comes of it', async () => {
    TIMEOUTS.openingMs = 200;
    let atLast!: () => void;
    const after = new Promise<void>((resolve) => (atLast = resolve));
    const server = await trials.begin(['first'], { greeting: { after, reply: '220 at last' } });
    const to = await trials.register();
    expect(await trials.endings(to)).toMatchObject([
      { status: 'deferred', error_code: 'smtp_greeting_timeout', attempt: 0 },
    ]);
    TIMEOUTS.openingMs = PATIENCE.openingMs;
    atLast();
    await eventually(async () => {
      await trials.wakeOnceDue(to);
      return server.taken.length === 1;
    }, 'the code to be taken');
    expect(server.connections).toBe(1);
  });

  it('for its greeting does not keep the mail from the next transport', async () => {
    TIMEOUTS.openingMs = 200;
    await trials.begin(['first', 'second'], {
      greeting: () => {
        TIMEOUTS.openingMs = PATIENCE.openingMs; // for the second one
        return HANG;
      },
    });
    expect(await trials.endings(await trials.register())).toMatchObject([
      { status: 'sent', transport: trials.names.second },
    ]);
  });

  it('for the final reply of several messages counts as silent, and the next transport takes the rest', async () => {
    Object.assign(TIMEOUTS, { lateMs: 100, silentMs: 60_000 });
    await trials.begin(['first', 'second'], { 'after the dot': HANG });
    for (let n = 0; n < 3; n++) await trials.send('default', `silent${n}@example.com`);
    await eventually(async () => (await trials.stateOf('first')).failures === 1, 'the transport to count as silent');
    expect(await trials.endings(await trials.register())).toMatchObject([
      { status: 'sent', transport: trials.names.second },
    ]);
    const [state] = await trials.otpost.database.query('SELECT last_error_code FROM transport_states WHERE name = $1', [
      trials.names.first,
    ]);
    expect(state).toEqual({ last_error_code: 'final_reply_late' });
  });
});

describe('a strict server', () => {
  it('is told the name that it wants to hear, and gets the one login that works of those it offers', async () => {
    const tried: string[] = [];
    const sink = await SmtpSink.start({
      authOptional: false,
      allowInsecureAuth: true,
      authMethods: ['PLAIN', 'LOGIN', 'CRAM-MD5'],
      onAuth: ({ method }, _, done) => {
        tried.push(method);
        done(method === 'LOGIN' ? null : new Error('5.7.8 not this one'), { user: 'post' });
      },
    });
    const names: string[] = [];
    const server = await MisbehavingSmtp.start({ EHLO: (_, line) => (names.push(line), undefined) });
    const otpost = await startOtpost({
      MAIL_TRANSPORTS: `smtp://post:word@127.0.0.1:${sink.port},${server.url}?helo=mail.example.com`,
    });
    try {
      await otpost.api.register('ada@example.com');
      await sink.waitForMailTo('ada@example.com');
      expect(tried).toEqual(['PLAIN', 'LOGIN']);
      await sink.stop();
      await otpost.api.register('grace@example.com');
      await eventually(() => server.taken.length === 1, 'the second server to take mail');
      expect(names).toEqual(['EHLO mail.example.com']);
    } finally {
      await otpost.stop();
      await server.stop();
    }
  });
});
