import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../database/prisma.service.js';
import { EmailStatus } from '../../generated/prisma/enums.js';

export interface LedgerState {
  /** Messages ever accepted, counted by the accept itself. */
  accepted: number;
  states: Record<EmailStatus, number>;
  /** Accepted less the sum of all states. Anything but 0 is a lost or doubled row, and a bug of ours. */
  imbalance: number;
}

/**
 * `accepted = scheduled + queued + sending + … + unknown`, at every moment. Changes are appended in the statement that
 * makes them and folded into one row a state each minute, so that reading it does not grow with history.
 */
@Injectable()
export class Ledger {
  constructor(private readonly prisma: PrismaService) {}

  /** One statement, one snapshot: a fold or a delivery under way does not show as an imbalance. */
  async read(): Promise<LedgerState> {
    const rows = await this.prisma.statements.query<{ status: string; count: bigint }[]>`
      SELECT status, sum(count)::bigint AS count FROM (
        SELECT status, count FROM ledger UNION ALL SELECT status, delta FROM ledger_deltas
      ) AS entries GROUP BY status`;
    const counts = new Map(rows.map(({ status, count }) => [status, Number(count)]));
    const states = Object.fromEntries(
      Object.values(EmailStatus).map((status) => [status, counts.get(status) ?? 0]),
    ) as Record<EmailStatus, number>;
    const accepted = counts.get('accepted') ?? 0;
    return { accepted, states, imbalance: accepted - Object.values(states).reduce((sum, count) => sum + count, 0) };
  }

  /**
   * Adds what was appended to the folded counts. Safe side by side: each takes the rows it deletes. Returns how many.
   */
  async fold(): Promise<number> {
    const [folded] = await this.prisma.statements.query<{ rows: number }[]>`
      WITH taken AS (
        DELETE FROM ledger_deltas RETURNING status, delta
      ), kept AS (
        INSERT INTO ledger (status, count) SELECT status, sum(delta) FROM taken GROUP BY status ORDER BY status
        ON CONFLICT (status) DO UPDATE SET count = ledger.count + excluded.count
      )
      SELECT count(*)::int AS rows FROM taken`;
    return folded!.rows;
  }
}
