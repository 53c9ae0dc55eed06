import type { SignedInBody } from '../support/api.js';
import { createApiKey } from '../support/api-key.js';
import { runCli } from '../support/cli.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/otpost.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { codeIn, SmtpSink } from '../support/smtp-sink.js';

const NEW_SECRET = 'another secret of more than thirty-two characters';

interface Told {
  keyId: string;
  kinds: { kind: string; resealed: number; unreadable: number; remaining: number }[];
  formerNeeded: boolean;
}

describe('otpost rotate-secret', () => {
  let former: Otpost;
  let sink: SmtpSink;
  let env: Record<string, string>;
  const processes: OtpostProcess[] = [];

  beforeEach(async () => {
    sink = await SmtpSink.start();
    former = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' });
    env = { DATABASE_URL: former.database.url, MAIL_FROM: 'no-reply@example.com', MAIL_TRANSPORTS: sink.url, APP_URL: 'http://localhost:3000', PORT: '0' };
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((one) => one.stop('SIGKILL')));
    await former.stop();
    await sink.stop();
  });

  const rotate = (secrets: Record<string, string>, ...args: string[]) => runCli(['rotate-secret', ...args], { ...env, ...secrets });
  const told = ({ out }: { out: string }): Told => JSON.parse(out) as Told;
  const BOTH = { APP_SECRET: NEW_SECRET, APP_SECRET_PREVIOUS: TEST_SECRET };

  async function accept(to: string): Promise<string> {
    const key = await createApiKey(former.database.url);
    const { body } = await former.api.post<{ id: string }>('/v1/emails', { to, subject: 'Hello', text: 'Hello.' }, { authorization: `Bearer ${key}` });
    return body.id;
  }

  it('prints a fresh secret that is long enough, another one each time', async () => {
    const [one, other] = [await rotate({}, '--generate'), await rotate({}, '--generate')];
    expect([one.code, one.out, one.err]).toEqual([0, expect.stringMatching(/^[A-Za-z0-9+/]{43}=\n$/), '']);
    expect(one.out).not.toBe(other.out);
  });

  it('seals everything again, after which a process that knows the new secret alone does all the old one began', async () => {
    const issued = await former.api.register('ada@example.com');
    const waiting = await accept('grace@example.com');
    const key = await createApiKey(former.database.url, ['admin']);
    const endpoint = await former.api.post('/v1/webhook-endpoints', { url: 'https://example.com/hook' }, { authorization: `Bearer ${key}` });
    expect(endpoint.status).toBe(201);
    const look = await rotate(BOTH, '--status', '--json');
    expect([look.code, told(look).formerNeeded]).toEqual([1, true]);
    const { code, out } = await rotate(BOTH, '--yes', '--json');
    expect([code, told({ out })]).toEqual([
      0,
      {
        keyId: expect.stringMatching(/^[\da-f]{8}$/) as string,
        kinds: [
          { kind: 'signing keys', resealed: 1, unreadable: 0, remaining: 0 },
          { kind: 'webhook secrets', resealed: 1, unreadable: 0, remaining: 0 },
          { kind: 'codes', resealed: 1, unreadable: 0, remaining: 0 },
          { kind: 'mail', resealed: 2, unreadable: 0, remaining: 0 },
        ],
        formerNeeded: false,
      },
    ]);
    const present = await OtpostProcess.start({ ...env, ROLE: 'all', APP_SECRET: NEW_SECRET });
    processes.push(present);
    const [mail] = await sink.waitForMailTo('ada@example.com');
    await sink.waitForMailTo('grace@example.com');
    const api = await present.api();
    const answer = await api.post<SignedInBody>(`/v1/otp/${issued.challenge.id}/verify`, { code: codeIn(mail!.mail.text) });
    expect([answer.status, answer.body.account.email]).toEqual([200, 'ada@example.com']);
    expect(await former.database.query(`SELECT status FROM outbound_emails WHERE id = $1`, [waiting])).toEqual([{ status: 'sent' }]);
    const again = await rotate({ APP_SECRET: NEW_SECRET });
    expect([again.code, again.err]).toEqual([0, expect.stringContaining('Take it out of APP_SECRET_PREVIOUS')]);
    const [{ count }] = (await former.database.query<{ count: number }>(`SELECT count(*)::int FROM audit_events WHERE action = 'secret.rotated'`)) as [{ count: number }];
    expect(count).toBe(1);
  }, 60_000);

  it('seals long lists in batches, and leaves erased what was erased', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => accept(`number${n}@example.com`)));
    const copy = `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts, message_id)
      SELECT gen_random_uuid(), lane, 'sent', from_address, to_address, to_canonical, locale, NULL, seal_key_id, secret, max_attempts, message_id FROM outbound_emails LIMIT 5`;
    await former.database.query(copy);
    // Batches are of 200: so many that were never sealed with a secret known here.
    await former.database.query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts, message_id)
       SELECT gen_random_uuid(), 'bulk', 'sent', 'a@b.c', 'd@e.f', 'd@e.f', 'en', '\\x00', 'gone', false, 1, n::text FROM generate_series(1, 450) AS n`,
    );
    const { code, out } = await rotate(BOTH, '--yes', '--json');
    expect([code, told({ out }).kinds.at(-1)]).toEqual([1, { kind: 'mail', resealed: 20, unreadable: 450, remaining: 450 }]);
    expect((await rotate(BOTH, '--yes')).err).toContain('opens with neither APP_SECRET nor APP_SECRET_PREVIOUS');
    expect(await former.database.query(`SELECT count(*)::int AS erased FROM outbound_emails WHERE sealed_variables IS NULL`)).toEqual([{ erased: 5 }]);
  });

  it('seals nothing unasked, for a process that was not restarted could open none of it', async () => {
    const { code, err } = await rotate(BOTH);
    expect([code, err]).toEqual([2, expect.stringContaining('Has every process been restarted with the new APP_SECRET')]);
    expect((await rotate(BOTH, '--status')).code).toBe(1);
    expect((await rotate({}, '--generate', '--yes')).code).toBe(2);
  });

  it('a rotation as it is documented, in which no code is lost on the way', async () => {
    const start = async (secrets: Record<string, string>): Promise<OtpostProcess> => {
      const started = await OtpostProcess.start({ ...env, ROLE: 'all', ...secrets });
      processes.push(started);
      return started;
    };
    // Step 2 beside a process that has not been restarted; step 3 beside one of step 2.
    const stepTwo = await start({ APP_SECRET: TEST_SECRET, APP_SECRET_PREVIOUS: NEW_SECRET });
    const issued = await former.api.register('ada@example.com');
    const stepThree = await start(BOTH);
    const api = await stepThree.api();
    const other = await api.register('grace@example.com');
    const codes = await Promise.all(['ada@example.com', 'grace@example.com'].map(async (to) => codeIn((await sink.waitForMailTo(to))[0]!.mail.text)));
    expect((await rotate(BOTH, '--yes')).code).toBe(0);
    const [ada, grace] = await Promise.all([
      api.post(`/v1/otp/${issued.challenge.id}/verify`, { code: codes[0] }),
      (await stepTwo.api()).post(`/v1/otp/${other.challenge.id}/verify`, { code: codes[1] }),
    ]);
    expect([ada.status, grace.status]).toEqual([200, 200]);
  }, 60_000);
});
