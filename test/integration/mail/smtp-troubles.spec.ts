import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { startOtpost } from '../../support/service/otpost.js';
import { backToNow, letPass } from '../../support/signals/ahead.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { CLOSE, type MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { SmtpTrials, SOON_WELL } from '../../support/smtp/smtp-trials.js';

putBackAfterwards(TIMEOUTS);

const WITH_LOGIN = ['AUTH PLAIN'];
const login = (server: MisbehavingSmtp): string => `smtp://post:wrong@127.0.0.1:${server.port}`;
const WAYS = { first: (it: MisbehavingSmtp) => it.url, second: (it: MisbehavingSmtp) => it.url, login };
const PATIENCE = { ...TIMEOUTS, ...SOON_WELL };
let trials: SmtpTrials<keyof typeof WAYS>;

beforeAll(async () => {
  Object.assign(TIMEOUTS, PATIENCE);
  trials = await SmtpTrials.start(WAYS);
});
afterAll(async () => {
  await trials.stop();
  backToNow();
});

afterEach(() => void Object.assign(TIMEOUTS, PATIENCE));

/** Seconds from the end of the first attempt to the next one. */
async function waitAfter(to: string): Promise<number> {
  const [row] = await trials.otpost.database.query<{ seconds: number }>(
    `SELECT extract(epoch FROM m.next_attempt_at - e.at)::float8 AS seconds FROM outbound_emails m JOIN email_events e ON e.email_id = m.id
     WHERE m.to_address = $1 AND e.status = 'deferred' ORDER BY e.id LIMIT 1`,
    [to],
  );
  return row!.seconds;
}

describe('mail', () => {
  const slow = (reply: string) => ({ afterMs: 20, reply });

  it('goes out to a server that is slow at every step', async () => {
    // All but the time for the final reply.
    const shorter = HeldTimers.hold();
    const { ms } = shorter;
    Object.assign(TIMEOUTS, { greetingMs: ms, firstWordMs: ms, envelope: ms, transferring: ms });
    const server = await trials.begin(['first'], {
      greeting: slow('220 hello'),
      EHLO: slow('250 hello'),
      MAIL: slow('250 ok'),
      RCPT: slow('250 ok'),
      DATA: slow('354 go on'),
      'after the dot': () => {
        shorter.runOut(); // longer than anything else may take
        return slow('250 taken');
      },
    });
    const address = await trials.register();
    expect(await trials.endings(address)).toMatchObject([{ status: 'sent', attempt: 1 }]);
    expect(server.taken).toEqual([address]);
    shorter.letGo();
  });

  it('to several people is judged one by one, and only who is refused for now is tried over a second connection', async () => {
    const server = await trials.begin(['first'], {
      RCPT: (_, line) =>
        line.includes('nobody@') ? '550 5.1.1 nobody' : line.includes('busy@') ? '450 4.2.0 later' : undefined,
    });
    const ending = async (name: string) =>
      (await trials.endings(await trials.send('default', `${name}@example.com`)))[0];
    expect(await ending('nobody')).toMatchObject({ status: 'failed' });
    expect(await ending('ada')).toMatchObject({ status: 'sent' });
    expect(await ending('busy')).toMatchObject({ status: 'deferred', error_code: 'smtp_450' });
    expect(await ending('grace')).toMatchObject({ status: 'sent' });
    expect(server.taken).toEqual(['ada@example.com', 'grace@example.com']);
    expect(server.connections).toBe(2);
    expect(await trials.suppressions()).toMatchObject([{ address_canonical: 'nobody@example.com' }]);
  });

  it.each([
    ['503 at MAIL', '503 5.5.1 sequence', 1],
    ['a close at MAIL on a kept connection', CLOSE, 2],
    ['421 at MAIL on a kept connection', '421 4.4.2 idle for too long', 2],
  ] as const)('is tried again at once on a new connection after %s', async (_, behaviour, failing) => {
    const server = await trials.begin(['first'], { MAIL: (time) => (time === failing ? behaviour : undefined) });
    for (let n = 1; n <= failing; n++) {
      expect(await trials.endings(await trials.register())).toMatchObject([{ status: 'sent', attempt: 1 }]);
    }
    expect(server.connections).toBe(2);
    expect(server.taken).toHaveLength(failing);
    expect(await trials.stateOf('first')).toMatchObject({ failures: 0 });
  });

  it('that was greylisted comes back to the same server, a code soon and the rest in minutes', async () => {
    const server = await trials.begin(['first', 'second'], {
      RCPT: (time) => (time <= 3 ? '450 4.2.0 greylisted' : undefined),
    });
    const ordinary = await trials.send('default');
    await trials.endings(ordinary);
    const seconds = await waitAfter(ordinary);
    expect([seconds >= 299.9, seconds <= 900.1]).toEqual([true, true]);
    const code = await trials.register();
    await trials.endings(code);
    await trials.wakeOnceDue(code);
    expect(await trials.endings(code, 2)).toMatchObject([{ status: 'deferred' }, { status: 'sent' }]);
    expect(server.taken).toEqual([code]);
    expect(trials.servers.second.connections).toBe(0);
  });

  it('whose sender is refused is tried again once a minute, though due mail is looked for every other second', async () => {
    await trials.begin(['first'], { MAIL: '553 5.7.1 Sender address rejected: not owned by user' });
    const code = await trials.register();
    expect(await trials.endings(code)).toMatchObject([{ status: 'deferred', error_code: 'smtp_sender', attempt: 0 }]);
    expect(await waitAfter(code)).toBeGreaterThanOrEqual(60);
  });

  it('whose sender one server refuses waits for no longer than the other one is away', async () => {
    await trials.begin(['first'], { MAIL: '553 5.7.1 Sender address rejected: not owned by user' });
    await trials.otpost.database.query(
      `UPDATE transport_states SET backoff_until = now() + interval '30 seconds' WHERE name = $1`,
      [trials.names.second],
    );
    const code = await trials.register();
    await trials.endings(code);
    const seconds = await waitAfter(code);
    expect([seconds > 0.6, seconds <= 36.1]).toEqual([true, true]); // as long as the break lasts, and a fifth more by chance
  });

  it('that waited for days before its first attempt is kept as long as any other that a full mailbox refuses', async () => {
    await trials.begin(['first'], { RCPT: '452 4.2.2 mailbox full' });
    const { database } = trials.otpost;
    await database.query('INSERT INTO lane_pauses (lane) VALUES ($1)', ['default']);
    const held = await trials.send('default');
    await database.query(`UPDATE outbound_emails SET created_at = now() - interval '5 days' WHERE to_address = $1`, [
      held,
    ]);
    await database.query('DELETE FROM lane_pauses');
    await trials.send('default'); // wakes its lane
    expect(await trials.endings(held)).toMatchObject([{ status: 'deferred', error_code: 'smtp_452', attempt: 1 }]);
    await database.query(
      `UPDATE outbound_emails SET tried_since = now() - interval '25 hours', next_attempt_at = now() WHERE to_address = $1`,
      [held],
    );
    await trials.send('default');
    expect(await trials.endings(held, 2)).toMatchObject([{}, { status: 'failed', error_code: 'smtp_452', attempt: 2 }]);
  });

  it('of unknown outcome: ordinary mail goes out once more, flagged; a code and bulk mail stay', async () => {
    await trials.begin(['first'], { 'after the dot': CLOSE });
    const { database } = trials.otpost;
    const [ordinary, bulk, code] = await Promise.all([trials.send('default'), trials.send('bulk'), trials.register()]);
    expect(await trials.endings(ordinary, 2)).toMatchObject([
      { status: 'unknown' },
      { status: 'deferred', error_code: 'retry_after_unknown' },
    ]);
    await trials.endings(bulk);
    await trials.endings(code);
    const become = async (to: string) =>
      (
        await database.query(
          `SELECT status, possible_duplicate, next_attempt_at > now() + interval '10 minutes' AS late FROM outbound_emails WHERE to_address = $1`,
          [to],
        )
      )[0];
    expect(await become(ordinary)).toMatchObject({ status: 'deferred', possible_duplicate: true, late: true });
    expect(await become(bulk)).toMatchObject({ status: 'unknown', possible_duplicate: false });
    expect(await become(code)).toMatchObject({ status: 'unknown', possible_duplicate: false });
    await database.query('UPDATE outbound_emails SET next_attempt_at = now() WHERE to_address = $1', [ordinary]);
    await trials.send('default'); // wakes its lane
    expect(await trials.endings(ordinary, 3)).toMatchObject([{}, {}, { status: 'unknown' }]);
    await trials.endings(await trials.send('default')); // a later look at the same lane
    expect(await become(ordinary)).toMatchObject({ status: 'unknown' });
  });

  it('whose certificate nobody vouches for stays here', async () => {
    const sink = await SmtpSink.start({ secure: true, disabledCommands: [] });
    const otpost = await startOtpost({ MAIL_TRANSPORTS: `smtps://127.0.0.1:${sink.port}` });
    try {
      await otpost.api.register('grace@example.com');
      const first = await eventually(
        async () =>
          (
            await otpost.database.query(
              `SELECT status, error_code, attempt FROM email_events WHERE status NOT IN ('queued', 'sending') ORDER BY id`,
            )
          )[0],
        'the first attempt to end',
      );
      expect(first).toEqual({ status: 'deferred', error_code: 'smtp_tls', attempt: 0 });
      expect(sink.received).toEqual([]);
    } finally {
      await otpost.stop();
      await sink.stop();
    }
  });
});

describe('a transport', () => {
  it('with a wrong password is presented it once, keeps its mail, and works again when the server has mended it', async () => {
    let password = '535 5.7.8 wrong';
    const hour = 3_600_000;
    Object.assign(TIMEOUTS, { loginAgainMs: hour, probeEveryMs: hour }); // which passes when the test says so
    const server = await trials.begin(['login'], { AUTH: () => password }, WITH_LOGIN);
    const addresses = await Promise.all(Array.from({ length: 6 }, () => trials.register()));
    const { database } = trials.otpost;
    const waiting = await eventually(async () => {
      const all = await database.query<{ status: string; attempts: number }>(
        'SELECT status, attempts FROM outbound_emails',
      );
      return (await trials.stateOf('login')).paused && all.every(({ status }) => status !== 'sending') && all;
    }, 'the transport to be paused, and no attempt under way');
    expect(waiting.map(({ attempts }) => attempts)).toEqual(addresses.map(() => 0));
    expect(waiting.map(({ status }) => status)).toContain('deferred');
    expect(server.count('AUTH')).toBe(1);
    password = '235 2.7.0 welcome';
    letPass(hour / 1_000);
    TIMEOUTS.probeEveryMs = PATIENCE.probeEveryMs;
    await database.query('UPDATE transport_states SET backoff_until = now() WHERE name = $1', [trials.names.login]);
    await database.query('UPDATE outbound_emails SET next_attempt_at = now()');
    await trials.wakeOnceDue(...addresses);
    await eventually(async () => (await trials.stateOf('login')).failures === 0, 'the trial');
    await trials.wakeOnceDue(...addresses);
    await eventually(() => server.taken.length === addresses.length, 'all mail to be handed over');
    expect(await trials.stateOf('login')).toMatchObject({ paused: false, pause_reason: null, failures: 0 });
    const sent = async () => database.query(`SELECT attempts FROM outbound_emails WHERE status = 'sent'`);
    await eventually(async () => (await sent()).length === addresses.length, 'all hand-overs to be recorded');
    expect(await sent()).toEqual(addresses.map(() => ({ attempts: 1 })));
  });

  it('that is paused is resumed by a process with other settings, and by none with the same', async () => {
    const former = await SmtpTrials.start({ login });
    const { database } = former.otpost;
    try {
      const server = await former.begin(
        ['login'],
        {
          AUTH: (_, line) =>
            line.includes(Buffer.from('\0post\0wrong').toString('base64')) ? '535 5.7.8 wrong' : undefined,
        },
        WITH_LOGIN,
      );
      await former.endings(await former.register());
      await former.otpost.process.stop();
      await database.query(`UPDATE transport_states SET backoff_until = now() + interval '1 hour'`);
      const env = { DATABASE_URL: database.url };
      const same = await startOtpost({ ...env, MAIL_TRANSPORTS: login(server) });
      expect(await former.stateOf('login')).toMatchObject({ paused: true });
      await same.stop();
      const mended = await startOtpost({ ...env, MAIL_TRANSPORTS: `smtp://post:right@127.0.0.1:${server.port}` });
      expect(await former.stateOf('login')).toMatchObject({ paused: false, failures: 0 });
      const [{ fingerprint } = { fingerprint: Buffer.alloc(0) }] = await database.query<{ fingerprint: Buffer }>(
        'SELECT fingerprint FROM transport_states',
      );
      expect(fingerprint).toHaveLength(32);
      await mended.api.register('ada@example.com');
      await eventually(() => server.taken.includes('ada@example.com'), 'the mail to be taken');
      await mended.stop();
    } finally {
      await former.stop();
    }
  });

  it('that cannot be used leaves the mail to the next one, at once and without an attempt lost', async () => {
    await trials.begin(['first', 'second'], { greeting: '421 4.3.2 busy' });
    expect(await trials.endings(await trials.register())).toMatchObject([
      { status: 'sent', attempt: 1, transport: trials.names.second },
    ]);
  });

  it('that may have taken the message is not followed by another', async () => {
    await trials.begin(['first', 'second'], { 'after the dot': CLOSE });
    expect(await trials.endings(await trials.register())).toMatchObject([{ status: 'unknown' }]);
    expect(trials.servers.second.connections).toBe(0);
  });

  it('that stays unreachable is tried ever more seldom, then paused as blocked, and costs no attempt', async () => {
    const server = await trials.begin(['first'], { greeting: CLOSE });
    const { database } = trials.otpost;
    const address = await trials.register();
    await trials.endings(address);
    expect(await trials.feltHere()).toMatchObject([{ failures: 1, paused: false }]);
    await database.query('UPDATE transport_hosts SET failures = 4, backoff_until = now()');
    await database.query('UPDATE outbound_emails SET next_attempt_at = now()');
    await trials.wake();
    await eventually(async () => (await trials.feltHere())[0]!.paused, 'the transport to be paused');
    expect(await trials.feltHere()).toMatchObject([{ pause_reason: 'unreachable', failures: 5 }]);
    expect(await trials.stateOf('first')).toMatchObject({ paused: false, failures: 0, closed: false }); // others may fare better
    server.script = {};
    await trials.wakeOnceDue(address);
    await eventually(() => server.taken.length === 1, 'the mail to be handed over');
    await eventually(async () => (await trials.feltHere()).length === 0, 'the trouble to be forgotten');
    expect(await database.query('SELECT attempts FROM outbound_emails WHERE to_address = $1', [address])).toEqual([
      { attempts: 1 },
    ]);
  });

  it('in trouble is tried with one message; the others wait for what it finds, but for codes', async () => {
    let letOn!: () => void;
    const after = new Promise<void>((resolve) => (letOn = resolve));
    const server = await trials.begin(['first'], {
      RCPT: (_, line) => (line.includes('code') ? undefined : { after, reply: '250 ok' }),
    });
    await trials.otpost.database.query(
      'UPDATE transport_states SET failures = 2, backoff_until = now() WHERE name = $1',
      [trials.names.first],
    );
    await Promise.all(Array.from({ length: 4 }, () => trials.send('default')));
    await eventually(() => server.count('RCPT') > 0, 'the trial to be under way');
    expect(server.connections).toBe(1);
    const code = await trials.register('code@example.com');
    expect(await trials.endings(code)).toMatchObject([{ status: 'sent', attempt: 1 }]);
    expect(server.taken).toEqual([code]);
    letOn();
    await eventually(async () => (await trials.stateOf('first')).failures === 0, 'the trial to have gone well');
    await eventually(() => server.taken.length === 5, 'all mail to be handed over');
    expect(await trials.stateOf('first')).toMatchObject({ failures: 0 });
  });
});
