import { OperatedService } from '../support/service/cli-mail.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';

interface Shown {
  kind?: string;
  id: string;
  address: string;
  scope: string;
  reason: string;
  source: string;
  note: string | null;
  expiresAt: string | null;
}

describe('otpost suppressions', () => {
  let otpost: Otpost;
  let service: OperatedService;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' });
    service = await OperatedService.of(otpost, { APP_SECRET: TEST_SECRET });
  });
  beforeEach(async () => {
    await otpost.database.query('TRUNCATE suppressions, audit_events');
  });
  afterAll(() => otpost.stop());

  const bounced = (address: string) =>
    otpost.database.query(
      `INSERT INTO suppressions (address_canonical, reason, source, expires_at) VALUES ($1, 'hard_bounce', 'smtp.example.com:587', now() + interval '90 days')`,
      [address],
    );

  it('lists what stands, newest first, masked unless the addresses are asked for', async () => {
    await bounced('lovelace@example.com');
    await service.cli('suppressions', 'add', 'hopper@example.com', '--scope', 'bulk', '--note', 'asked by phone');
    await otpost.database.query(
      `INSERT INTO suppressions (address_canonical, reason, source, expires_at) VALUES ('gone@example.com', 'hard_bounce', 'smtp', now())`,
    );
    const [all, table, shown, one] = await Promise.all([
      service.json<Shown[]>('suppressions', 'list'),
      service.cli('suppressions', 'list'),
      service.json<Shown[]>('suppressions', 'list', '--reason', 'hard_bounce', '--show-addresses'),
      service.json<Shown[]>('suppressions', 'list', '--address', 'Hopper@EXAMPLE.com', '--limit', '1'),
    ]);
    expect(all.map(({ address, scope, reason, source }) => [address, scope, reason, source])).toEqual([
      ['h***@example.com', 'bulk', 'manual', 'operator'],
      ['l***@example.com', 'all', 'hard_bounce', 'smtp.example.com:587'],
    ]);
    expect(table.out).toMatch(
      /^SINCE .*\n.*Z  h\*\*\*@example\.com  bulk mail  manual .* asked by phone  -\n.*Z  l\*\*\*@example\.com  mail +hard_bounce .*Z  -  +-\n$/,
    );
    expect(shown.map(({ address }) => address)).toEqual(['lovelace@example.com']);
    expect(one).toHaveLength(1);
    expect((await service.cli('suppressions', 'list', '--address', 'nobody@example.com')).err).toBe(
      'No such address is suppressed.\n',
    );
  });

  it('adds an address for a while, and says when it stands for a stronger reason', async () => {
    const added = await service.json<Shown>('suppressions', 'add', 'lovelace@example.com', '--expires', '30d');
    expect(added).toMatchObject({
      kind: 'added',
      address: 'l***@example.com',
      scope: 'all',
      reason: 'manual',
      source: 'operator',
    });
    const { err } = await service.cli('suppressions', 'add', 'lovelace@example.com');
    expect(err).toBe('l***@example.com gets no mail (manual).\n');
    await otpost.database.query(`UPDATE suppressions SET reason = 'complaint'`);
    const stays = await service.cli('suppressions', 'add', 'lovelace@example.com', '--expires', '12h');
    expect([stays.code, stays.err]).toEqual([0, 'It stays as it is: l***@example.com gets no mail (complaint).\n']);
  });

  it('removes an address with a reason, which the record of who did what keeps', async () => {
    await bounced('lovelace@example.com');
    const removed = await service.cli(
      'suppressions',
      'remove',
      'lovelace@example.com',
      '--reason',
      'has a new mailbox',
    );
    expect([removed.code, removed.err]).toEqual([
      0,
      expect.stringMatching(/^Removed: l\*\*\*@example\.com gets no mail \(hard_bounce\) until .*Z\.\n$/),
    ]);
    const again = await service.cli(
      'suppressions',
      'remove',
      'lovelace@example.com',
      '--reason',
      'has a new mailbox',
      '--json',
    );
    expect([again.code, again.out, again.err]).toEqual([1, '[]\n', expect.stringContaining('not on the list')]);
    expect(await otpost.database.query('SELECT action, actor_kind AS by, details FROM audit_events')).toEqual([
      {
        action: 'suppression.lifted',
        by: 'operator',
        details: { scope: 'all', domain: 'example.com', was: 'hard_bounce', reason: 'has a new mailbox' },
      },
    ]);
  });

  it('does not understand what cannot be meant', async () => {
    const strange = [
      ['add'],
      ['add', 'ada'],
      ['add', 'a@example.com', 'b@example.com'],
      ['add', 'a@example.com', '--scope', 'critical'],
      ['add', 'a@example.com', '--expires', 'soon'],
      ['remove', 'a@example.com'],
      ['remove', 'a@example.com', '--reason', ' '],
      ['remove', 'a@example.com', '--reason', 'a@example.com asked'],
      ['list', '--reason', 'whim'],
      ['list', '--limit', '0'],
      ['list', '--address', 'ada'],
    ];
    const codes = await Promise.all(
      strange.map(async (args) => [args, (await service.cli('suppressions', ...args)).code]),
    );
    expect(codes).toEqual(strange.map((args) => [args, 2]));
  });
});
