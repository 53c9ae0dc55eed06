import fc from 'fast-check';
import { sized } from '../../support/faults/fault-form.js';
import { SmtpDialogue } from '../../support/smtp/smtp-dialogue.js';
import { SmtpWayIn } from '../../support/smtp/smtp-way-in.js';

type Command = 'EHLO' | 'AUTH' | 'MAIL' | 'MAIL of a stranger' | 'RCPT' | 'RCPT of nobody' | 'DATA' | 'RSET' | 'NOOP';

const COMMANDS: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Command>('MAIL', 'RCPT', 'RCPT', 'DATA') },
  { weight: 3, arbitrary: fc.constantFrom<Command>('EHLO', 'AUTH', 'RSET', 'NOOP') },
  { weight: 1, arbitrary: fc.constantFrom<Command>('MAIL of a stranger', 'RCPT of nobody') },
);

/** Bodies whose lines look like what ends a message, or like commands. */
const BODIES = fc.constantFrom(
  'Good day.',
  '.',
  '..',
  '.\r\n.',
  'a\r\n..\r\nb',
  '',
  'QUIT\r\nRSET',
  ' .',
  'x'.repeat(3_000),
);

interface Conversation {
  commands: Command[];
  bodies: string[];
  /** Whether it begins as every client does. */
  isProper: boolean;
  /** Bytes of its pieces, over and over. */
  cuts: number[];
}

interface Expected {
  bytes: string;
  codes: number[];
  messages: { to: string[]; body: string }[];
}

let people = 0;

/** What RFC 5321 and RFC 4954 have a server answer; pure but for new addresses. */
function expectedOf({ commands, bodies, isProper }: Conversation, key: string): Expected {
  const state = { greeted: false, authed: false, from: false, to: [] as string[] };
  const expected: Expected = { bytes: '', codes: [], messages: [] };
  const say = (line: string, code: number): void => {
    expected.bytes += `${line}\r\n`;
    expected.codes.push(code);
  };
  const forget = (): void => void Object.assign(state, { from: false, to: [] });
  for (const command of isProper ? (['EHLO', 'AUTH', ...commands] as Command[]) : commands) {
    switch (command) {
      case 'EHLO':
        say('EHLO client.example.com', 250);
        state.greeted = true;
        forget();
        break;
      case 'AUTH':
        say(`AUTH PLAIN ${Buffer.from(`\0a\0${key}`).toString('base64')}`, !state.greeted || state.authed ? 503 : 235);
        state.authed ||= state.greeted;
        break;
      case 'MAIL':
      case 'MAIL of a stranger': {
        const isStranger = command !== 'MAIL';
        const code = !state.greeted ? 503 : !state.authed ? 530 : state.from ? 503 : isStranger ? 550 : 250;
        say(`MAIL FROM:<${isStranger ? 'eve@elsewhere.example' : 'shop@example.com'}>`, code);
        state.from ||= code === 250;
        break;
      }
      case 'RCPT': {
        const to = `person${++people}@example.com`;
        const code = !state.greeted ? 503 : !state.authed ? 530 : state.from ? 250 : 503;
        say(`RCPT TO:<${to}>`, code);
        if (code === 250) state.to.push(to);
        break;
      }
      case 'RCPT of nobody':
        say('RCPT TO:<nobody@>', !state.greeted ? 503 : !state.authed ? 530 : 501);
        break;
      case 'DATA': {
        if (!state.greeted || !state.authed || state.to.length === 0) {
          say('DATA', !state.greeted ? 503 : !state.authed ? 530 : 503);
          break;
        }
        const body = bodies[expected.messages.length % bodies.length]!;
        say('DATA', 354);
        const message = `From: shop@example.com\r\nTo: ${state.to[0]}\r\nSubject: S\r\n\r\n${body}`;
        say(`${message.replaceAll(/^\./gm, '..')}\r\n.`, 250);
        expected.messages.push({ to: state.to, body: `${body}\r\n` });
        forget();
        break;
      }
      case 'RSET':
        say('RSET', 250);
        forget();
        break;
      case 'NOOP':
        say('NOOP', 250);
    }
  }
  return expected;
}

describe('conversations of SMTP', () => {
  let way: SmtpWayIn;
  beforeAll(async () => {
    way = await SmtpWayIn.start();
  });
  afterAll(() => way.stop());

  /** Each piece of one, then of the next: what one connection says never becomes part of what another does. */
  async function sideBySide(conversations: Conversation[]): Promise<void> {
    const dialogues = await Promise.all(conversations.map(() => SmtpDialogue.open(way.port)));
    const expected = conversations.map((one) => expectedOf(one, way.key));
    await Promise.all(dialogues.map((dialogue) => dialogue.reply()));
    const left = expected.map(({ bytes }) => bytes);
    for (let turn = 0; left.some((bytes) => bytes !== ''); turn++) {
      for (const [n, dialogue] of dialogues.entries()) {
        const { cuts } = conversations[n]!;
        const piece = left[n]!.slice(0, cuts[turn % cuts.length]);
        left[n] = left[n]!.slice(piece.length);
        if (piece !== '') dialogue.write(piece);
      }
      await new Promise(setImmediate);
    }
    for (const [n, dialogue] of dialogues.entries()) {
      const codes: number[] = [];
      for (let count = 0; count < expected[n]!.codes.length; count++)
        codes.push(Number((await dialogue.reply()).slice(0, 3)));
      expect(codes).toEqual(expected[n]!.codes);
      dialogue.hangUp();
    }
    for (const { to, body } of expected.flatMap(({ messages }) => messages)) {
      const [first] = to;
      await way.at(first!);
      const arrived = way.arrived.filter((one) => one.to.includes(first!));
      expect(arrived.map((one) => [one.to, one.bytes.toString().split('\r\n\r\n').slice(1).join('\r\n\r\n')])).toEqual([
        [to, body],
      ]);
    }
  }

  it('are answered in order and as the RFC has it, however their commands follow, are cut, and come side by side', async () => {
    const conversation: fc.Arbitrary<Conversation> = fc.record({
      commands: fc.array(COMMANDS, { minLength: 1, maxLength: 14 }),
      bodies: fc.array(BODIES, { minLength: 1, maxLength: 4 }),
      isProper: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.boolean()),
      cuts: fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(100, 10_000)), {
        minLength: 1,
        maxLength: 6,
      }),
    });
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(conversation, { minLength: 1, maxLength: 4 }), async (conversations) => {
        const before = way.arrived.length;
        await sideBySide(conversations);
        accepted += way.arrived.length - before;
      }),
      { numRuns: sized(40, 1_000) },
    );
    expect(accepted).toBeGreaterThan(10);
    const [{ count }] = (await way.otpost.database.query<{ count: string }>(
      'SELECT count(*) FROM outbound_emails WHERE split_from IS NULL',
    )) as [{ count: string }];
    expect(Number(count)).toBe(way.arrived.length);
  });
});
