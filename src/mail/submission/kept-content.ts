import { Injectable } from '@nestjs/common';
import { MOST_NAMED, Problem } from '../../core/problems.js';
import { uuidv7 } from '../../core/ids.js';
import { DatabaseClock } from '../../database/database-clock.js';
import { Composer, ContentErasedError, type OpenedContent } from '../content/composer.js';
import type { Fields, Variables } from '../content/stored-content.js';
import { TemplateError, Templates, UnknownTemplateError } from '../content/templates.js';
import type { Draft } from '../mail.js';
import { recipientsOf } from '../outbox/email-rows.js';
import { type KeptRecord, OutboxRecords } from '../outbox/records.js';
import { takenApart, withMessageId } from '../transport/given-mime.js';
import { messageIdFor } from '../transport/mailbox.js';
import type { ComposedMessage } from '../transport/transport.js';
import { templateFaults } from './draft-policy.js';
import { expiryAgain } from './schedule-policy.js';

/** What messages say, for whoever may read it, for as long as it is kept. Never the words of codes. */
@Injectable()
export class KeptContent {
  constructor(
    private readonly records: OutboxRecords,
    private readonly composer: Composer,
    private readonly templates: Templates,
    private readonly clock: DatabaseClock,
  ) {}

  /** @throws Problem email_not_found, content_secret, content_erased */
  async find(id: string): Promise<KeptRecord> {
    const record = await this.records.findKept(id);
    if (!record) throw new Problem('email_not_found');
    return record;
  }

  /** As its recipients have it, or will. @throws Problem content_secret, content_erased, template_changed */
  async compose(record: KeptRecord): Promise<ComposedMessage> {
    return this.composeKept(record, this.open(record));
  }

  /**
   * The same without what is attached, which is not read.
   * @throws Problem content_secret, content_erased, template_changed
   */
  async composeWords(record: KeptRecord): Promise<ComposedMessage> {
    const opened = { ...this.open(record), attachments: [] };
    return inWords(await this.composeKept(record, opened));
  }

  /**
   * The same words to the same people, as a message of its own. It expires as long from now as the first one had, so
   * that what it says of its minutes is true.
   * @throws Problem content_secret, content_erased; validation_failed where its template cannot be filled any more
   */
  async draftOf(record: KeptRecord): Promise<Draft> {
    const opened = this.open(record);
    const { words, replyTo, headers, attachments, unsubscribe, mime, broadcast } = opened;
    const { lane, from, locale, maxAttempts, template, tags, metadata } = record;
    const now = this.clock.now();
    const expiresAt = expiryAgain(record, now);
    const message = await this.composeAgain({ ...record, expiresAt: expiresAt ?? null }, opened, now);
    return {
      ...{ lane, from, locale, maxAttempts, tags },
      to: recipientsOf(record),
      content: mime ? mimeOf(message, now) : broadcast ? ownWordsOf(message) : contentOf(template, words),
      replyTo: replyTo ?? (record.replyTo === null ? [] : [record.replyTo]),
      ...(headers === undefined ? {} : { headers }),
      ...(attachments === undefined ? {} : { attachments }),
      ...(unsubscribe === undefined ? {} : { unsubscribe }),
      ...(metadata === null ? {} : { metadata }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  }

  private async composeKept(record: KeptRecord, opened: OpenedContent): Promise<ComposedMessage> {
    try {
      return await this.composer.compose(record, opened, record.sentAt ?? this.clock.now());
    } catch (error) {
      throw isOfTemplate(error) ? new Problem('template_changed') : error;
    }
  }

  /** As a worker will: what would fail then is refused while somebody hears of it. */
  private async composeAgain(record: KeptRecord, opened: OpenedContent, now: Date): Promise<ComposedMessage> {
    try {
      return await this.composer.compose(record, { ...opened, attachments: [] }, now);
    } catch (error) {
      throw isOfTemplate(error) ? this.unfilled(record, opened) : error;
    }
  }

  private unfilled({ template, expiresAt }: KeptRecord, { words }: OpenedContent): Problem {
    const faults =
      template === null
        ? []
        : templateFaults(template, words as Variables, expiresAt ?? undefined, this.templates.known);
    const message = 'cannot be filled with what the message has';
    return new Problem('validation_failed', {
      detail: 'Its template has changed since the message was accepted.',
      remedy: 'Send a new message, with what "errors" names: POST /v1/emails.',
      errors:
        faults.length > 0 ? faults.slice(0, MOST_NAMED) : [{ field: 'template', code: 'template_error', message }],
    });
  }

  private open(record: KeptRecord): OpenedContent {
    if (record.secret) throw new Problem('content_secret');
    if (record.sealedVariables === null) throw new Problem('content_erased');
    try {
      return this.composer.open(record);
    } catch (error) {
      if (error instanceof ContentErasedError) throw new Problem('content_erased');
      throw error;
    }
  }
}

/** TEMPLATES_DIR, or another version of ours, has it no more, or asks for what the message does not have. */
function isOfTemplate(error: unknown): boolean {
  return error instanceof TemplateError || error instanceof UnknownTemplateError;
}

/** What its sender composed is taken apart, for whoever reads words, whether or not these are all of it. */
export async function inWords(message: ComposedMessage): Promise<ComposedMessage> {
  return message.mime ? (await takenApart(message)).message : message;
}

/** A mail server that has seen a Message-ID may drop what bears it again: the new message has one of its own. */
function mimeOf({ mime, subject, returnPath, from }: ComposedMessage, now: Date): Draft['content'] {
  const messageId = messageIdFor(uuidv7(now), from);
  const bytes = withMessageId(mime!, messageId);
  return { kind: 'mime', bytes, messageId, subject, ...(returnPath === undefined ? {} : { returnPath }) };
}

/** Of a broadcast's message: what its recipient read, for the new one is of no broadcast. */
function ownWordsOf({ subject, text, html }: ComposedMessage): Draft['content'] {
  return { kind: 'raw', subject, text, html };
}

function contentOf(template: string | null, words: Fields | Variables): Draft['content'] {
  if (template === null) return { kind: 'raw', ...(words as Fields) };
  return { kind: 'template', template, variables: words as Variables, secret: false };
}
