import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import type { Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { endOf, whyWaiting } from '../doctor/follow-policy.js';
import { MailFactsReader } from '../health/mail-facts.js';
import { DEFAULT_MAX_ATTEMPTS } from '../mail/api/requests.js';
import { EmailEventView } from '../mail/api/views.js';
import { type EmailRecord, EmailRecords } from '../mail/email-records.js';
import { Ledger } from '../mail/ledger.js';
import { type Draft, Mail } from '../mail/mail.js';
import { MailHistory } from '../mail/mail-history.js';
import { TransportRecords } from '../mail/transport/transport-records.js';
import type { ExitCode, Terminal } from './command.js';
import { withDatabaseUrl } from './database.js';
import { withMail } from './with-mail.js';

const LOOK_EVERY_MS = 200;

export interface Order {
  /** The stored form of an address. */
  to: string;
  subject: string;
  lane: Lane;
  /** How long to follow it. */
  waitMs: number;
  json: boolean;
}

/** Accepts a test message, and tells what becomes of it until it is over, or the time is. */
export async function sendAndFollow(order: Order, terminal: Terminal): Promise<ExitCode> {
  return withDatabaseUrl(terminal, (url, loaded) => withMail(url, loaded, (context) => send(order, context, loaded.settings, terminal)));
}

async function send(order: Order, context: INestApplicationContext, settings: Settings, terminal: Terminal): Promise<ExitCode> {
  const mail = context.get(Mail);
  const { id } = await context.get(Transactions).run((unit) => mail.accept(draftOf(order, context.get(Clock).now()), unit));
  if (!order.json) terminal.err(`Accepted as ${id}, lane ${order.lane}.`);
  const record = await follow(id, order, context, terminal);
  const end = endOf(record.status);
  if (end === 'good') return 0;
  if (end === 'bad') {
    if (!order.json) terminal.err(`It is ${record.status}${record.lastErrorCode ? ` (${record.lastErrorCode})` : ''}.`);
    return 1;
  }
  await tellWhy(record, order, context, settings, terminal);
  return 3;
}

function draftOf({ to, subject, lane }: Order, now: Date): Draft {
  const lines = [`This is a test message of Otpost, accepted on ${hostname()} at ${now.toISOString()}.`, 'If you can read it, mail flows. Nothing has to be done.'];
  return {
    lane,
    to,
    content: { kind: 'raw', subject, text: `${lines.join('\n\n')}\n`, html: lines.map((line) => `<p>${line}</p>`).join('\n') },
    locale: 'en',
    maxAttempts: DEFAULT_MAX_ATTEMPTS,
  };
}

/** Prints what happens to it until it is over, or the time is. */
async function follow(id: string, { waitMs, json }: Order, context: INestApplicationContext, terminal: Terminal): Promise<EmailRecord> {
  const records = context.get(EmailRecords);
  const until = performance.now() + waitMs;
  for (let told = 0; ; await delay(LOOK_EVERY_MS)) {
    const record = await records.find(id);
    if (!record) throw new Error(`The message ${id} is not in the record.`);
    for (const event of record.events.slice(told)) terminal.out(json ? JSON.stringify({ id, ...EmailEventView.of(event) }) : line(event));
    told = record.events.length;
    if (endOf(record.status) !== undefined || performance.now() > until) return record;
  }
}

function line({ at, status, attempt, transport, reply, errorCode, worker }: EmailRecord['events'][number]): string {
  const facts = [attempt > 0 ? `attempt ${attempt}` : '', transport ? `by ${transport}` : '', worker ? `on ${worker}` : '', errorCode ?? ''];
  const words = reply === null ? '' : `: ${reply.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim()}`;
  return `${at.toISOString().slice(11)}  ${[status.padEnd(9), ...facts].filter(Boolean).join('  ')}${words}`.trimEnd();
}

async function tellWhy(record: EmailRecord, { json, waitMs }: Order, context: INestApplicationContext, { mail }: Settings, terminal: Terminal): Promise<void> {
  const prisma = context.get(PrismaService);
  const facts = await new MailFactsReader(prisma, context.get(Ledger), context.get(MailHistory), context.get(TransportRecords)).read();
  const rated = mail.transports.filter(({ rate, daily }) => rate !== undefined || daily !== undefined).map(({ name }) => name);
  const reasons = whyWaiting(record, facts, mail.transports.map(({ name }) => name), rated, context.get(Clock).now());
  if (json) terminal.out(JSON.stringify({ id: record.id, status: record.status, waiting: reasons }));
  else terminal.err(`After ${waitMs / 1_000} s it is still ${record.status}.`, ...reasons, 'It stays accepted. More: otpost doctor');
}
