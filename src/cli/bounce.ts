import { parseArgs } from 'node:util';
import { BAD_DATA, type Command, TRY_AGAIN } from './command.js';

/** Bytes. A bounce may bring the whole message back, attachments and all. */
const LARGEST = 10 * 1024 * 1024;

const bounce: Command = {
  name: 'bounce',
  summary: 'take in a bounce that came as mail, from standard input',
  failsWith: TRY_AGAIN,
  help: `Usage: otpost bounce < message.eml

Reads a delivery status notification (RFC 3464) and records it in the timeline of the message it speaks of. It is meant
for a mail server to pipe bounces into, such as with Postfix, in master.cf:

  otpost  unix  -  n  n  -  2  pipe  user=otpost argv=/usr/bin/otpost bounce

The message is told by the address the bounce came to (see BOUNCE_ADDRESS), or by the Message-ID of what was returned,
and the recipient has to be the message's own.

Exit codes are those of sysexits.h: 0 taken in, or about no message of ours; 65 no delivery status notification; 75 the
database cannot be reached, try again.`,
  parse(args) {
    parseArgs({ args, options: {} });
    return async (prisma, terminal) => {
      const source = await standardInput();
      if (!source) {
        terminal.err(`The message is larger than ${LARGEST / 1024 / 1024} MiB.`);
        return BAD_DATA;
      }
      const { takeBounce } = await import('./bounce-work.js');
      return takeBounce(source, prisma, terminal);
    };
  },
};

export const BOUNCE_COMMANDS: readonly Command[] = [bounce];

/** Undefined: too large. */
async function standardInput(): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
