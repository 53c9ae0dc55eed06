import type { SmtpPort } from '../../../src/config/settings.js';
import { SmtpDial } from '../../../src/mail/transport/smtp-dial.js';
import type { SmtpSession } from '../../../src/mail/transport/smtp-session.js';
import { type Timeouts, TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { BlackHole } from '../../support/network/black-hole.js';
import { freePort } from '../../support/network/free-port.js';
import { eventually } from '../../support/signals/wait.js';
import { CLOSE, HANG, MisbehavingSmtp, type Script } from '../../support/smtp/misbehaving-smtp.js';

const PASSWORD = 'hunter22';
const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (let end = cleanUp.pop(); end; end = cleanUp.pop()) await end();
});

async function server(script: Script = {}, extensions: string[] = []): Promise<MisbehavingSmtp> {
  const started = await MisbehavingSmtp.start(script, extensions);
  cleanUp.push(() => started.stop());
  return started;
}

/** Less time for a port while there are others, and enough to connect on a busy machine. */
const hasty = (more: Partial<Timeouts> = {}): Timeouts => ({ ...TIMEOUTS, nextPortMs: 1_000, ...more });

/** One server with several ports. */
function dialOf(ports: (number | MisbehavingSmtp | SmtpPort)[], timeouts = hasty()): SmtpDial {
  const settings = {
    kind: 'smtp' as const,
    name: '127.0.0.1',
    host: '127.0.0.1',
    ports: ports.map((one): SmtpPort => {
      if (typeof one === 'number') return { port: one, tls: 'off' };
      return one instanceof MisbehavingSmtp ? { port: one.port, tls: 'off' } : one;
    }),
    user: 'ada',
    password: PASSWORD,
  };
  return new SmtpDial(settings, timeouts, 'otpost.example.com');
}

async function open(dial: SmtpDial): Promise<SmtpSession> {
  const session = await dial.open();
  cleanUp.push(() => session.close());
  return session;
}

/** Something that happens when the test says so. */
function signal(): { given: Promise<void>; give: () => void } {
  let give!: () => void;
  return { given: new Promise((resolve) => (give = resolve)), give: () => give() };
}

describe('a server of several ports', () => {
  it('that greets late at one of them is waited for there, on the same connection, when no other port works', async () => {
    const others = signal();
    const late = await server({ greeting: { after: others.given, reply: '220 at last' } });
    const last = await server({ greeting: CLOSE });
    const opening = open(dialOf([late, await freePort(), last]));
    await eventually(() => last.connections > 0, 'the last port to be tried');
    others.give();
    expect((await opening).usable).toBe(true);
    expect(late.lines).toEqual(['EHLO otpost.example.com']);
    expect(late.connections).toBe(1);
  });

  it('that greets late at the last of them is waited for there', async () => {
    const others = signal();
    const late = await server({ greeting: { after: others.given, reply: '220 at last' } });
    const first = await server({ greeting: CLOSE });
    const opening = open(dialOf([first, late], hasty({ reachAgainMs: 50 })));
    await eventually(() => first.connections > 2, 'the first port to be tried again and again');
    others.give();
    expect((await opening).usable).toBe(true);
    expect(late.connections).toBe(1);
  });

  it('is reached at the one that works at once, which is tried first from then on, and leaves the slow one', async () => {
    const slow = await server({ greeting: HANG });
    const quick = await server();
    const timeouts = hasty();
    const dial = dialOf([slow, quick], timeouts);
    await open(dial);
    await eventually(() => slow.open === 0, 'the slow port to be left');
    timeouts.nextPortMs = TIMEOUTS.nextPortMs;
    await open(dial);
    expect([slow.connections, quick.connections]).toEqual([1, 2]);
  });

  it('is reached at one that comes back while a silent one is still waited for', async () => {
    const silent = await server({ greeting: HANG });
    const back = await server({ greeting: (time) => (time === 1 ? CLOSE : undefined) });
    await open(dialOf([back, silent], hasty({ reachAgainMs: 50 })));
    expect([silent.connections, back.connections]).toEqual([1, 2]);
  });

  it('is out of reach when the one that connected never greets, and tells what the first port said', async () => {
    const silent = await server({ greeting: HANG });
    const failed = dialOf([await freePort(), silent], hasty({ greetingMs: 400 })).open();
    await expect(failed).rejects.toMatchObject({ originalCode: 'ECONNREFUSED' });
    expect(silent.connections).toBe(1);
  });

  it('that turns us away late at one of them is asked at no other', async () => {
    const others = signal();
    const late = await server({ greeting: { after: others.given, reply: '554 5.7.1 not you' } });
    const silent = await server({ greeting: HANG });
    const failed = expect(dialOf([late, silent]).open()).rejects.toMatchObject({ responseCode: 554 });
    await eventually(() => silent.connections > 0, 'the other port to be tried');
    others.give();
    await failed;
    await eventually(() => silent.open === 0, 'the other port to be left');
  });

  it('that takes its time over a login is not shown the password at another port meanwhile', async () => {
    const slow = await server({ AUTH: { afterMs: 2_500, reply: '535 5.7.8 no' } }, ['AUTH PLAIN']);
    const other = await server({}, ['AUTH PLAIN']);
    const opening = dialOf([slow, other], hasty({ nextPortMs: 2_000 })).open();
    await expect(opening).rejects.toMatchObject({ responseCode: 535 });
    expect([slow.count('AUTH'), other.connections]).toEqual([1, 0]);
  });

  it('that keeps a message waiting is told of by its furthest port', async () => {
    const silent = await server({ greeting: HANG });
    const hole = await BlackHole.start();
    cleanUp.push(() => hole.stop());
    const dial = dialOf([silent, hole.port], hasty({ connectMs: 60_000 }));
    expect(dial.tooSlow().timeoutType).toBe('CONNECT_TIMEOUT');
    const failed = dial.open().catch(() => 'left');
    await eventually(() => dial.tooSlow().timeoutType === 'GREETING_TIMEOUT', 'the first port to be connected');
    await silent.stop();
    await eventually(() => dial.tooSlow().timeoutType === 'CONNECT_TIMEOUT', 'the first port to be lost');
    await hole.stop();
    cleanUp.pop();
    expect(await failed).toBe('left');
  });
});

describe('a port without TLS that can be trusted', () => {
  it.each<[string, Script]>([
    ['refuses STARTTLS', { STARTTLS: '502 5.5.1 what?' }],
    ['has no TLS for now', { STARTTLS: '454 4.7.0 TLS not available' }],
    ['closes at STARTTLS', { STARTTLS: '421 4.3.2 not now' }],
    ['speaks no TLS after it said yes', { handshake: { garbage: true } }],
    ['hangs after it said yes', { handshake: HANG }],
    ['knows no EHLO', { EHLO: '502 5.5.1 what?' }],
    ['greets as another program', { greeting: '* OK IMAP4rev1 ready' }],
    ['greets as yet another one', { greeting: '200 news.example.com ready' }],
  ])('that %s is left for the next port, and is shown neither a password nor a message', async (_what, script) => {
    const bare = await server(script, ['STARTTLS', 'AUTH PLAIN']);
    const next = await server({}, ['AUTH PLAIN']);
    await open(dialOf([{ port: bare.port, tls: 'starttls' }, next]));
    expect(next.count('AUTH')).toBe(1);
    expect([bare.count('AUTH'), bare.count('MAIL')]).toEqual([0, 0]);
  });

  it('says so when no other port works', async () => {
    const bare = await server({ STARTTLS: '502 5.5.1 what?' });
    const failed = dialOf([{ port: bare.port, tls: 'starttls' }, await freePort()]).open();
    await expect(failed).rejects.toMatchObject({ code: 'ETLS', responseCode: 502 });
  });
});
