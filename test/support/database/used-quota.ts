import { eventually } from '../signals/wait.js';
import type { TestDatabase } from './postgres.js';

/**
 * As if a transport had sent so many messages today. At a moment when no worker holds tokens of its quota for messages
 * that it is looking for: those it gives back would be taken from this number.
 */
export async function useQuota(database: TestDatabase, transport: string, sent: number): Promise<void> {
  await eventually(async () => {
    const set = await database.query(
      `INSERT INTO transport_usage AS u (name, day, sent) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2)
       ON CONFLICT (name, day) DO UPDATE SET sent = excluded.sent
         WHERE u.sent = (SELECT count(*) FROM outbound_emails
           WHERE transport = $1 AND sent_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')
       RETURNING name`,
      [transport, sent],
    );
    return set.length > 0;
  }, `the quota of ${transport} to be in nobody's hands`);
}
