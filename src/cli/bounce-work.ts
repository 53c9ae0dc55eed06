import { DatabaseClock } from '../database/database-clock.js';
import type { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { Bounces } from '../mail/hooks/bounces.js';
import { ProviderEvents } from '../mail/hooks/provider-events.js';
import { BAD_DATA, type ExitCode, type Terminal } from './command.js';

export async function takeBounce(source: Buffer, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const bounces = new Bounces(prisma, new ProviderEvents(prisma, new Transactions(prisma)));
  return told(await bounces.take(source, (await DatabaseClock.read(prisma)).now()), terminal);
}

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
