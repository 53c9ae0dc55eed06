import { Injectable } from '@nestjs/common';
import { productOf, Settings } from '../config/settings.js';
import { Keyring } from '../core/keyring.js';
import { Problem } from '../core/problems.js';
import { PrismaService } from '../database/prisma.service.js';
import { sealContext } from '../database/resealing.js';
import type { Broadcast } from '../generated/prisma/client.js';
import { BroadcastWords, lookAtWords } from '../mail/content/broadcast-words.js';
import { type Fields, SEALED_SHARED_CONTENT, type SharedContent } from '../mail/content/stored-content.js';
import type { MailContent } from '../mail/content/templates.js';
import type { SubscriberWords } from '../mail/subscribers/subscribers.js';
import { writeMailbox } from '../mail/transport/mailbox.js';

/** Who stands for all of them where their messages are looked at. */
export const NOBODY = 'subscriber@example.com';
/** Subscribers that are looked at, at most. */
export const MOST_LOOKED_AT = 100_000;

/** What somebody would read of a broadcast. */
@Injectable()
export class BroadcastSamples {
  private readonly words = new BroadcastWords();

  constructor(
    private readonly settings: Settings,
    private readonly prisma: PrismaService,
    private readonly keyring: Keyring,
  ) {}

  /**
   * What one of its subscribers reads: whoever has that address, else the first of them, else nobody in particular.
   * @param canonical an address
   */
  async find(record: Broadcast, canonical: string): Promise<MailContent & { from?: string }> {
    const content = await this.prisma.emailContent.findUnique({ where: { id: record.contentId } });
    if (!content) throw new Problem('content_erased');
    const sealed = { keyId: content.sealKeyId, bytes: content.sealed };
    const { broadcast } = JSON.parse(
      this.keyring.open(sealed, sealContext(SEALED_SHARED_CONTENT, record.contentId)),
    ) as SharedContent;
    const subscriber = (await this.sampleSubscriber(record, canonical)) ?? (await this.inventedSubscriber(broadcast!));
    const rendered = await this.words.render(record.contentId, broadcast!, subscriber.locale ?? record.locale, {
      subscriber,
      product: productOf(this.settings),
      address: this.settings.mail.brand.address ?? '',
      // It leads to the page that says that a link does not work: a test is nobody's to leave.
      unsubscribeUrl: `${this.settings.http.appUrl}/unsubscribe`,
    });
    const isOwn = record.fromAddress !== writeMailbox(this.settings.mail.from);
    return { ...rendered, ...(isOwn ? { from: record.fromAddress } : {}) };
  }

  private async sampleSubscriber(
    { audienceId, filter }: Broadcast,
    canonical: string,
  ): Promise<SubscriberWords | undefined> {
    const [found] = await this.prisma.statements.query<SubscriberWords[]>`
      SELECT address AS email, locale, attributes FROM (
        (SELECT 1 AS place, address, locale, attributes FROM subscribers
          WHERE audience_id = ${audienceId}::uuid AND address_canonical = ${canonical})
        UNION ALL
        (SELECT 2, address, locale, attributes FROM (
          SELECT * FROM subscribers WHERE audience_id = ${audienceId}::uuid ORDER BY audience_id, id LIMIT ${MOST_LOOKED_AT}
        ) AS first WHERE status = 'active' AND attributes @> ${JSON.stringify(filter)}::jsonb LIMIT 1)
      ) AS samples ORDER BY place LIMIT 1`;
    return found;
  }

  private async inventedSubscriber(words: Readonly<Record<string, Fields>>): Promise<SubscriberWords> {
    const needed = (await Promise.all(Object.values(words).map(lookAtWords))).flatMap((one) => one.needed);
    return { email: NOBODY, locale: null, attributes: Object.fromEntries(needed.map((name) => [name, name])) };
  }
}
