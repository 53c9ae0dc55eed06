import type { TestDatabase } from '../database/postgres.js';
import { eventually } from '../signals/wait.js';

/**
 * Waits until no message is under way or due: what is recorded from then on is of what comes then, and not of what a
 * mail server took a moment ago.
 */
export async function atRest(database: Pick<TestDatabase, 'query'>): Promise<void> {
  await eventually(async () => {
    const moving = await database.query(
      `SELECT FROM outbound_emails
       WHERE status = 'sending' OR status IN ('queued', 'deferred') AND next_attempt_at <= now() LIMIT 1`,
    );
    return moving.length === 0;
  }, 'all mail to be at rest');
}
