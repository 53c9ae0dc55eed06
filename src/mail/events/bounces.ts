import { Injectable } from '@nestjs/common';
import { parseEmailAddress } from '../../core/email-address.js';
import { PrismaService } from '../../database/prisma.service.js';
import { addressesOf } from '../outbox/reported.js';
import { keyOf, type ProviderEvent } from '../providers/hook.js';
import { type Dsn, meaningOf, readDsn } from './dsn.js';
import { ProviderEvents, type Settled } from './provider-events.js';

type BounceTaken =
  | { kind: 'not_a_dsn' }
  /** No message of ours to one of its recipients; or it tells of a stage on the way. Nothing is kept of it. */
  | { kind: 'not_ours' }
  | { kind: 'taken'; emailId: string; duplicate: boolean; settled: Settled };

/**
 * Bounces that come as mail. Anybody may send such mail, so it counts only where it names a message of ours and that
 * message's own recipient: who knows both can shut no address but that one.
 */
@Injectable()
export class Bounces {
  constructor(
    private readonly prisma: PrismaService,
    private readonly events: ProviderEvents,
  ) {}

  async take(source: Uint8Array, now: Date): Promise<BounceTaken> {
    const dsn = readDsn(source);
    if (!dsn) return { kind: 'not_a_dsn' };
    const event = await this.eventOf(dsn, now);
    if (!event) return { kind: 'not_ours' };
    const { ids } = await this.events.record('dsn', [event]);
    return {
      kind: 'taken',
      emailId: event.emailId,
      duplicate: ids.length === 0,
      settled: await this.events.settle(ids),
    };
  }

  private async eventOf(dsn: Dsn, now: Date): Promise<(ProviderEvent & { emailId: string }) | undefined> {
    const addresses = await addressesOf(dsn.emailIds, this.prisma);
    for (const id of dsn.emailIds) {
      const own = addresses.get(id) ?? [];
      const named = ({ recipients }: Dsn['reports'][number]): string | undefined =>
        recipients.map(canonicalOf).find((address) => address !== undefined && own.includes(address));
      const report = dsn.reports.find((one) => named(one) !== undefined);
      const recipient = report && named(report);
      const meaning = report && meaningOf(report);
      if (!meaning) continue;
      return {
        ...meaning,
        dedupeKey: keyOf(
          id,
          dsn.id,
          report.action,
          report.status,
          report.recipients,
          dsn.id === undefined ? report.diagnostic : null,
        ),
        emailId: id,
        recipient,
        detail: report.diagnostic ?? (report.status || undefined),
        occurredAt: now,
      };
    }
    return undefined;
  }
}

function canonicalOf(address: string): string | undefined {
  return parseEmailAddress(address)?.canonical;
}
