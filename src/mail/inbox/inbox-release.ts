import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { heloName } from '../../config/smtp-entry.js';
import { Settings } from '../../config/settings.js';
import { Audit } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { Logger } from '../../core/logger.js';
import { PrismaService } from '../../database/prisma.service.js';
import { openTransport } from '../routing/open-transport.js';
import type { Outcome } from '../transport/transport.js';
import type { Captured } from './inbox.store.js';

/**
 * Hands a captured message to a transport that really sends, as it is, to somebody who wants to look at it in their own
 * mailbox.
 */
@Injectable()
export class InboxRelease {
  constructor(
    private readonly settings: Settings,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly audit: Audit,
  ) {}

  /** Names of transports that send; empty where everything is captured. */
  get ways(): string[] {
    return this.sending.map(({ name }) => name);
  }

  /**
   * By the transport of this name. Undefined: there is none. It is no message of the outbox, and has no second attempt.
   */
  async release(
    { message, source: mime }: Captured,
    { to, way }: { to: string; way: string },
    source: RequestSource,
  ): Promise<Outcome | undefined> {
    const { http, mail } = this.settings;
    const settings = this.sending.find(({ name }) => name === way);
    if (!settings) return undefined;
    const transport = openTransport(settings, {
      ...{ prisma: this.prisma, clock: this.clock, log: this.log, ordinary: 1 },
      ...{ helo: heloName(hostname(), http.appUrl), dkim: mail.dkim, bounceAddress: mail.bounceAddress },
      // An SMS has transports of its own, which these are not.
      ...{ callbackOf: () => undefined, testNumbers: [] },
    });
    try {
      const outcome = await transport.send(
        {
          ...{ id: message.id, messageId: `<${message.id}@inbox.invalid>`, date: this.clock.now() },
          ...{ from: message.from, subject: message.subject, mime, text: '', html: '' },
          ...{ to: [to], cc: [], replyTo: [], headers: {}, attachments: [] },
          recipients: [{ kind: 'to', address: to, name: '' }],
        },
        async () => undefined,
      );
      await this.audit.record({
        action: 'inbox.released',
        actor: { kind: 'anonymous' },
        target: { kind: 'email', id: message.id },
        source,
        details: { outcome: outcome.kind, transport: way },
      });
      return outcome;
    } finally {
      await transport.close();
    }
  }

  private get sending() {
    return this.settings.mail.transports.filter(({ kind }) => kind !== 'capture');
  }
}
