import type { Clock } from '../../core/clock.js';
import { uuidv7 } from '../../core/ids.js';
import { escapeHtml } from '../../core/html.js';
import type { Logger } from '../../core/logger.js';
import type { PrismaService } from '../../database/prisma.service.js';
import {
  type ComposedMessage,
  type Offer,
  OfferRefused,
  type Outcome,
  type Transport,
} from '../transport/transport.js';
import { numberOf } from './sms-provider.js';
import { sizeOf } from './text-policy.js';

/** Keeps every text in Postgres for the inbox at /inbox, beside the mail, and sends nothing. */
export class SmsCapture implements Transport {
  constructor(
    readonly name: string,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  async send(message: ComposedMessage, offer: Offer): Promise<Outcome> {
    const id = uuidv7(this.clock.now());
    const { text } = message;
    const { segments, encoding, length } = sizeOf(text);
    try {
      await offer();
      await this.prisma.capturedMessage.createMany({
        data: {
          id,
          emailId: message.id,
          fromAddress: message.from,
          toAddress: numberOf(message),
          subject: `SMS, ${segments} segment${segments === 1 ? '' : 's'} (${encoding}, ${length})`,
          text,
          html: `<!doctype html><html><head><meta charset="utf-8"><title>SMS</title></head><body><p style="white-space:pre-wrap">${escapeHtml(text)}</p></body></html>`,
          source: Buffer.from(text),
        },
      });
    } catch (error) {
      if (error instanceof OfferRefused) return { kind: 'withdrawn' };
      this.log.error({ err: error, emailId: message.id }, 'the text could not be captured');
      return { kind: 'unknown', errorCode: 'capture_failed' };
    }
    return { kind: 'sent', reply: '250 captured for the inbox', providerMessageId: id };
  }

  async close(): Promise<void> {}
}
