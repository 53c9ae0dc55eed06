import { composedMail } from '../../support/smtp/composed-mail.js';
import { SmtpDialogue } from '../../support/smtp/smtp-dialogue.js';
import { SmtpWayIn } from '../../support/smtp/smtp-way-in.js';

const FROM = 'shop@example.com';
const [CR, LF] = ['\r', '\n'];

/**
 * What servers took for the end of a message, though it is none (CVE-2023-51764, -51765, -51766 and what was tried
 * after them): where a relay in between did not, the rest became commands of somebody who could only write a text.
 */
const FALSE_ENDS = {
  '<LF>.<LF>': `${LF}.${LF}`,
  '<LF>.<CR><LF>': `${LF}.${CR}${LF}`,
  '<CR><LF>.<LF>': `${CR}${LF}.${LF}`,
  '<CR>.<CR>': `${CR}.${CR}`,
  '<CR>.<CR><LF>': `${CR}.${CR}${LF}`,
  '<CR>.<LF>': `${CR}.${LF}`,
  '<LF>.<CR>': `${LF}.${CR}`,
  '<CR><LF>.<CR>': `${CR}${LF}.${CR}`,
  '<CR><CR><LF>.<CR><LF>': `${CR}${CR}${LF}.${CR}${LF}`,
  '<CR><LF>.<CR><CR><LF>': `${CR}${LF}.${CR}${CR}${LF}`,
  '<LF><LF>.<LF>': `${LF}${LF}.${LF}`,
  '<CR><LF><NUL>.<CR><LF>': `${CR}${LF}\0.${CR}${LF}`,
  '<CR><LF>.<NUL><CR><LF>': `${CR}${LF}.\0${CR}${LF}`,
  '<CR><LF>. <CR><LF>': `${CR}${LF}. ${CR}${LF}`,
  '<CR><LF>..<CR><LF>': `${CR}${LF}..${CR}${LF}`,
};
/** Those whose lines all end as lines do: they are what a text may have, and are passed on as a text. */
const PLAIN = ['<CR><LF><NUL>.<CR><LF>', '<CR><LF>.<NUL><CR><LF>', '<CR><LF>. <CR><LF>', '<CR><LF>..<CR><LF>'];

describe('commands in the text of a message', () => {
  let way: SmtpWayIn;
  let number = 0;

  beforeAll(async () => {
    way = await SmtpWayIn.start();
  });
  afterAll(() => way.stop());

  /** A message whose text goes on as if it had ended, and a good one after it. */
  async function told(falseEnd: string, pieces: (bytes: string) => string[]) {
    const [victim, target, after] = ['ada', 'eve', 'grace'].map((name) => `${name}${++number}@example.com`);
    const dialogue = await SmtpDialogue.loggedIn(way.port, way.key);
    await dialogue.envelope(FROM, victim!);
    const smuggled = [`MAIL FROM:<${FROM}>`, `RCPT TO:<${target}>`, 'DATA', composedMail({ To: target! }, 'Smuggled.')];
    const bytes = `${composedMail({ To: victim! })}${falseEnd}${smuggled.join('\r\n')}\r\n.\r\n`;
    for (const piece of pieces(bytes)) {
      dialogue.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const reply = await dialogue.reply();
    // The client, or the relay in between, goes on with its next message.
    const next = [`MAIL FROM:<${FROM}>`, `RCPT TO:<${after}>`, 'DATA', composedMail({ To: after! }), '.', 'QUIT'];
    dialogue.write(`${next.join('\r\n')}\r\n`);
    const rest = await dialogue.rest();
    const accepted = [await way.acceptedFor(victim!), await way.acceptedFor(target!), await way.acceptedFor(after!)];
    return { reply, rest, accepted: accepted.map(({ length }) => length), victim: victim! };
  }

  const cuts = {
    'in one piece': (bytes: string) => [bytes],
    'byte by byte': (bytes: string) => [...bytes],
    'cut before each dot': (bytes: string) => bytes.split(/(?=\.)/),
    'cut behind each carriage return': (bytes: string) => bytes.split(/(?<=\r)/),
  };

  describe.each(Object.entries(FALSE_ENDS))('behind %s', (name, falseEnd) => {
    it.each(Object.entries(cuts))('become no message, %s', async (_, pieces) => {
      const { reply, rest, accepted, victim } = await told(falseEnd, pieces);
      if (PLAIN.includes(name)) {
        expect(reply).toMatch(/^250 2\.0\.0 Ok: queued as /);
        expect(rest.map((one) => one.slice(0, 3))).toEqual(['250', '250', '354', '250', '221']);
        expect(accepted).toEqual([1, 0, 1]);
        expect((await way.at(victim)).bytes.toString()).toContain('\r\n\r\nSmuggled.\r\n');
      } else {
        expect(reply).toMatch(/^554 5\.6\.0 message: line \d+ has a (line feed|carriage return)/);
        expect(rest).toEqual([]); // hung up: where such a message ends is a matter of opinion
        expect(accepted).toEqual([0, 0, 0]);
      }
    });
  });

  it('are commands behind the end that there is, for that is pipelining', async () => {
    const { accepted } = await told('\r\n.\r\n', cuts['byte by byte']);
    expect(accepted[0]).toBe(1);
    expect(accepted[1]).toBe(1);
  });
});
