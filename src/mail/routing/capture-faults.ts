import { uuidv7 } from '../../core/ids.js';
import type { PrismaService } from '../../database/prisma.service.js';
import { classifySmtpFailure } from '../transport/smtp-reply.js';
import type { Outcome, Transport } from '../transport/transport.js';

/** What the inbox of development can do to a message instead of keeping it, as mail servers do. */
export const CAPTURE_FAULTS = ['451', '550', 'hang'] as const;
export type CaptureFault = (typeof CAPTURE_FAULTS)[number];

/** Milliseconds for which a server that hangs says nothing; real ones are waited for longer, and then told the same. */
export const HANGS = { forMs: 15_000 };

/** For one message, after those that were asked for before. */
export async function orderFault(prisma: PrismaService, kind: CaptureFault, now: Date): Promise<void> {
  await prisma.captureFault.createMany({ data: { id: uuidv7(now), kind } });
}

/** Those that wait for a message, the first one first. */
export async function orderedFaults(prisma: PrismaService): Promise<CaptureFault[]> {
  const rows = await prisma.captureFault.findMany({ orderBy: { id: 'asc' } });
  return rows.map(({ kind }) => kind as CaptureFault);
}

export async function forgetFaults(prisma: PrismaService): Promise<void> {
  await prisma.captureFault.deleteMany();
}

/** The next one, which is used up: whichever worker takes it, nobody else does. */
async function takeFault(prisma: PrismaService): Promise<CaptureFault | undefined> {
  const [row] = await prisma.statements.query<{ kind: CaptureFault }[]>`
    DELETE FROM capture_faults WHERE id = (SELECT id FROM capture_faults ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING kind`;
  return row?.kind;
}

/** The same transport, on which what was asked for happens to the next messages. */
export function sufferingFaults(transport: Transport, prisma: PrismaService): Transport {
  return {
    name: transport.name,
    send: async (message, offer, urgent) => {
      const fault = await takeFault(prisma);
      return fault ? sufferFault(fault) : transport.send(message, offer, urgent);
    },
    close: () => transport.close(),
  };
}

/** What the same words of a mail server would lead to. */
async function sufferFault(kind: CaptureFault): Promise<Outcome> {
  switch (kind) {
    case '451': {
      const response = '451 4.3.0 Try again later (asked for in the inbox)';
      return classifySmtpFailure({ code: 'EENVELOPE', command: 'RCPT TO', responseCode: 451, response }, 'envelope');
    }
    case '550':
      // As of a mailbox that is not there, but the address goes on getting mail: it was no server that said so.
      return { kind: 'failed', errorCode: 'smtp_550', reply: '550 5.1.1 No such mailbox (asked for in the inbox)' };
    case 'hang':
      await new Promise((resolve) => setTimeout(resolve, HANGS.forMs).unref());
      return classifySmtpFailure({ code: 'ETIMEDOUT', command: 'RCPT TO' }, 'envelope');
  }
}
