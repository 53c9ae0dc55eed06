import { createApiKey } from '../support/service/api-key.js';
import type { SignedInBody } from '../support/service/api.js';
import { runCli } from '../support/service/cli.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';

const NEW_SECRET = 'another secret of more than thirty-two characters';

interface Told {
  keyId: string;
  kinds: { kind: string; resealed: number; unreadable: number; remaining: number }[];
  formerNeeded: boolean;
}

describe('otpost rotate-secret', () => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (let end = cleanUp.pop(); end; end = cleanUp.pop()) await end();
  });

  const told = ({ out }: { out: string }): Told => JSON.parse(out) as Told;
  const BOTH = { APP_SECRET: NEW_SECRET, APP_SECRET_PREVIOUS: TEST_SECRET };

  /** A service that knows the former secret alone, and what works on its database beside it. */
  async function deployed() {
    const [sink, former] = await Promise.all([
      SmtpSink.start(),
      startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' }),
    ]);
    cleanUp.push(
      () => sink.stop(),
      () => former.stop(),
    );
    const env = {
      DATABASE_URL: former.database.url,
      MAIL_FROM: 'no-reply@example.com',
      MAIL_TRANSPORTS: sink.url,
      APP_URL: 'http://localhost:3000',
      PORT: '0',
    };
    const key = await createApiKey(former.database.url, ['admin']);
    const post = <Body>(path: string, body: object) =>
      former.api.post<Body>(path, body, { authorization: `Bearer ${key}` });
    const accept = async (to: string) =>
      (await post<{ id: string }>('/v1/emails', { to, subject: 'Hello', text: 'Hello.' })).body.id;
    const upload = async (file: string) =>
      former.api.send<{ uploadId: string }>(
        'POST',
        '/v1/uploads',
        { 'content-type': 'application/octet-stream', authorization: `Bearer ${key}` },
        file,
      );
    const rotate = (secrets: Record<string, string>, ...args: string[]) =>
      runCli(['rotate-secret', ...args], { ...env, ...secrets });
    const start = async (secrets: Record<string, string>) => {
      const started = await OtpostProcess.start({ ...env, ROLE: 'all', ...secrets });
      cleanUp.push(() => started.stop('SIGKILL'));
      return started;
    };
    return { former, sink, post, accept, upload, rotate, start };
  }

  type Deployed = Awaited<ReturnType<typeof deployed>>;
  let shared: Deployed;
  let resealed: Deployed;
  let rotated: Deployed;
  let stopped: Deployed;
  // One after the other, and before the tests: two services that start at once in one Jest environment may wait for
  // each other.
  beforeAll(async () => {
    shared = await deployed();
    resealed = await deployed();
    rotated = await deployed();
    stopped = await deployed();
  });

  it.concurrent('prints a fresh secret that is long enough, another one each time', async () => {
    const [one, other] = await Promise.all([shared.rotate({}, '--generate'), shared.rotate({}, '--generate')]);
    expect([one.code, one.out, one.err]).toEqual([0, expect.stringMatching(/^[A-Za-z0-9+/]{43}=\n$/), '']);
    expect(one.out).not.toBe(other.out);
  });

  it.concurrent('seals everything again, after which a process that knows the new secret alone does all the old one began', async () => {
    const { former, sink, post, accept, upload, rotate, start } = resealed;
    const issued = await former.api.register('ada@example.com');
    const waiting = await accept('grace@example.com');
    const endpoint = await post('/v1/webhook-endpoints', { url: 'https://example.com/hook' });
    expect([endpoint.status, (await upload('a file')).status]).toEqual([201, 201]);
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
          { kind: 'file parts', resealed: 1, unreadable: 0, remaining: 0 },
        ],
        formerNeeded: false,
      },
    ]);
    const present = await start({ APP_SECRET: NEW_SECRET });
    const [mail] = await sink.waitForMailTo('ada@example.com');
    await sink.waitForMailTo('grace@example.com');
    const api = await present.api();
    const answer = await api.post<SignedInBody>(`/v1/otp/${issued.challenge.id}/verify`, {
      code: codeIn(mail!.mail.text),
    });
    expect([answer.status, answer.body.account.email]).toEqual([200, 'ada@example.com']);
    expect(await former.database.query(`SELECT status FROM outbound_emails WHERE id = $1`, [waiting])).toEqual([
      { status: 'sent' },
    ]);
    const again = await rotate({ APP_SECRET: NEW_SECRET });
    expect([again.code, again.err]).toEqual([0, expect.stringContaining('Take it out of APP_SECRET_PREVIOUS')]);
    const [{ count }] = (await former.database.query<{ count: number }>(
      `SELECT count(*)::int FROM audit_events WHERE action = 'secret.rotated'`,
    )) as [{ count: number }];
    expect(count).toBe(1);
  });

  it.concurrent('seals long lists in batches, and leaves erased what was erased', async () => {
    const { former, accept, rotate } = shared;
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
    expect([code, told({ out }).kinds.find(({ kind }) => kind === 'mail')]).toEqual([
      1,
      { kind: 'mail', resealed: 20, unreadable: 450, remaining: 450 },
    ]);
    expect((await rotate(BOTH, '--yes')).err).toContain('opens with neither APP_SECRET nor APP_SECRET_PREVIOUS');
    expect(
      await former.database.query(`SELECT count(*)::int AS erased FROM outbound_emails WHERE sealed_variables IS NULL`),
    ).toEqual([{ erased: 5 }]);
  });

  it.concurrent('is in the record of who did what though it does not come to its end', async () => {
    const { former, accept, rotate } = stopped;
    await accept('ada@example.com');
    await former.database.query(`
      CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'in the way'; END $$;
      CREATE TRIGGER in_the_way BEFORE UPDATE ON outbound_emails FOR EACH ROW EXECUTE FUNCTION in_the_way()`);
    const { code } = await rotate(BOTH, '--yes');
    const audited = await former.database.query(
      `SELECT action, actor_kind AS by, details FROM audit_events WHERE action LIKE 'secret%'`,
    );
    expect([code, audited]).toEqual([
      1,
      [
        {
          action: 'secret.rotation_started',
          by: 'operator',
          details: { keyId: expect.stringMatching(/^[\da-f]{8}$/) as string, found: 2 },
        },
      ],
    ]);
  });

  it.concurrent('seals nothing unasked, for a process that was not restarted could open none of it', async () => {
    const [{ code, err }, status, generate] = await Promise.all([
      shared.rotate(BOTH),
      shared.rotate(BOTH, '--status'),
      shared.rotate({}, '--generate', '--yes'),
    ]);
    expect([code, err]).toEqual([
      2,
      expect.stringContaining('Has every process been restarted with the new APP_SECRET'),
    ]);
    expect([status.code, generate.code]).toEqual([1, 2]);
  });

  it.concurrent('a rotation as it is documented, in which no code is lost on the way', async () => {
    const { former, sink, rotate, start } = rotated;
    // Step 2 beside a process that has not been restarted; step 3 beside one of step 2.
    const stepTwo = await start({ APP_SECRET: TEST_SECRET, APP_SECRET_PREVIOUS: NEW_SECRET });
    const issued = await former.api.register('ada@example.com');
    const stepThree = await start(BOTH);
    const api = await stepThree.api();
    const other = await api.register('grace@example.com');
    const codes = await Promise.all(
      ['ada@example.com', 'grace@example.com'].map(async (to) => codeIn((await sink.waitForMailTo(to))[0]!.mail.text)),
    );
    await eventually(
      async () => (await former.database.query(`SELECT FROM outbound_emails WHERE status <> 'sent'`)).length === 0,
      'both mails to be on record, for what is in use is left',
    );
    expect(await rotate(BOTH, '--yes')).toMatchObject({ code: 0 });
    const [ada, grace] = await Promise.all([
      api.post(`/v1/otp/${issued.challenge.id}/verify`, { code: codes[0] }),
      (await stepTwo.api()).post(`/v1/otp/${other.challenge.id}/verify`, { code: codes[1] }),
    ]);
    expect([ada.status, grace.status]).toEqual([200, 200]);
  });
});
