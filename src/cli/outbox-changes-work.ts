import type { INestApplicationContext } from '@nestjs/common';
import { Audit, OPERATOR } from '../audit/audit.js';
import { LANES } from '../core/lanes.js';
import { DatabaseClock } from '../database/database-clock.js';
import { inBatches } from '../database/in-batches.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { OutboxBatches, type Retryable, type Selection } from '../mail/outbox-batches.js';
import { MailRetention } from '../mail/retention.js';
import { type TransitionResult, Transitions } from '../mail/transitions.js';
import { MailQueue } from '../queue/mail-queue.js';
import type { ExitCode, Terminal } from './command.js';
import { confirmed } from './confirm.js';
import { withDatabaseUrl } from './database.js';
import { Progress } from './progress.js';
import { withMail } from './with-mail.js';

type Verb = 'retry' | 'cancel';

export interface Change {
  verb: Verb;
  /** Either these, or a selection. */
  ids?: readonly string[];
  selection?: Selection;
  yes: boolean;
  json: boolean;
}

/** What a batch statement may change at once. */
const BATCH = 1_000;
const ACTIONS: Record<Verb, string> = { retry: 'email.retried', cancel: 'email.cancelled' };
const DONE: Record<Verb, string> = { retry: 'queued again', cancel: 'cancelled' };

export async function changeMessages({ ids = [], selection, ...change }: Change, terminal: Terminal): Promise<ExitCode> {
  return withDatabaseUrl(terminal, (url, loaded) =>
    withMail(url, loaded, (context) => (selection ? changeSelected({ ...change, selection }, context, terminal) : changeNamed({ ...change, ids }, context, terminal))),
  );
}

export async function purgeMessages({ days, yes, json }: { days: number; yes: boolean; json: boolean }, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const retention = new MailRetention(prisma);
  const count = await retention.countMessages(days);
  if (count > 0 && !(await confirmed(`Remove ${messages(count)} that ${count === 1 ? 'is' : 'are'} over and older than ${days} days, for good?`, yes))) return declined(terminal);
  const removed = await inManyBatches(terminal, count, 'removed', (limit) => retention.removeMessages(days, limit));
  if (removed > 0) await (await auditOf(prisma)).record({ action: 'outbox.purged', result: 'done', ...OPERATOR, details: { removed, days } });
  tell({ removed }, `${messages(removed)} removed.`, json, terminal);
  return 0;
}

/** Each in a transaction of its own, with its line in the record of who did what. */
async function changeNamed({ verb, ids, json }: Change & { ids: readonly string[] }, context: INestApplicationContext, terminal: Terminal): Promise<ExitCode> {
  const [transitions, transactions] = [context.get(Transitions), context.get(Transactions)];
  const audit = await auditOf(context.get(PrismaService));
  const results: { id: string; result: string }[] = [];
  for (const id of new Set(ids)) {
    const result = await transactions.run(async (unit) => {
      const changed = await transitions[verb](id, unit);
      if (changed.kind === 'done') await audit.record({ action: ACTIONS[verb], result: 'done', ...OPERATOR, target: { kind: 'email', id } }, unit);
      return changed;
    });
    if (!json) terminal.err(`${id}: ${wordsFor(verb, result)}`);
    results.push({ id, result: result.kind });
  }
  if (json) terminal.out(JSON.stringify(results));
  return results.every(({ result }) => result === 'done') ? 0 : 1;
}

function wordsFor(verb: Verb, result: TransitionResult): string {
  switch (result.kind) {
    case 'done':
      return DONE[verb];
    case 'not_found':
      return 'there is no such message';
    case 'content_erased':
      return 'its content was erased, so that it cannot be sent again';
    case 'invalid_state':
      return `it is ${result.status}, which cannot be ${verb === 'retry' ? 'retried' : 'cancelled'}`;
  }
}

async function changeSelected({ verb, selection, yes, json }: Change & { selection: Selection }, context: INestApplicationContext, terminal: Terminal): Promise<ExitCode> {
  const prisma = context.get(PrismaService);
  const batches = new OutboxBatches(prisma);
  const { retryable: count, over, suppressed } = await counted(verb, selection, batches);
  const question = verb === 'retry' ? `Send ${messages(count)} again?` : `Cancel ${messages(count)}, for good?`;
  if (count > 0 && !(await confirmed(question, yes))) return declined(terminal);
  const changed = await inManyBatches(terminal, count, DONE[verb], (limit) => batches[verb](selection, limit));
  if (changed > 0) {
    const { statuses, lane, since } = selection;
    const details = { changed, statuses: statuses.join(' '), lane: lane ?? null, since: since?.toISOString() ?? null };
    await (await auditOf(prisma)).record({ action: ACTIONS[verb], result: 'done', ...OPERATOR, details });
    if (verb === 'retry') for (const one of lane ? [lane] : LANES) context.get(MailQueue).wake(one);
  }
  const rest = [...passedOver(over, 'expired, or the content was erased'), ...passedOver(suppressed, 'the address gets no such mail (otpost suppressions list)')];
  tell({ changed, passedOver: over + suppressed, suppressed }, [`${messages(changed)} ${DONE[verb]}.`, ...rest].join(' '), json, terminal);
  return 0;
}

function passedOver(count: number, why: string): string[] {
  return count > 0 ? [`${messages(count)} passed over: ${why}.`] : [];
}

async function counted(verb: Verb, selection: Selection, batches: OutboxBatches): Promise<Retryable> {
  return verb === 'retry' ? batches.retryable(selection) : { retryable: await batches.cancellable(selection), over: 0, suppressed: 0 };
}

/** No more than were counted and agreed to: what fails again meanwhile is not chased. */
async function inManyBatches(terminal: Terminal, count: number, done: string, step: (limit: number) => Promise<number>): Promise<number> {
  const progress = new Progress(terminal);
  let all = 0;
  const bounded = async (): Promise<number> => {
    if (all >= count) return 0;
    const handled = await step(Math.min(BATCH, count - all));
    all += handled;
    progress.show(`${all} of ${count} ${done}`);
    return handled;
  };
  await inBatches(new AbortController().signal, bounded, BATCH);
  progress.end();
  return all;
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}

function declined(terminal: Terminal): ExitCode {
  terminal.err('Nothing was done.');
  return 1;
}

function tell(result: object, words: string, json: boolean, terminal: Terminal): void {
  if (json) terminal.out(JSON.stringify(result));
  else terminal.err(words);
}

async function auditOf(prisma: PrismaService): Promise<Audit> {
  return new Audit(prisma, await DatabaseClock.read(prisma));
}
