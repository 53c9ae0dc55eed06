import { parseArgs } from 'node:util';
import { Transactions } from '../database/unit-of-work.js';
import { Bounces } from '../mail/hooks/bounces.js';
import { ProviderEvents } from '../mail/hooks/provider-events.js';
import type { Command, ExitCode, Terminal } from './command.js';

/** Bytes. A bounce may bring the whole message back, attachments and all. */
const LARGEST = 10 * 1024 * 1024;
/** EX_DATAERR and EX_TEMPFAIL of sysexits.h, which mail servers go by. */
const BAD_DATA: ExitCode = 65;
const TRY_AGAIN: ExitCode = 75;

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
      const bounces = new Bounces(prisma, new ProviderEvents(prisma, new Transactions(prisma)));
      return told(await bounces.take(source, new Date()), terminal);
    };
  },
};

export const BOUNCE_COMMANDS: readonly Command[] = [bounce];

function told(taken: Awaited<ReturnType<Bounces['take']>>, terminal: Terminal): ExitCode {
  switch (taken.kind) {
    case 'not_a_dsn':
      terminal.err('This is no delivery status notification (RFC 3464): nothing was recorded.');
      return BAD_DATA;
    case 'not_ours':
      terminal.err('It speaks of no message of ours, or tells nothing that matters: nothing was recorded.');
      return 0;
    case 'taken': {
      const [change] = taken.settled.changed;
      const became = change ? `it is ${change.status} now` : 'its state stays as it is';
      terminal.err(taken.duplicate ? `Known already, of message ${taken.emailId}.` : `Recorded for message ${taken.emailId}; ${became}.`);
      return 0;
    }
  }
}

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
