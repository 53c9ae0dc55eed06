import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { MailToSeveral } from '../support/smtp/mail-to-several.js';
import { MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';

const HOOK = new URL('../support/faults/fault-stop.mjs', import.meta.url).href;
const NOBODY = '550 5.1.1 nobody here';

/** A worker is killed with a message to three in its hands, one of whom the server had refused. */
describe('kill -9 with a message to several', () => {
  let database: TestDatabase;
  let server: MisbehavingSmtp;
  let web: OtpostInProcess;
  let mail: MailToSeveral;
  let env: Record<string, string>;
  const killed: OtpostProcess[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    server = await MisbehavingSmtp.start();
    env = { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: server.url, PORT: '0' };
    web = await OtpostInProcess.start({ ...env, ROLE: 'web', OUTBOX_RESCUE: 'off' });
    mail = await MailToSeveral.of({ api: web.api, database });
  });
  afterAll(async () => {
    await mail.close();
    await Promise.all([web.stop(), ...killed.map((one) => one.stop('SIGKILL'))]);
    await server.stop();
    await database.drop();
  });

  /** Somebody else's worker finds what it left. */
  async function killedAt(point: 'transferring' | 'offered' | 'answered', lane: 'default' | 'bulk') {
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    await server.startAnew({ RCPT: (_time, _line, { to }) => (to === grace ? NOBODY : undefined) });
    const id = await mail.send({ to: [ada, grace], bcc: katherine, lane });
    const worker = new OtpostProcess({
      ...env,
      ROLE: 'worker',
      NODE_OPTIONS: `--import=${HOOK}`,
      FAULT_STOP: `${point}:1`,
    });
    killed.push(worker);
    await eventually(() => worker.text.includes('fault: stopped at'), `a worker that has ${point}`);
    await worker.stop('SIGKILL');
    // Its lease is over.
    await database.query(`UPDATE outbound_emails SET lease_until = now() - interval '1 second' WHERE id = $1`, [id]);
    await database.query(`UPDATE scheduled_tasks SET next_run_at = now(), leased_by = NULL WHERE name = 'mail.rescue'`);
    return { id, ada, grace, katherine };
  }

  /** A worker that lives, for as long as the story takes. */
  async function rescued(story: () => Promise<void>): Promise<void> {
    const worker = await OtpostInProcess.start({ ...env, ROLE: 'worker' });
    try {
      await story();
    } finally {
      await worker.stop();
    }
    expect(await mail.imbalance()).toBe(0);
  }

  it('before the offer: nobody got it, and it goes out once', async () => {
    const { id, ada, grace, katherine } = await killedAt('transferring', 'default');
    await rescued(async () => {
      const email = await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'sent' });
      expect(email.possibleDuplicate).toBe(false);
      expect(server.transfers.map(({ recipients }) => recipients)).toEqual([[ada, katherine]]);
    });
  });

  it.each([
    ['offered', 1],
    ['answered', 2],
  ] as const)('once it was %s: nobody knows, it goes out once more, and says so', async (point, transfers) => {
    const { id, ada, grace, katherine } = await killedAt(point, 'default');
    await rescued(async () => {
      const waiting = await mail.become(id, { [ada]: 'deferred', [grace]: 'deferred', [katherine]: 'deferred' });
      expect(waiting.events.map(({ status, errorCode }) => [status, errorCode])).toEqual([
        ['queued', null],
        ['sending', null],
        ['unknown', 'lease_expired'],
        ['deferred', 'retry_after_unknown'],
      ]);
      expect(waiting.possibleDuplicate).toBe(true);
      await mail.dueNow(id);
      const email = await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'sent' });
      expect([email.possibleDuplicate, (await mail.of(email, grace)).lastReply]).toEqual([true, NOBODY]);
      expect(server.transfers.map(({ recipients }) => recipients)).toEqual(
        Array.from({ length: transfers }, () => [ada, katherine]),
      );
      expect(await mail.suppressed()).toHaveProperty([grace], 'hard_bounce');
    });
  });

  it('with bulk mail: nobody knows, and it stays so', async () => {
    const { id, ada, grace, katherine } = await killedAt('answered', 'bulk');
    await rescued(async () => {
      await mail.become(id, { [ada]: 'unknown', [grace]: 'unknown', [katherine]: 'unknown' });
      expect(server.transfers.map(({ recipients }) => recipients)).toEqual([[ada, katherine]]);
    });
  });
});
