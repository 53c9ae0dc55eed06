import type { Command } from './command.js';
import { BAD_DATA, type ExitCode, TRY_AGAIN } from './io.js';
import type { Session } from './session.js';

/** Bytes. A bounce may bring the whole message back, attachments and all. */
const LARGEST = 10 * 1024 * 1024;

export function declare(program: Command): void {
  const bounce = program
    .command('bounce')
    .summary('take in a bounce that came as mail, from standard input')
    .synopsis('< message.eml')
    .description(
      `Reads a delivery status notification (RFC 3464) and records it in the timeline of the message it speaks of. It is meant
for a mail server to pipe bounces into, such as with Postfix, in master.cf:

  otpost  unix  -  n  n  -  2  pipe  user=otpost argv=/usr/bin/otpost bounce

The message is told by the address the bounce came to (see BOUNCE_ADDRESS), or by the Message-ID of what was returned,
and the recipient has to be the message's own.

Exit codes are those of sysexits.h: 0 taken in, or about no message of ours; 65 no delivery status notification; 75 the
database cannot be reached, try again.`,
    )
    .onDatabase(takeBounce);
  bounce.failsWith = TRY_AGAIN;
}

async function takeBounce({ io, prisma, transactions, clock }: Session): Promise<ExitCode> {
  const source = await io.input(LARGEST);
  if (!source) {
    io.err(`The message is larger than ${LARGEST / 1024 / 1024} MiB.`);
    return BAD_DATA;
  }
  const { Bounces } = await import('../mail/events/bounces.js');
  const { ProviderEvents } = await import('../mail/events/provider-events.js');
  const bounces = new Bounces(prisma, new ProviderEvents(prisma, transactions));
  const taken = await bounces.take(source, (await clock()).now());
  switch (taken.kind) {
    case 'not_a_dsn':
      io.err('This is no delivery status notification (RFC 3464): nothing was recorded.');
      return BAD_DATA;
    case 'not_ours':
      io.err('It speaks of no message of ours, or tells nothing that matters: nothing was recorded.');
      return 0;
    case 'taken': {
      const [change] = taken.settled.changed;
      const became = change ? `it is ${change.status} now` : 'its state stays as it is';
      io.err(
        taken.duplicate
          ? `Known already, of message ${taken.emailId}.`
          : `Recorded for message ${taken.emailId}; ${became}.`,
      );
      return 0;
    }
  }
}
