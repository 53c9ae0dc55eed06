import { Injectable } from '@nestjs/common';
import { Problem } from '../../core/problems.js';
import { uuidv7 } from '../../core/ids.js';
import { DatabaseClock } from '../../database/database-clock.js';
import { Composer, ContentErasedError, type OpenedContent } from '../content/composer.js';
import type { Fields, Variables } from '../content/stored-content.js';
import type { Draft } from '../mail.js';
import { recipientsOf } from '../outbox/email-rows.js';
import { type KeptRecord, OutboxRecords } from '../outbox/records.js';
import { takenApart, withMessageId } from '../transport/given-mime.js';
import { messageIdFor } from '../transport/mailbox.js';
import type { ComposedMessage } from '../transport/transport.js';

/** What messages say, for whoever may read it, for as long as it is kept. Never the words of codes. */
@Injectable()
export class KeptContent {
  constructor(
    private readonly records: OutboxRecords,
    private readonly composer: Composer,
    private readonly clock: DatabaseClock,
  ) {}

  /** @throws Problem email_not_found, content_secret, content_erased */
  async find(id: string): Promise<KeptRecord> {
    const record = await this.records.findKept(id);
    if (!record) throw new Problem('email_not_found');
    return record;
  }

  /** As its recipients have it, or will. @throws Problem content_secret, content_erased */
  async compose(record: KeptRecord): Promise<ComposedMessage> {
    return this.composer.compose(record, this.open(record), record.sentAt ?? this.clock.now());
  }

  /** The same without what is attached, which is not read. @throws Problem content_secret, content_erased */
  async composeWords(record: KeptRecord): Promise<ComposedMessage> {
    const opened = { ...this.open(record), attachments: [] };
    return inWords(await this.composer.compose(record, opened, record.sentAt ?? this.clock.now()));
  }

  /** The same words to the same people, as a message of its own. @throws Problem content_secret, content_erased */
  async draftOf(record: KeptRecord): Promise<Draft> {
    const { words, replyTo, headers, attachments, unsubscribe, mime, broadcast } = this.open(record);
    const { lane, from, locale, maxAttempts, template, tags, metadata } = record;
    return {
      ...{ lane, from, locale, maxAttempts, tags },
      to: recipientsOf(record),
      content: mime
        ? await this.mimeOf(record)
        : broadcast
          ? await this.ownWordsOf(record)
          : contentOf(template, words),
      replyTo: replyTo ?? (record.replyTo === null ? [] : [record.replyTo]),
      ...(headers === undefined ? {} : { headers }),
      ...(attachments === undefined ? {} : { attachments }),
      ...(unsubscribe === undefined ? {} : { unsubscribe }),
      ...(metadata === null ? {} : { metadata }),
    };
  }

  /** A mail server that has seen a Message-ID may drop what bears it again: the new message has one of its own. */
  private async mimeOf(record: KeptRecord): Promise<Draft['content']> {
    const { mime, subject, returnPath, from } = await this.compose(record);
    const messageId = messageIdFor(uuidv7(this.clock.now()), from);
    const bytes = withMessageId(mime!, messageId);
    return { kind: 'mime', bytes, messageId, subject, ...(returnPath === undefined ? {} : { returnPath }) };
  }

  /** Of a broadcast's message: what its recipient read, for the new one is of no broadcast. */
  private async ownWordsOf(record: KeptRecord): Promise<Draft['content']> {
    const { subject, text, html } = await this.compose(record);
    return { kind: 'raw', subject, text, html };
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

/** What its sender composed is taken apart, for whoever reads words, whether or not these are all of it. */
export async function inWords(message: ComposedMessage): Promise<ComposedMessage> {
  return message.mime ? (await takenApart(message)).message : message;
}

function contentOf(template: string | null, words: Fields | Variables): Draft['content'] {
  if (template === null) return { kind: 'raw', ...(words as Fields) };
  return { kind: 'template', template, variables: words as Variables, secret: false };
}
