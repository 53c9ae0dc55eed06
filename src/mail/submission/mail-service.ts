import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import type { Accepted } from '../mail.js';
import { type EmailRecord, OutboxRecords } from '../outbox/records.js';
import type { SubmittedMessage } from './draft-policy.js';
import { Submission } from './submission.js';

/** Milliseconds until a message is looked at once more: at first, and at most. */
const LOOK_AGAIN_MS = { first: 20, most: 500 };

/** Something is still to happen to it by itself. */
const UNDER_WAY: readonly EmailStatus[] = ['queued', 'sending'];

/** Code of this very process sends mail as back ends do, through the same checks. */
@Injectable()
export class MailService {
  constructor(
    private readonly submission: Submission,
    private readonly records: OutboxRecords,
  ) {}

  /**
   * Accepts a message: when this resolves it is committed, and will be handed over.
   * @param idempotencyKey 1 to 256 characters; under one the same message is accepted once within 24 h
   * @throws Problem when it is not accepted
   */
  async send(message: SubmittedMessage, idempotencyKey?: string): Promise<Accepted> {
    const submitter = { id: 'process', senders: [], unlimited: true };
    const { body } = await this.submission.accept(message, { submitter, idempotencyKey, call: 'MailService.send' });
    return body;
  }

  /**
   * The same, and waits for what becomes of the first attempt: `sent`, `failed`, `deferred`, `unknown`, … When the time
   * is over before that it answers what the message is then; it goes on by itself.
   * @param withinMs milliseconds that the caller has
   */
  async sendNow(
    message: SubmittedMessage,
    { withinMs, idempotencyKey }: { withinMs: number; idempotencyKey?: string },
  ): Promise<EmailRecord> {
    const until = performance.now() + withinMs;
    const { id } = await this.send(message, idempotencyKey);
    for (let wait = LOOK_AGAIN_MS.first; ; wait = Math.min(2 * wait, LOOK_AGAIN_MS.most)) {
      const record = await this.records.find(id);
      if (!record) throw new Error(`the message ${id} was removed while it was waited for`);
      const left = until - performance.now();
      if (left <= 0 || !record.fates.some(({ status }) => UNDER_WAY.includes(status))) return record;
      await delay(Math.min(wait, left));
    }
  }
}
