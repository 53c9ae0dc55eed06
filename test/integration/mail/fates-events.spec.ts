import { randomUUID } from 'node:crypto';
import { LOWEST_UUID, uuidv7 } from '../../../src/core/ids.js';
import type { Recipient } from '../../../src/mail/outbox/email-rows.js';
import { OutboxRecords } from '../../../src/mail/outbox/records.js';
import { MailRetention } from '../../../src/mail/outbox/retention.js';
import { allSenders, type HookSender, type ToldEvent } from '../../support/http/provider-hooks.js';
import { certificateServer } from '../../support/http/sns-certificate.js';
import { createApiKey } from '../../support/service/api-key.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { postfixDsn } from '../../support/smtp/bounces.js';
import { CarriedMail } from '../../support/smtp/carried-mail.js';

const senders = allSenders();

describe('what is told later of one recipient of several', () => {
  let otpost: Otpost;
  let mail: CarriedMail;
  let records: OutboxRecords;
  let clock: HeldClock;
  let admin: string;
  let restoreFetch: () => void;
  let people = 0;

  beforeAll(async () => {
    clock = new HeldClock();
    const HOOK_SECRETS = senders.map(({ secret }) => secret).join(',');
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', HOOK_SECRETS }, clock);
    mail = new CarriedMail(otpost.database);
    records = new OutboxRecords(mail.prisma);
    admin = await createApiKey(otpost.database.url, ['admin']);
    restoreFetch = certificateServer(senders).restore;
  });
  beforeEach(() => otpost.database.query('TRUNCATE suppressions'));
  afterEach(async () => {
    expect(await mail.imbalance()).toBe(0);
  });
  afterAll(async () => {
    restoreFetch();
    await mail.close();
    await otpost.stop();
  });

  function three(): [string, string, string] {
    const n = ++people;
    return [`ada${n}@example.com`, `grace${n}@example.com`, `katherine${n}@example.com`];
  }
  function toAll(addresses: readonly string[]) {
    const recipients = addresses.map((address, n): Recipient => ({
      kind: n === 0 ? 'to' : 'cc',
      address,
      name: '',
      canonical: address,
    }));
    return { to: addresses[0]!, toCanonical: '', recipients };
  }
  const transportOf = ({ provider }: HookSender): string =>
    ({ mailgun: 'mailgun:example.com', ses: 'ses:eu-west-1' })[provider as string] ?? provider;

  async function applied(): Promise<void> {
    await otpost.database.query('SELECT FROM provider_events FOR SHARE');
  }
  async function tell(sender: HookSender, event: ToldEvent): Promise<void> {
    const { headers, body } = sender.post({ at: clock.now(), key: randomUUID(), ...event });
    const { status } = await otpost.api.send('POST', `/v1/hooks/${sender.provider}`, headers, body);
    expect(status).toBe(200);
    await applied();
  }
  async function bounce(id: string, recipient: string): Promise<void> {
    const headers = { 'content-type': 'message/rfc822', authorization: `Bearer ${admin}` };
    await otpost.api.send('POST', '/v1/hooks/dsn', headers, postfixDsn({ id, recipient }).toString());
    await applied();
  }
  const fates = async (id: string): Promise<Record<string, string>> =>
    Object.fromEntries((await records.find(id))!.fates.map(({ address, status }) => [address, status]));
  const rowOf = async (id: string, address: string): Promise<string> =>
    (await records.find(id))!.fates.find((one) => one.address === address)!.emailId;
  const suppressed = async (): Promise<string[]> => (await mail.suppressions()).map(({ address }) => address);

  it.each(senders.map((sender) => [sender.provider, sender] as const))(
    'changes only that one (%s)',
    async (provider, sender) => {
      const [ada, grace, katherine] = three();
      const id = await mail.sent(transportOf(sender), '', toAll([ada, grace, katherine]));
      await tell(sender, { what: 'hard bounce', recipient: grace, emailId: id });
      expect(await fates(id)).toEqual({ [ada]: 'sent', [grace]: 'bounced', [katherine]: 'sent' });
      expect(await suppressed()).toEqual([grace]);
      await tell(sender, { what: 'delivered', recipient: ada, emailId: id });
      expect(await fates(id)).toEqual({ [ada]: 'delivered', [grace]: 'bounced', [katherine]: 'sent' });
      // The message of the one that is left.
      await tell(sender, { what: 'delivered', recipient: katherine, emailId: id });
      expect(await mail.look(id)).toMatchObject({ status: 'delivered' });
      // Once more, of one that has a row of its own by now.
      await tell(sender, { what: 'complaint', recipient: ada, emailId: id });
      expect(await fates(id)).toEqual({ [ada]: 'complained', [grace]: 'bounced', [katherine]: 'delivered' });
      expect((await suppressed()).sort()).toEqual([ada, grace]);
      const own = await mail.look(await rowOf(id, ada));
      expect(own.events.map(({ status, transport }) => [status, transport])).toEqual([
        ['delivered', provider],
        ['complained', provider],
      ]);
    },
  );

  it('by a bounce that comes as mail changes only that one', async () => {
    const [ada, grace, katherine] = three();
    const id = await mail.sent('mail.internal:25', '', toAll([ada, grace, katherine]));
    await bounce(id, katherine);
    expect(await fates(id)).toEqual({ [ada]: 'sent', [grace]: 'sent', [katherine]: 'bounced' });
    // It names the message, and they are no longer its recipient.
    await bounce(id, ada);
    expect(await fates(id)).toEqual({ [ada]: 'bounced', [grace]: 'sent', [katherine]: 'bounced' });
    await bounce(id, 'mallory@example.com');
    expect((await suppressed()).sort()).toEqual([ada, katherine].sort());
  });

  it('of nobody by name is noted, and changes none of them', async () => {
    const [ada, grace, katherine] = three();
    const [resend] = senders.filter(({ provider }) => provider === 'resend');
    const id = await mail.sent('resend', '', toAll([ada, grace, katherine]));
    const { headers, body } = resend!.post({ what: 'delay', recipient: ada, emailId: id, at: clock.now() });
    await otpost.api.send('POST', '/v1/hooks/resend', headers, body);
    await applied();
    expect(await fates(id)).toEqual({ [ada]: 'sent', [grace]: 'sent', [katherine]: 'sent' });
  });

  it('of one whose outcome was unknown takes them out of the second copy that is planned', async () => {
    const [ada, grace, katherine] = three();
    const [sendgrid] = senders.filter(({ provider }) => provider === 'sendgrid');
    const claimed = await mail.sending(toAll([ada, grace, katherine]));
    await mail.outbox.finish(
      claimed,
      { status: 'unknown', transport: 'sendgrid', errorCode: 'http_timeout' },
      'worker:1',
    );
    const again = { status: 'deferred', delayMs: 900_000, possibleDuplicate: true, transport: 'sendgrid' } as const;
    await mail.outbox.finish(claimed, again, 'worker:1');
    await tell(sendgrid!, { what: 'delivered', recipient: grace, emailId: claimed.id });
    expect(await fates(claimed.id)).toEqual({ [ada]: 'deferred', [grace]: 'delivered', [katherine]: 'deferred' });
    // A late answer of the attempt that still has them all brings nobody back.
    const refused = [{ recipient: claimed.recipients![1]!, ending: { status: 'failed', errorCode: 'late' } as const }];
    expect(
      await mail.outbox.finish(claimed, { status: 'sent', transport: 'sendgrid', apart: refused }, 'worker:1'),
    ).toBe(false);
    expect(await fates(claimed.id)).toEqual({ [ada]: 'deferred', [grace]: 'delivered', [katherine]: 'deferred' });
    // Without news of one it ends the others.
    expect(await mail.outbox.finish(claimed, { status: 'sent', transport: 'sendgrid', reply: '202' }, 'worker:1')).toBe(
      true,
    );
    expect(await fates(claimed.id)).toEqual({ [ada]: 'sent', [grace]: 'delivered', [katherine]: 'sent' });
  });

  it('leaves nothing behind when retention has taken them all', async () => {
    const [ada, grace, katherine] = three();
    const more = { id: uuidv7(new Date()), ...toAll([ada, grace, katherine]) };
    const id = await mail.sent('mail.internal:25', '', more);
    await bounce(id, grace);
    await otpost.database.query(`UPDATE outbound_emails SET created_at = now() - interval '1 year'`);
    // Ids carry the time as well: all that were made until tomorrow.
    await new MailRetention(mail.prisma).removeMessages(-1, LOWEST_UUID, 1_000);
    const [left] = await otpost.database.query<{ terms: number; rows: number }>(
      `SELECT (SELECT count(*)::int FROM email_terms WHERE term = ANY($1)) AS terms,
         (SELECT count(*)::int FROM outbound_emails WHERE id = $2 OR split_from = $2) AS rows`,
      [[ada, grace, katherine].map((one) => `to:${one}`), id],
    );
    expect(left).toEqual({ terms: 0, rows: 0 });
  });
});
