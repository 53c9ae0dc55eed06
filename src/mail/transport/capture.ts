import type { Clock } from '../../core/clock.js';
import { uuidv7 } from '../../core/ids.js';
import type { Logger } from '../../core/logger.js';
import type { PrismaService } from '../../database/prisma.service.js';
import type { Outcome } from '../outcome.js';
import type { MailBuilder } from './build-mail.js';
import { type ComposedMessage, type Offer, OfferRefused, type Transport } from './transport.js';

/** Keeps every message in Postgres for the inbox at /inbox, and sends nothing: the transport of a first minute. */
export class CaptureTransport implements Transport {
  /** @param builder makes the very bytes that SMTP would have sent */
  constructor(
    readonly name: string,
    private readonly builder: MailBuilder,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  async send(message: ComposedMessage, offer: Offer): Promise<Outcome> {
    const { bytes } = await this.builder.build(message);
    const id = uuidv7(this.clock.now());
    try {
      await offer();
      await this.prisma.capturedMessage.createMany({
        data: {
          id,
          emailId: message.id,
          fromAddress: message.from,
          toAddress: message.to,
          subject: message.subject,
          text: message.text,
          html: message.html,
          source: bytes as Uint8Array<ArrayBuffer>,
        },
      });
    } catch (error) {
      if (error instanceof OfferRefused) return { kind: 'withdrawn' };
      this.log.error({ err: error, emailId: message.id }, 'the message could not be captured');
      return { kind: 'unknown', errorCode: 'capture_failed' };
    }
    return { kind: 'sent', reply: '250 captured for the inbox', providerMessageId: id };
  }

  async close(): Promise<void> {}
}
