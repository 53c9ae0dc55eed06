import type { ProblemBody } from '../../support/service/api.js';
import { createApiKey } from '../../support/service/api-key.js';
import { AudienceClient, type SubscriberBody } from '../../support/service/audience.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, type Received, SmtpSink } from '../../support/smtp/smtp-sink.js';
import { note } from '../../support/text/test-logs.js';
import { wrongCode } from '../../support/text/wrong-code.js';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('who is in an audience', () => {
  let otpost: Otpost;
  let sink: SmtpSink;
  let key: string;
  let audience: AudienceClient;
  let people = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url });
    key = await createApiKey(otpost.database.url, ['audiences', 'emails:read', 'emails:send']);
  });
  beforeEach(async () => {
    audience = await AudienceClient.make(otpost.api, key);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const somebody = (): string => `ada${++people}@example.com`;
  const pathOf = (url: string): string => new URL(url).pathname + new URL(url).search;
  const status = async (address: string, of = audience): Promise<string> => (await of.find(address)).status;
  const post = (path: string, body: string) => otpost.api.send<string>('POST', path, FORM, body);

  it('is made, found, called otherwise and listed', async () => {
    const path = `/v1/audiences/${audience.id}`;
    const address = somebody();
    const { status: created, body } = await audience.add(address.toUpperCase(), {
      attributes: { name: 'Ada' },
      locale: 'pt-BR',
    });
    expect([created, body.status, body.attributes]).toEqual([201, 'active', { name: 'Ada' }]);
    const again = await audience.add(address, { attributes: { plan: 'pro' } });
    expect([again.status, again.body]).toEqual([
      200,
      expect.objectContaining({ id: body.id, attributes: { name: 'Ada', plan: 'pro' }, locale: 'pt-BR' }),
    ]);
    expect((await audience.get(path)).body).toMatchObject({ name: 'Drivers', subscribers: { active: 1, pending: 0 } });
    const renamed = await otpost.api.send<{ name: string }>(
      'PATCH',
      path,
      { ...audience.auth, 'content-type': 'application/json' },
      '{"name":"Riders"}',
    );
    expect(renamed.body.name).toBe('Riders');
    for (let n = 0; n < 4; n++) await audience.add(somebody());
    const seen: string[] = [];
    for (let cursor = ''; ;) {
      const page = (
        await audience.get<{ items: SubscriberBody[]; nextCursor: string | null }>(
          `${path}/subscribers?limit=2${cursor}`,
        )
      ).body;
      seen.push(...page.items.map(({ id }) => id));
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect([seen.length, new Set(seen).size, seen[0]]).toEqual([5, 5, body.id]);
    const none = await audience.get<{ items: object[] }>(`${path}/subscribers?status=bounced`);
    expect(none.body.items).toEqual([]);
    const actions = await otpost.database.query<{ action: string }>(
      `SELECT action FROM audit_events WHERE target_id IN ($1, $2) ORDER BY id`,
      [audience.id, body.id],
    );
    expect(actions.map(({ action }) => action)).toEqual(['audience.created', 'subscriber.added', 'audience.renamed']);
  });

  it.each([
    [{ email: 'nobody' }, 'email'],
    [{ email: 'ada@example.com', attributes: { 'first name': 'Ada' } }, 'attributes.first name'],
    [{ email: 'ada@example.com', attributes: { email: 'x' } }, 'attributes.email'],
    [{ email: 'ada@example.com', attributes: { name: 'two\nlines' } }, 'attributes.name'],
    [
      {
        email: 'ada@example.com',
        attributes: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`a${n}`, 'x'])),
      },
      'attributes',
    ],
    [{ email: 'ada@example.com', locale: 'not a locale' }, 'locale'],
  ])('refuses %j', async (body, field) => {
    const refused = await audience.post<ProblemBody>(`/v1/audiences/${audience.id}/subscribers`, body);
    expect([refused.status, refused.body.errors?.map((error) => error.field)]).toEqual([422, [field]]);
  });

  describe('who is asked first', () => {
    const asked = async (address: string, more: object = {}): Promise<{ body: SubscriberBody; mail: Received }> => {
      const before = sink.received.filter(({ to }) => to.includes(address)).length;
      const { body } = await audience.add(address, { confirm: true, ...more });
      expect(body.status).toBe('pending');
      const mails = await sink.waitForMailTo(address, before + 1);
      const mail = mails.at(-1)!;
      expect(mail.mail.subject).toContain(body.confirmation!.reference);
      note('code', codeIn(mail.mail.text));
      return { body, mail };
    };
    const linkIn = ({ mail }: Received): string => pathOf(/http\S+\/subscribe\/\S+/.exec(mail.text!)![0]);

    it('gets nothing before, and is active by the code', async () => {
      const address = somebody();
      const { body, mail } = await asked(address);
      const confirm = (code: string) =>
        audience.post<ProblemBody & SubscriberBody>(`/v1/audiences/${audience.id}/subscribers/${body.id}/confirm`, {
          code,
        });
      const wrong = await confirm(wrongCode(codeIn(mail.mail.text)));
      expect([wrong.status, wrong.body.code, await status(address)]).toEqual([400, 'otp_invalid', 'pending']);
      expect((await audience.tell({ subject: 'News', text: 'Hello.' })).status).toBe(202);
      expect([(await confirm(codeIn(mail.mail.text))).status, await status(address)]).toEqual([200, 'active']);
      expect((await confirm(codeIn(mail.mail.text))).status).toBe(200);
    });

    it('is active by the link, whose page does nothing before its button is pressed', async () => {
      const address = somebody();
      const { mail } = await asked(address);
      const path = linkIn(mail);
      const page = await otpost.api.get<string>(path);
      expect([page.status, page.body.includes('<script'), await status(address)]).toEqual([200, false, 'pending']);
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      expect([(await post(path, '')).status, await status(address)]).toEqual([200, 'active']);
      expect((await otpost.api.get<string>(path)).status).toBe(410);
      expect((await otpost.api.get<string>('/subscribe/nothing')).status).toBe(404);
      const [entry] = await otpost.database.query<{ actor_kind: string }>(
        `SELECT actor_kind FROM audit_events WHERE action = 'subscriber.confirmed' ORDER BY id DESC LIMIT 1`,
      );
      expect(entry).toEqual({ actor_kind: 'anonymous' });
    });

    it('comes back by it after they had left all newsletters, and nobody else brings them back', async () => {
      const address = somebody();
      await audience.add(address);
      await otpost.database.query(
        `INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ($1, 'bulk', 'unsubscribe', 'page')`,
        [address],
      );
      expect(await status(address)).toBe('unsubscribed');
      expect((await audience.add(address)).body.status).toBe('unsubscribed');
      const { mail } = await asked(address);
      await post(linkIn(mail), '');
      expect(await status(address)).toBe('active');
      expect(await otpost.database.query('SELECT FROM suppressions WHERE address_canonical = $1', [address])).toEqual(
        [],
      );
    });

    it('comes back in one piece, or not at all and may press again', async () => {
      const address = somebody();
      await audience.add(address);
      await otpost.database.query(
        `INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ($1, 'bulk', 'unsubscribe', 'page')`,
        [address],
      );
      const { mail } = await asked(address);
      await otpost.database.query(`
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it stays'; END $$;
        CREATE TRIGGER refuse BEFORE DELETE ON suppressions FOR EACH ROW EXECUTE FUNCTION refuse()`);
      expect([(await post(linkIn(mail), '')).status, await status(address)]).toEqual([500, 'pending']);
      await otpost.database.query('DROP TRIGGER refuse ON suppressions');
      expect([(await post(linkIn(mail), '')).status, await status(address)]).toEqual([200, 'active']);
      expect(await otpost.database.query('SELECT FROM suppressions WHERE address_canonical = $1', [address])).toEqual(
        [],
      );
    });

    it('is asked for each audience by itself, and not at all who is active', async () => {
      const address = somebody();
      const first = await asked(address);
      const other = await AudienceClient.make(otpost.api, key, 'Others');
      await other.add(address, { confirm: true });
      await sink.waitForMailTo(address, 2);
      await post(linkIn(first.mail), '');
      expect([await status(address), await status(address, other)]).toEqual(['active', 'pending']);
      const again = await audience.add(address, { confirm: true });
      expect([again.status, again.body.status, again.body.confirmation]).toEqual([200, 'active', null]);
    });

    it('has what is said anew, while they wait and when they are active', async () => {
      const address = somebody();
      const first = await asked(address, { attributes: { name: 'Ada', plan: 'free' } });
      const second = await asked(address, { attributes: { plan: 'paid' }, locale: 'de' });
      expect(second.body).toMatchObject({ id: first.body.id, attributes: { name: 'Ada', plan: 'paid' }, locale: 'de' });
      expect(second.mail.mail.subject).not.toBe(first.mail.mail.subject);
      await post(linkIn(second.mail), '');
      const { body } = await audience.add(address, { confirm: true, attributes: { plan: 'gone' } });
      expect(body).toMatchObject({ status: 'active', attributes: { name: 'Ada', plan: 'gone' }, locale: 'de' });
    });

    it('is asked once by one request, however often it comes', async () => {
      const address = somebody();
      const path = `/v1/audiences/${audience.id}/subscribers`;
      const add = (more: object, idempotencyKey = `ask ${address}`) =>
        audience.post<SubscriberBody & ProblemBody>(
          path,
          { email: address, confirm: true, ...more },
          { 'idempotency-key': idempotencyKey },
        );
      const [first, ...others] = await Promise.all([1, 2, 3].map(() => add({})));
      const answers = [first!, ...others];
      // Whichever came while another was under way is told to come again.
      expect(answers.map(({ status }) => status).filter((one) => one !== 201 && one !== 409)).toEqual([]);
      const given = answers.find(({ status }) => status === 201)!;
      const again = await add({});
      expect([again.status, again.body, again.headers.get('idempotency-replayed')]).toEqual([201, given.body, 'true']);
      expect((await add({ locale: 'de' })).body.code).toBe('idempotency_mismatch');
      const [mail, ...more] = await sink.waitForMailTo(address);
      expect([mail!.mail.subject, more]).toEqual([expect.stringContaining(given.body.confirmation!.reference), []]);
      const sent = await otpost.database.query('SELECT id FROM outbound_emails WHERE to_address = $1', [address]);
      expect(sent).toHaveLength(1);
      const code = codeIn(mail!.mail.text);
      note('code', code);
      expect((await audience.post(`${path}/${given.body.id}/confirm`, { code })).status).toBe(200);
      expect(await status(address)).toBe('active');
    });

    it('may be added by a repeated request that asks nobody', async () => {
      const address = somebody();
      const add = (more: object) =>
        audience.post<SubscriberBody & ProblemBody>(
          `/v1/audiences/${audience.id}/subscribers`,
          { email: address, ...more },
          { 'idempotency-key': `add ${address}` },
        );
      const first = await add({});
      const again = await add({});
      expect([first.status, again.status, again.body]).toEqual([201, 201, first.body]);
      expect((await add({ confirm: true })).body.code).toBe('idempotency_mismatch');
      expect(await otpost.database.query('SELECT FROM outbound_emails WHERE to_address = $1', [address])).toEqual([]);
    });

    it('is asked no more often than an address may be', async () => {
      const limited = await startOtpost({ MAIL_TRANSPORTS: sink.url, LIMIT_DESTINATION: '2/15min' });
      try {
        const client = await AudienceClient.make(limited.api, await createApiKey(limited.database.url, ['audiences']));
        const address = somebody();
        const answers = [];
        for (let n = 0; n < 3; n++) answers.push((await client.add(address, { confirm: true })).status);
        expect(answers).toEqual([201, 200, 429]);
      } finally {
        await limited.stop();
      }
    });
  });

  describe('who leaves by a mail', () => {
    let other: AudienceClient;
    let address: string;
    let link: string;

    beforeEach(async () => {
      address = somebody();
      other = await AudienceClient.make(otpost.api, key, 'Others');
      await audience.add(address);
      await other.add(address);
      await audience.tell({ subject: 'News', text: 'Hello.' });
      const [received] = await sink.waitForMailTo(address);
      link = pathOf(/http\S+\/unsubscribe\?t=\S+/.exec(received!.mail.text!)![0]);
    });

    const suppressed = () => otpost.database.query('SELECT FROM suppressions WHERE address_canonical = $1', [address]);

    it('by one click leaves that audience, and no other', async () => {
      expect((await post(link, 'List-Unsubscribe=One-Click')).status).toBe(200);
      expect([await status(address), await status(address, other)]).toEqual(['unsubscribed', 'active']);
      expect(await suppressed()).toEqual([]);
      const { body } = await other.tell({ subject: 'Other news', text: 'Hello.' });
      await eventually(
        async () => (await other.broadcast(body.id)).counts['sent'] === 1,
        'the other audience to be told',
      );
    });

    it('on the page leaves one or all, and may take it back', async () => {
      const page = await otpost.api.get<string>(link);
      expect(page.body).toContain('Unsubscribe from Drivers?');
      expect(page.body).toContain('value="unsubscribe_all"');
      expect(await status(address)).toBe('active');
      await post(link, 'action=unsubscribe');
      expect([await status(address), await status(address, other)]).toEqual(['unsubscribed', 'active']);
      await post(link, 'action=subscribe');
      expect(await status(address)).toBe('active');
      expect((await post(link, 'action=unsubscribe_all')).body).toContain('won’t get any more newsletters');
      expect([await status(address), await status(address, other)]).toEqual(['unsubscribed', 'unsubscribed']);
      expect(await suppressed()).toHaveLength(1);
      await post(link, 'action=subscribe');
      expect([await status(address), await status(address, other)]).toEqual(['active', 'active']);
      expect(await suppressed()).toEqual([]);
    });

    it('takes back nothing that was said otherwise', async () => {
      const { id } = await audience.find(address);
      const change = await otpost.api.send(
        'PATCH',
        `/v1/audiences/${audience.id}/subscribers/${id}`,
        { ...audience.auth, 'content-type': 'application/json' },
        '{"status":"unsubscribed"}',
      );
      expect(change.status).toBe(200);
      await post(link, 'action=subscribe');
      expect(await status(address)).toBe('unsubscribed');
    });

    it('leaves all newsletters where the audience is gone', async () => {
      const { id } = await audience.find(address);
      await otpost.api.delete(`/v1/audiences/${audience.id}/subscribers/${id}`, key);
      await post(link, 'List-Unsubscribe=One-Click');
      expect(await suppressed()).toHaveLength(1);
      expect(await status(address, other)).toBe('unsubscribed');
    });
  });
});
