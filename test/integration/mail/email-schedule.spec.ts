import { keepEmail, type KeptEmail } from '../../support/database/kept-email.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

describe('another time for a message that waits', () => {
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    key = await createApiKey(otpost.database.url);
  });
  afterAll(() => otpost.stop());

  const keep = (email: KeptEmail) => keepEmail(otpost.database, email);
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

  function patch<Body = ProblemBody>(id: string, body: object): Promise<Answer<Body>> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    return otpost.api.send<Body>('PATCH', `/v1/emails/${id}`, headers, JSON.stringify(body));
  }

  async function rowOf(id: string): Promise<Record<string, unknown>> {
    const [row] = await otpost.database.query(
      'SELECT status, scheduled_at, next_attempt_at, next_attempt_at <= now() AS due FROM outbound_emails WHERE id = $1',
      [id],
    );
    return row!;
  }

  it.each(['scheduled', 'queued', 'deferred'])(
    'is given to what is %s, with a receipt and a record',
    async (status) => {
      const id = await keep({ status });
      const scheduledAt = inHours(5);
      const answer = await patch(id, { scheduledAt });
      expect([answer.status, answer.body]).toEqual([200, { id, status: 'scheduled' }]);
      expect(await rowOf(id)).toMatchObject({
        status: 'scheduled',
        scheduled_at: new Date(scheduledAt),
        next_attempt_at: new Date(scheduledAt),
      });
      const receipts = await otpost.database.query('SELECT status, error_code FROM email_events WHERE email_id = $1', [
        id,
      ]);
      expect(receipts).toEqual([{ status: 'scheduled', error_code: 'rescheduled_by_hand' }]);
      const audit = await otpost.database.query('SELECT action, details FROM audit_events WHERE target_id = $1', [id]);
      expect(audit).toEqual([{ action: 'email.rescheduled', details: { scheduledAt } }]);
    },
  );

  it('makes it due at once where the time is over', async () => {
    const id = await keep({ status: 'scheduled' });
    expect((await patch(id, { scheduledAt: inHours(-1) })).body).toEqual({ id, status: 'queued' });
    expect(await rowOf(id)).toMatchObject({ status: 'queued', due: true });
  });

  it.each(['sending', 'sent', 'failed', 'unknown', 'cancelled'])('is refused to what is %s', async (status) => {
    const id = await keep({ status });
    const answer = await patch(id, { scheduledAt: inHours(1) });
    expect([answer.status, answer.body.code]).toEqual([409, 'invalid_state']);
    expect(await rowOf(id)).toMatchObject({ status });
  });

  it('is refused after the message expires, more than a year ahead, and where it is none', async () => {
    const id = await keep({ status: 'queued', expiresAt: new Date(Date.now() + 7_200_000) });
    for (const [body, code] of [
      [{ scheduledAt: inHours(3) }, 'after_expires_at'],
      [{ scheduledAt: inHours(367 * 24) }, 'after_expires_at'],
      [{ scheduledAt: 'tomorrow' }, 'date_time'],
      [{ scheduledAt: null }, 'date_time'],
      [{}, 'date_time'],
    ] as const) {
      const answer = await patch(id, body);
      expect([answer.status, answer.body.errors?.map((error) => [error.field, error.code])]).toEqual([
        422,
        [['scheduledAt', code]],
      ]);
    }
    expect((await patch(id, { scheduledAt: inHours(1), lane: 'bulk' })).body.errors?.[0]?.field).toBe('lane');
    expect(await rowOf(id)).toMatchObject({ status: 'queued' });
  });
});
