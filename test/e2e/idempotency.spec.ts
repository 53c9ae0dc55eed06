import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { createApiKey } from '../support/service/api-key.js';
import type { Answer, Api, ProblemBody } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';

type Body = { id: string } & ProblemBody;

const HOOK = new URL('../support/faults/fault-stop.mjs', import.meta.url).href;

describe('a back end that sends a request again under its Idempotency-Key', () => {
  let database: TestDatabase;
  let key: string;

  beforeAll(async () => {
    database = await createDatabase();
    key = await createApiKey(database.url, ['emails:send', 'verifications']);
  });
  afterAll(() => database.drop());

  const start = (env: Record<string, string> = {}): OtpostProcess =>
    new OtpostProcess({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      ...env,
    });
  const post = (api: Api, path: string, idempotencyKey: string, body: object): Promise<Answer<Body>> =>
    api.post<Body>(path, body, { authorization: `Bearer ${key}`, 'idempotency-key': idempotencyKey });
  const messagesTo = (to: string): Promise<{ id: string }[]> =>
    database.query<{ id: string }>('SELECT id FROM outbound_emails WHERE to_address = $1', [to]);

  it('has one message of 50 equal requests at once, and each of them gets its answer in the end', async () => {
    const otpost = start();
    try {
      const api = await otpost.api();
      const to = 'fifty@example.com';
      const statuses = new Set<number>();
      const answered = await Promise.all(
        Array.from({ length: 50 }, () =>
          eventually(async () => {
            const answer = await post(api, '/v1/emails', 'fifty', { to, subject: 'Hello', text: 'Hello.' });
            statuses.add(answer.status);
            if (answer.status === 202) return answer;
            expect([answer.status, answer.body.code]).toEqual([409, 'idempotency_in_flight']);
            return undefined;
          }, 'the answer'),
        ),
      );
      const [{ id } = { id: '' }, ...others] = await messagesTo(to);
      expect(others).toEqual([]);
      expect(new Set(answered.map(({ body }) => body.id))).toEqual(new Set([id]));
      expect(answered.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
      expect([...statuses].every((status) => status === 202 || status === 409)).toBe(true);
    } finally {
      await otpost.stop();
    }
  });

  it.each([
    ['/v1/emails', { to: 'killed@example.com', subject: 'Hello', text: 'Hello.' }],
    ['/v1/verifications', { to: 'killed-code@example.com', purpose: 'checkout' }],
  ])(
    'gets the answer from another process where the first was killed between commit and answer, from %s',
    async (path, body) => {
      const mortal = start({ NODE_OPTIONS: `--import=${HOOK}`, FAULT_STOP: 'accepted:1' });
      const api = await mortal.api();
      const unanswered = post(api, path, path, body).then(
        ({ status }) => `answered ${status}`,
        () => 'unanswered',
      );
      await eventually(() => mortal.text.includes('fault: stopped at accepted'), 'the commit');
      await mortal.stop('SIGKILL');
      expect(await unanswered).toBe('unanswered');
      const [{ id } = { id: '' }, ...others] = await messagesTo(body.to);
      expect([id === '', others]).toEqual([false, []]);

      const next = start();
      try {
        const answer = await post(await next.api(), path, path, body);
        expect([answer.status, answer.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
        if (path === '/v1/emails') expect(answer.body.id).toBe(id);
        expect(await messagesTo(body.to)).toEqual([{ id }]);
      } finally {
        await next.stop();
      }
    },
  );
});
