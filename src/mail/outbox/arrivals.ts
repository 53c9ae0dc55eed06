import { Injectable } from '@nestjs/common';
import { Batcher } from '../../core/batcher.js';
import { wasStatementRefused } from '../../database/database-errors.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { NewEmail } from './email-rows.js';
import { type Arrival, arrivalStatement, bytesOf, insertStatement, inStatements } from './insert-statement.js';

/** What a row weighs in a statement beside its sealed content, in bytes. */
const ROW_WEIGHS = 4 * 1024;
/** What is heavier has a statement of its own, beside the shared one: a code is not to wait for a thousand messages. */
const SHARED_AT_MOST = 256 * 1024;

/**
 * `in_flight`: the same request is under way; `answered`: it was carried out before. Nothing was accepted in either
 * case.
 */
export type ArrivalFate = 'accepted' | 'in_flight' | 'answered';

interface Standing {
  n: number;
  free: boolean;
  taken: boolean;
}

/** Each message → queued and due at once, or → scheduled. `accepted` is counted here and nowhere else but in splits. */
@Injectable()
export class Arrivals {
  private readonly batches = new Batcher((arrivals: Arrival[]) => this.arriveAll(arrivals), {
    limit: 8 * SHARED_AT_MOST,
    weigh: weightOf,
    mayRepeat: wasStatementRefused,
  });

  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
  ) {}

  /** In the caller's transaction, a statement for as many as fit. */
  async insert(emails: readonly NewEmail[], { db }: UnitOfWork): Promise<void> {
    for (const together of inStatements(emails)) await db.$executeRaw(insertStatement(together));
  }

  /**
   * In one statement and one commit with what else arrives at this moment; each awaits that commit, and each is
   * accepted or refused for itself alone. When this resolves with `accepted`, it is committed.
   */
  arrive(arrival: Arrival): Promise<ArrivalFate> {
    if (arrival.emails.length === 0 && !arrival.kept) return Promise.resolve('accepted');
    if (weightOf(arrival) <= SHARED_AT_MOST) return this.batches.submit(arrival);
    return inStatements(arrival.emails).length > 1 ? this.arriveInParts(arrival) : this.arriveAlone(arrival);
  }

  private async arriveAlone(arrival: Arrival): Promise<ArrivalFate> {
    const [fate] = await this.arriveAll([arrival]);
    return fate!;
  }

  private async arriveAll(arrivals: Arrival[]): Promise<ArrivalFate[]> {
    const requests = new Set<string>();
    // A statement carries out one request of each key: of two at the same moment one is under way for the other.
    const isSecond = arrivals.map(
      ({ kept }) => kept !== undefined && requests.size === requests.add(nameOf(kept)).size,
    );
    const first = arrivals.filter((_, n) => !isSecond[n]);
    const standing = await this.prisma.statements.runSql<Standing>(arrivalStatement(first));
    const fates = fatesOf(first, standing);
    return isSecond.map((second) => (second ? 'in_flight' : fates.shift()!));
  }

  private arriveInParts({ emails, ...arrival }: Arrival): Promise<ArrivalFate> {
    const [part, ...parts] = inStatements(emails);
    const first = { ...arrival, emails: part! };
    return this.transactions.run(async (unit) => {
      const standing = await unit.db.$queryRaw<Standing[]>(arrivalStatement([first]));
      const [fate] = fatesOf([first], standing);
      if (fate === 'accepted') await this.insert(parts.flat(), unit);
      return fate!;
    });
  }
}

function weightOf({ emails }: Arrival): number {
  return emails.reduce((sum, email) => sum + bytesOf(email) + ROW_WEIGHS, ROW_WEIGHS);
}

function nameOf({ caller, key }: NonNullable<Arrival['kept']>): string {
  return `${caller} ${key}`;
}

function fatesOf(arrivals: readonly Arrival[], standing: readonly Standing[]): ArrivalFate[] {
  const ofKeys = new Map(standing.map((one) => [one.n, one]));
  return arrivals.map(({ kept }, n) => {
    const { free, taken } = kept ? ofKeys.get(n)! : { free: true, taken: true };
    if (taken) return 'accepted';
    return free ? 'answered' : 'in_flight';
  });
}
