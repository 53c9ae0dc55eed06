import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { EmailAddress } from '../core/email-address.js';
import { type MailLane, MAIL_LANES } from '../core/lanes.js';
import { isOneLine } from '../core/one-line.js';
import type { EmailRecord } from '../mail/outbox/records.js';
import type { SubmittedMessage } from '../mail/submission/draft-policy.js';
import { emailAddress, mailLaneIn, time, UsageError } from './arguments.js';
import type { Command } from './command.js';
import type { ExitCode, Io } from './io.js';
import type { MailSession } from './with-mail.js';

const DEFAULT_SUBJECT = 'Otpost test message';
const MAX_SUBJECT_LENGTH = 500;
const DEFAULT_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 200;

export function declare(program: Command): void {
  program
    .command('send')
    .summary('send a test message and follow it to its end')
    .synopsis('--to ADDRESS [--subject TEXT] [--lane LANE] [--wait TIME] [--json]')
    .description(
      `Accepts a real message, as the API would, and shows what becomes of it: each change of its state, with the transport
and the words of the server. It is delivered by the workers that run, not by this command.`,
    )
    .option('--to <ADDRESS>', 'such as ada@example.com', emailAddress('--to'))
    .option('--subject <TEXT>', `"${DEFAULT_SUBJECT}" unless given`, subjectIn, DEFAULT_SUBJECT)
    .option('--lane <LANE>', `${MAIL_LANES.join(', ')}; default unless given`, mailLaneIn, 'default')
    .option(
      '--wait <TIME>',
      'how long to follow it, such as 30s or 5min; 60s unless given',
      time('--wait'),
      DEFAULT_WAIT_MS,
    )
    .option('--json', 'print each change as a JSON object on a line of its own')
    .remark(
      `Exit codes: 0 handed over or delivered, 1 failed, unknown, suppressed or expired, 2 not understood, 3 still waiting (and
why is told); the message stays accepted then, and goes out when what holds it up is over.`,
    )
    .needs('to', 'Name the recipient with --to.')
    .does(sendAndFollow);
}

function subjectIn(text: string): string {
  if (text.length >= 1 && text.length <= MAX_SUBJECT_LENGTH && isOneLine(text)) return text;
  throw new UsageError(`--subject is one line of at most ${MAX_SUBJECT_LENGTH} characters.`);
}

interface Order {
  to: EmailAddress;
  subject: string;
  lane: MailLane;
  /** Milliseconds to follow it. */
  wait: number;
}

/** Accepts a test message, and tells what becomes of it until it is over, or the time is. */
async function sendAndFollow(io: Io, order: Order): Promise<ExitCode> {
  const { withMail } = await import('./with-mail.js');
  const { SubmitByHandModule } = await import('../mail/submission/submission.module.js');
  const modules = () => ({ more: [{ module: SubmitByHandModule }] });
  const sending = async (session: MailSession): Promise<ExitCode> => {
    const { Clock } = await import('../core/clock.js');
    const { endOf } = await import('../doctor/mail-verdict.js');
    const { MailService } = await import('../mail/submission/mail-service.js');
    const { id } = await session.get(MailService).send(messageOf(order, session.get(Clock).now()));
    if (!io.json) io.err(`Accepted as ${id}, lane ${order.lane}.`);
    const record = await follow(id, order, session);
    switch (endOf(record.status)) {
      case 'good':
        return 0;
      case 'bad':
        if (!io.json) io.err(`It is ${record.status}${record.lastErrorCode ? ` (${record.lastErrorCode})` : ''}.`);
        return 1;
      default:
        await tellWhy(record, order, session);
        return 3;
    }
  };
  return withMail(io, sending, modules);
}

function messageOf({ to, subject, lane }: Order, now: Date): SubmittedMessage {
  const lines = [
    `This is a test message of Otpost, accepted on ${hostname()} at ${now.toISOString()}.`,
    'If you can read it, mail flows. Nothing has to be done.',
  ];
  const html = lines.map((line) => `<p>${line}</p>`).join('\n');
  return { to: to.stored, lane, subject, text: `${lines.join('\n\n')}\n`, html };
}

/** Prints what happens to it until it is over, or the time is. */
async function follow(id: string, { wait }: Order, session: MailSession): Promise<EmailRecord> {
  const { endOf } = await import('../doctor/mail-verdict.js');
  const { OutboxRecords } = await import('../mail/outbox/records.js');
  const { EmailEventView } = await import('../mail/api/shapes.js');
  const { io } = session;
  const records = session.get(OutboxRecords);
  const until = performance.now() + wait;
  for (let told = 0; ; await delay(LOOK_EVERY_MS)) {
    const record = await records.find(id);
    if (!record) throw new Error(`The message ${id} is not in the record.`);
    for (const event of record.events.slice(told)) {
      io.out(io.json ? JSON.stringify({ id, ...EmailEventView.of(event) }) : lineOf(event));
    }
    told = record.events.length;
    if (endOf(record.status) !== undefined || performance.now() > until) return record;
  }
}

function lineOf({ at, status, attempt, transport, reply, errorCode, worker }: EmailRecord['events'][number]): string {
  const facts = [
    attempt > 0 ? `attempt ${attempt}` : '',
    transport ? `by ${transport}` : '',
    worker ? `on ${worker}` : '',
    errorCode ?? '',
  ];
  const words = reply === null ? '' : `: ${reply.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim()}`;
  return `${at.toISOString().slice(11)}  ${[status.padEnd(9), ...facts].filter(Boolean).join('  ')}${words}`.trimEnd();
}

async function tellWhy(record: EmailRecord, { wait }: Order, session: MailSession): Promise<void> {
  const { Clock } = await import('../core/clock.js');
  const { whyWaiting } = await import('../doctor/mail-verdict.js');
  const { MailFactsReader } = await import('../health/health-monitor.js');
  const { io, prisma, settings } = session;
  const facts = await new MailFactsReader(prisma).read();
  const waiting = whyWaiting(record, facts, settings.mail.transports, session.get(Clock).now());
  if (io.json) io.out(JSON.stringify({ id: record.id, status: record.status, waiting }));
  else
    io.err(
      `After ${wait / 1_000} s it is still ${record.status}.`,
      ...waiting,
      'It stays accepted. More: otpost doctor',
    );
}
