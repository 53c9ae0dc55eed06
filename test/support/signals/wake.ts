import type { Lane } from '../../../src/core/lanes.js';
import type { Otpost } from '../service/otpost.js';
import { eventually } from './wait.js';

const NOBODY = 'nobody-wants-this@example.com';

/**
 * What is due is sent without waiting for the timer: mail to a suppressed address goes to nobody, but wakes the workers
 * of its lane.
 */
export async function wakeWorkers(
  { api, database }: Pick<Otpost, 'api' | 'database'>,
  key: string,
  lane: Lane = 'critical',
): Promise<void> {
  await database.query(
    `INSERT INTO suppressions (address_canonical, reason, source) VALUES ($1, 'hard_bounce', 'test') ON CONFLICT DO NOTHING`,
    [NOBODY],
  );
  const { status } = await api.post(
    '/v1/emails',
    { to: NOBODY, lane, subject: 'Hello', text: 'Hello' },
    { authorization: `Bearer ${key}` },
  );
  if (status !== 202) throw new Error(`the mail that was to wake the workers was answered with ${status}`);
}

/** The same, once all messages to these addresses may be tried again. */
export async function wakeOnceDue(
  otpost: Pick<Otpost, 'api' | 'database'>,
  key: string,
  ...to: string[]
): Promise<void> {
  await eventually(
    async () =>
      (
        await otpost.database.query(
          'SELECT FROM outbound_emails WHERE to_address = ANY($1) AND next_attempt_at > now()',
          [to],
        )
      ).length === 0,
    `the mail to ${to.join(', ')} to be due`,
  );
  await wakeWorkers(otpost, key);
}
