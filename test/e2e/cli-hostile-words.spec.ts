import { OperatedService } from '../support/service/cli-mail.js';
import { runCli } from '../support/service/cli.js';
import { createNamedKey } from '../support/service/named-key.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';

/** Clears the screen, sets the title, breaks lines, forges a row, turns text around; the last one by C1. */
const HOSTILE = 'x\x1b[2J\x1b]0;owned\x07\r\nforged row\x9b31m\u202egpj.exe\u2028y\x7f';
const SHOWN = 'x\\u001b[2J\\u001b]0;owned\\u0007\\r\\nforged row\\u009b31m\\u202egpj.exe\\u2028y\\u007f';

describe('what people and servers wrote, at a terminal', () => {
  let otpost: Otpost;
  let service: OperatedService;
  let smtp: MisbehavingSmtp;
  let id: string;

  beforeAll(async () => {
    smtp = await MisbehavingSmtp.start({
      RCPT: `550 5.1.1 ${HOSTILE.replace('\r\n', ' ')}`,
      EHLO: `250 ${HOSTILE.replace('\r\n', ' ')}`,
    });
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' });
    service = await OperatedService.of(otpost, { APP_SECRET: TEST_SECRET, MAIL_FROM: 'no-reply@example.com' });
    id = await service.accept('ada@example.com');
    const { database } = otpost;
    await database.query(
      `UPDATE outbound_emails SET to_address = $1 || '@example.com', transport = $1, last_error_code = $1, last_reply = $1, status = 'deferred' WHERE id = $2`,
      [HOSTILE, id],
    );
    await database.query(`INSERT INTO transport_states (name, paused_at, pause_reason) VALUES ($1, now(), $1)`, [
      HOSTILE,
    ]);
    await database.query(`INSERT INTO lane_pauses (lane, reason) VALUES ('bulk', $1)`, [HOSTILE]);
    await database.query(`INSERT INTO workers (name, lanes) VALUES ($1, '{bulk}')`, [HOSTILE]);
    await createNamedKey(database, 'emails:read');
    await database.query('UPDATE api_keys SET name = $1, prefix = $1', [HOSTILE]);
    await database.query(
      `INSERT INTO accounts (id, email, email_canonical, email_verified_at, name, role) VALUES (gen_random_uuid(), $1, $1, now(), $1, 'admin')`,
      [HOSTILE],
    );
    await database.query(
      `INSERT INTO audit_events (at, action, result, actor_kind, actor_id, target_kind, target_id, ip, user_agent, details) VALUES (now(), $1, $1, $1, $1, $1, $1, $1, $1, jsonb_build_object($1::text, $1::text))`,
      [HOSTILE],
    );
  });
  afterAll(async () => {
    await otpost.stop();
    await smtp.stop();
  });

  const LISTS: string[][] = [
    ['outbox', 'list', '--show-addresses'],
    ['outbox', 'stats'],
    ['queue', 'stats'],
    ['transports', 'list'],
    ['keys', 'list'],
    ['admin', 'list'],
    ['audit', 'list'],
  ];

  it.each(LISTS.map((args) => [args.join(' '), args] as const))(
    'is shown by otpost %s, a line a row, and as it is in JSON',
    async (_, args) => {
      const [text, json] = await Promise.all([service.cli(...args), service.cli(...args, '--json')]);
      expect(text.out + text.err + json.out + json.err).toMatch(/^[\x20-\x7e\n]*$/);
      expect(text.out).not.toMatch(/^forged row/m);
      expect(text.out).toContain('\\u001b[2J');
      expect(json.out.trimEnd().split('\n')).toHaveLength(1);
      expect(JSON.stringify(JSON.parse(json.out))).toContain(JSON.stringify(HOSTILE).slice(1, -1));
    },
  );

  it('is shown by otpost send: the reply of a server', async () => {
    const sender = service.with({ MAIL_TRANSPORTS: smtp.url });
    const sending = sender.cli('send', '--to', 'grace@example.com', '--lane', 'critical', '--wait', '60s');
    await eventually(
      async () => (await otpost.database.query(`SELECT FROM outbound_emails WHERE lane = 'critical'`)).length > 0,
      'the mail to be accepted',
      30_000,
    );
    await sender.cli('queue', 'drain', 'critical');
    const { out, err, code } = await sending;
    expect(out + err).toMatch(/^[\x20-\x7e\n]*$/);
    expect([code, out]).toEqual([1, expect.stringContaining('5.1.1 x')]);
  }, 120_000);

  it('is shown by otpost doctor: what a server greets with, and what it answers', async () => {
    await smtp.startAnew({ greeting: `554 ${HOSTILE.replace('\r\n', ' ')}` });
    const { out, err } = await service.with({ MAIL_TRANSPORTS: smtp.url }).cli('doctor');
    expect(out + err).toMatch(/^[\x20-\x7e\n→…’“”]*$/);
  });

  it('is shown where arguments and settings are told', async () => {
    const results = await Promise.all([
      service.cli(HOSTILE.replaceAll('\0', '')),
      service.cli('keys', 'revoke', HOSTILE),
      service.cli('transports', 'resume', HOSTILE),
      service.cli('keys', 'list', `--${HOSTILE}`),
      runCli(['outbox', 'list'], { DATABASE_URL: `postgres://nobody@127.0.0.1:9/${encodeURIComponent(HOSTILE)}` }),
      runCli(['outbox', 'list'], { NODE_ENV: HOSTILE }),
    ]);
    for (const { code, out, err } of results) {
      expect([code, out + err]).toEqual([expect.any(Number), expect.stringMatching(/^[\x20-\x7e\n]*$/)]);
      expect(err).not.toMatch(/^forged row/m);
    }
    expect(results[0].err).toContain(SHOWN);
  });
});
