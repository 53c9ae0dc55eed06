import { createHash, randomBytes } from 'node:crypto';
import { LARGEST_MESSAGE } from '../../../src/mail/smtp-submission/incoming-message.js';
import { SMTP_BOUNDS } from '../../../src/mail/smtp-submission/bounds-policy.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { composedMail } from '../../support/smtp/composed-mail.js';
import { SmtpDialogue } from '../../support/smtp/smtp-dialogue.js';
import { idIn, SmtpWayIn } from '../../support/smtp/smtp-way-in.js';

const FROM = 'shop@example.com';
const BOUNDS = { ...SMTP_BOUNDS };

putBackAfterwards(SMTP_BOUNDS);

describe('a client of SMTP submission', () => {
  let way: SmtpWayIn;
  let number = 0;
  const open: SmtpDialogue[] = [];

  beforeAll(async () => {
    way = await SmtpWayIn.start();
  });
  afterEach(async () => {
    Object.assign(SMTP_BOUNDS, BOUNDS);
    for (const dialogue of open.splice(0)) dialogue.hangUp();
    await eventually(async () => {
      const dialogue = await SmtpDialogue.open(way.port);
      const greeting = await dialogue.reply();
      dialogue.hangUp();
      return greeting.startsWith('220 ');
    }, 'places of the test before to be free');
  });
  afterAll(() => way.stop());

  const kept = (dialogue: SmtpDialogue): SmtpDialogue => {
    open.push(dialogue);
    return dialogue;
  };
  const loggedIn = async (): Promise<SmtpDialogue> => kept(await SmtpDialogue.loggedIn(way.port, way.key));
  const somebody = (): string => `bound${++number}@example.com`;
  const webAnswers = async (): Promise<void> => {
    expect((await way.otpost.api.get('/health/live')).status).toBe(200);
    expect((await way.otpost.api.register(`web${++number}@example.com`)).challenge.id).toBeDefined();
  };

  describe('with a large message', () => {
    const lines = (bytes: number): string => {
      const line = `${randomBytes(36).toString('base64')}\r\n`; // 50 bytes
      return line.repeat(bytes / line.length);
    };

    it.each([
      ['with SIZE', true],
      ['without', false],
    ])('of 20 MB is taken whole, %s', async (_, said) => {
      const dialogue = await loggedIn();
      const to = somebody();
      const body = lines(20 * 1024 * 1024);
      const message = composedMail({ To: to, 'Content-Transfer-Encoding': 'base64' }, body);
      expect(await dialogue.say(`MAIL FROM:<${FROM}>${said ? ` SIZE=${message.length}` : ''}`)).toMatch(/^250 /);
      await dialogue.say(`RCPT TO:<${to}>`);
      await dialogue.say('DATA');
      dialogue.write(message);
      dialogue.write('.\r\n');
      idIn(await dialogue.reply());
      const { bytes } = await way.at(to);
      const arrived = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
      expect([arrived.length, digest(arrived)]).toEqual([body.length, digest(Buffer.from(body))]);
    });

    it('that is declared too large is refused at MAIL', async () => {
      const dialogue = await loggedIn();
      expect(await dialogue.say(`MAIL FROM:<${FROM}> SIZE=${LARGEST_MESSAGE + 1}`)).toMatch(/^552 5\.3\.4 /);
      expect(await dialogue.say(`MAIL FROM:<${FROM}> SIZE=${LARGEST_MESSAGE}`)).toMatch(/^250 /);
    });

    it('that grows too large is refused when it ends, and the next one is taken', async () => {
      const dialogue = await loggedIn();
      const to = somebody();
      await dialogue.say(`MAIL FROM:<${FROM}> SIZE=1000`);
      await dialogue.say(`RCPT TO:<${to}>`);
      await dialogue.say('DATA');
      dialogue.write(composedMail({ To: to }, lines(26 * 1024 * 1024)));
      expect(await dialogue.say('.')).toMatch(/^552 5\.3\.4 /);
      expect(await dialogue.send(FROM, to, composedMail({ To: to }))).toMatch(/^250 /);
      expect(await way.acceptedFor(to)).toHaveLength(1);
    });
  });

  describe('that only holds its place', () => {
    it('leaves the web responsive with 500 connections, of which one host gets as many as one may have', async () => {
      const connections = await Promise.all(Array.from({ length: 500 }, () => SmtpDialogue.open(way.port)));
      open.push(...connections);
      const greetings = await Promise.all(connections.map((one) => one.reply()));
      expect(greetings.filter((one) => one.startsWith('220 '))).toHaveLength(SMTP_BOUNDS.connectionsOfOne);
      expect(greetings.filter((one) => one.startsWith('421 4.7.0 Too many connections'))).toHaveLength(
        500 - SMTP_BOUNDS.connectionsOfOne,
      );
      await webAnswers();
      connections.find((_, n) => greetings[n]!.startsWith('220 '))!.hangUp();
      const to = somebody();
      const dialogue = await eventually(loggedIn, 'a place that became free');
      expect(await dialogue.send(FROM, to, composedMail({ To: to }))).toMatch(/^250 /);
    });

    it('is told to go where it does not log in, however many bytes it sends', async () => {
      SMTP_BOUNDS.loginMs = 400;
      const silent = kept(await SmtpDialogue.open(way.port));
      const trickling = kept(await SmtpDialogue.open(way.port));
      await trickling.reply();
      const drip = setInterval(() => trickling.write('N'), 20);
      expect((await silent.rest()).at(-1)).toMatch(/^421 4\.4\.2 It took too long/);
      expect(await trickling.rest()).toEqual([expect.stringMatching(/^421 4\.4\.2 /)]);
      clearInterval(drip);
    });

    it('is told to go where the next command does not come to an end', async () => {
      SMTP_BOUNDS.commandMs = 300;
      const dialogue = await loggedIn();
      const drip = setInterval(() => dialogue.write('N'), 20);
      expect(await dialogue.rest()).toEqual([expect.stringMatching(/^421 4\.4\.2 /)]);
      clearInterval(drip);
    });

    it('is told to go where its message comes a byte at a time for ever, and nothing is kept of it', async () => {
      SMTP_BOUNDS.messageMs = 400;
      const dialogue = await loggedIn();
      const to = somebody();
      await dialogue.envelope(FROM, to);
      dialogue.write(composedMail({ To: to }));
      const drip = setInterval(() => dialogue.write('x'), 20);
      expect(await dialogue.rest()).toEqual([expect.stringMatching(/^421 4\.4\.2 /)]);
      clearInterval(drip);
      await webAnswers();
      expect(await way.acceptedFor(to)).toEqual([]);
    });

    it('may go away in the middle of a message, and nothing is kept of it', async () => {
      const to = somebody();
      const told: unknown[] = [];
      const { log } = way.otpost.process;
      log.error = (...words: unknown[]) => void told.push(words);
      const dialogue = await loggedIn();
      await dialogue.envelope(FROM, to);
      dialogue.write(`${composedMail({ To: to })}\r\n`);
      dialogue.hangUp();
      await webAnswers();
      expect(await way.acceptedFor(to)).toEqual([]);
      Reflect.deleteProperty(log, 'error');
      expect(told).toEqual([]);
    });
  });

  it('that tries passwords leaves the web responsive', async () => {
    const trying = Array.from({ length: 40 }, async () => {
      const refused: string[] = [];
      for (let times = 0; times < 5; times++) {
        const dialogue = await SmtpDialogue.open(way.port);
        await dialogue.reply();
        dialogue.write('EHLO client.example.com\r\n');
        for (let n = 0; n < 5; n++)
          dialogue.write(`AUTH PLAIN ${Buffer.from(`\0a\0wrong ${n}`).toString('base64')}\r\n`);
        refused.push(...(await dialogue.rest()).slice(1));
      }
      return refused;
    });
    const answers = Array.from({ length: 10 }, webAnswers);
    await Promise.all(answers);
    const replies = (await Promise.all(trying)).flat();
    expect(replies.filter((reply) => reply.startsWith('535 '))).toHaveLength(2 * 40 * 5);
    expect(replies.filter((reply) => reply.startsWith('421 '))).toHaveLength(40 * 5);
    await webAnswers();
  });
});

describe('SMTP submission while something is amiss', () => {
  let database: TestDatabase;
  let proxy: StallingProxy;

  beforeAll(async () => {
    database = await createDatabase();
    proxy = await StallingProxy.to(database.url);
  });
  afterAll(async () => {
    await proxy.stop();
    await database.drop();
  });

  it('lets clients keep their mail while Postgres is away, and takes it when it is back', async () => {
    const way = await SmtpWayIn.start({ DATABASE_URL: proxy.through(database.url) }, undefined, database);
    try {
      const to = 'away@example.com';
      const atMail = await SmtpDialogue.loggedIn(way.port, way.key);
      const atData = await SmtpDialogue.loggedIn(way.port, way.key);
      await atData.envelope(FROM, to);
      await proxy.refuse();
      atData.write(composedMail({ To: to, 'Message-ID': '<away@shop.example.com>' }));
      expect(await atData.say('\r\n.')).toMatch(/^451 4\.3\.0 .*Try again in \d+ seconds\.$/);
      expect(await atMail.say(`MAIL FROM:<${FROM}>`)).toMatch(/^451 4\.3\.0 /);
      const atLogin = await SmtpDialogue.open(way.port);
      await atLogin.reply();
      await atLogin.say('EHLO client.example.com');
      expect(await atLogin.logIn(way.key)).toMatch(/^454 4\.3\.0 /);
      await proxy.takeAgain();
      const again = await eventually(async () => {
        const reply = await atMail.say(`MAIL FROM:<${FROM}>`);
        return reply.startsWith('250 ') && reply;
      }, 'Postgres to be back');
      expect(again).toMatch(/^250 /);
      await atMail.say('RSET');
      const message = composedMail({ To: to, 'Message-ID': '<away@shop.example.com>' });
      const id = idIn(await atMail.send(FROM, to, message));
      expect(await way.acceptedFor(to)).toEqual([id]);
      for (const dialogue of [atMail, atData, atLogin]) dialogue.hangUp();
    } finally {
      await way.stop();
    }
  });

  it('counts wrong passwords with all else that a network asks for, and good ones not', async () => {
    const way = await SmtpWayIn.start({ LIMIT_IP: '4/10min' });
    try {
      const trying = async (): Promise<SmtpDialogue> => {
        const dialogue = await SmtpDialogue.open(way.port);
        await dialogue.reply();
        await dialogue.say('EHLO client.example.com');
        return dialogue;
      };
      const [first, second] = [await trying(), await trying()];
      for (const dialogue of [first, first, second, second])
        expect(await dialogue.logIn('wrong')).toMatch(/^535 5\.7\.8 /);
      expect(await second.logIn('wrong')).toMatch(
        /^454 4\.7\.0 Too many requests came from your network\. Try again in \d+ seconds\.$/,
      );
      const web = await way.otpost.api.post('/v1/accounts', { email: 'ada@example.com' });
      expect(web.status).toBe(429);
      (await SmtpDialogue.loggedIn(way.port, way.key)).hangUp();
      for (const dialogue of [first, second]) dialogue.hangUp();
    } finally {
      await way.stop();
    }
  });

  it('tells a key that sends too much when it may again', async () => {
    const way = await SmtpWayIn.start({ LIMIT_KEY: '1/min' });
    try {
      const dialogue = await SmtpDialogue.loggedIn(way.port, way.key);
      expect(await dialogue.send(FROM, 'a@example.com', composedMail())).toMatch(/^250 /);
      expect(await dialogue.send(FROM, 'b@example.com', composedMail())).toMatch(
        /^451 4\.7\.0 .*Try again in \d+ seconds\.$/,
      );
      dialogue.hangUp();
    } finally {
      await way.stop();
    }
  });

  it('finishes what is being accepted when it stops, and takes nothing more', async () => {
    const way = await SmtpWayIn.start();
    const idle = await SmtpDialogue.loggedIn(way.port, way.key);
    const busy = await SmtpDialogue.loggedIn(way.port, way.key);
    await busy.envelope(FROM, 'late@example.com');
    const { port } = way;
    const stopped = way.otpost.process.stop();
    expect(await idle.rest()).toEqual([expect.stringMatching(/^421 4\.3\.2 /)]);
    const refused = await SmtpDialogue.open(port);
    expect(await refused.rest()).toEqual([]);
    busy.write(composedMail({ To: 'late@example.com' }));
    expect(await busy.say('\r\n.')).toMatch(/^250 2\.0\.0 Ok: queued as /);
    expect(await busy.rest()).toEqual([expect.stringMatching(/^421 4\.3\.2 /)]);
    await stopped;
    expect(await way.acceptedFor('late@example.com')).toHaveLength(1);
    await way.stop();
  });

  it('waits for a message under way no longer than it may', async () => {
    SMTP_BOUNDS.leavingMs = 200;
    const way = await SmtpWayIn.start();
    const busy = await SmtpDialogue.loggedIn(way.port, way.key);
    await busy.envelope(FROM, 'never@example.com');
    await way.otpost.process.stop();
    expect(await busy.rest()).toEqual([expect.stringMatching(/^421 4\.3\.2 /)]);
    await way.stop();
  });
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
