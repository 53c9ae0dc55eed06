import { Templates } from '../../../src/mail/content/templates.js';
import { AccountHolders, PASSWORD } from '../../support/service/account-holders.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('a notice', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: AccountHolders;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock(new Date('2026-11-21T23:30:00Z'));
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Acme <no-reply@example.com>' }, clock);
    people = new AccountHolders(otpost, sink, 'joan');
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  it('says when, from which device and from where, in our own words only', async () => {
    const { account } = await people.signUp({ name: 'Eve https://evil.example', password: PASSWORD });
    await people.signedIn(account.email, PASSWORD, {
      'user-agent':
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/145.0 "><a href=https://evil.example>call 555-0100</a>',
    });
    const [, { mail }] = (await sink.waitForMailTo(account.email, 2)) as [
      unknown,
      Awaited<ReturnType<SmtpSink['waitForMailTo']>>[number],
    ];
    expect(mail.subject).toBe('New sign-in to your Acme account');
    expect(mail.text).toContain(
      'When: 21 November 2026, 23:30 UTC\nDevice: Firefox on Windows\nIP address: 127.0.0.1\n',
    );
    expect(mail.html).toContain('<strong>When:</strong> 21 November 2026, 23:30 UTC<br>');
    for (const form of [mail.subject, mail.text, String(mail.html)])
      expect(String(form).replaceAll(/ xmlns(:\w)?="[^"]*"/g, '')).not.toMatch(/evil|555|Eve|https?:/);
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
  });

  it('leaves the device out where nothing tells it', async () => {
    const { account } = await people.signUp({ password: PASSWORD });
    await people.signedIn(account.email, PASSWORD, { 'user-agent': 'x' });
    const mails = await sink.waitForMailTo(account.email, 2);
    expect(mails[1]!.mail.text).toContain('UTC\nIP address:');
    expect(mails[1]!.mail.text).not.toContain('Device');
  });

  it('goes out only when what it tells of holds', async () => {
    const { account } = await people.signUp({ password: PASSWORD });
    // The sign-in fails after the notice was accepted: what it was accepted in is rolled back.
    await otpost.database.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
    );
    await otpost.database.query(
      `CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW WHEN (NEW.action = 'session.started') EXECUTE FUNCTION refuse()`,
    );
    expect((await people.signIn(account.email, PASSWORD)).status).toBe(500);
    await otpost.database.query('DROP FUNCTION refuse CASCADE');
    expect(await people.noticesFor(account.email)).toEqual([]);
    await people.signedIn(account.email);
    expect(await people.noticesFor(account.email)).toEqual(['notice-new-device']);
  });

  it.each([
    'new-device',
    'password-set',
    'password-changed',
    'password-removed',
    'email-changed',
    'email-change-undone',
    'account-deleted',
    'email-changed-away',
  ])('of %s has all its forms, and a link only where something can be taken back', async (kind) => {
    const facts = {
      product: 'Acme',
      when: '21 November 2026, 23:30 UTC',
      device: 'Firefox & <friends>',
      ip: '2001:db8::1',
    };
    const link = 'https://id.example.com/l/undo/token';
    const away = kind === 'email-changed-away';
    const { subject, text, html } = new Templates().render(`notice-${kind}`, 'en', away ? { ...facts, link } : facts);
    expect(subject).toMatch(/^\S.*Acme.*\S$/);
    for (const form of [text, html])
      expect([form.includes(facts.when), form.includes(facts.ip), form.includes(link)]).toEqual([true, true, away]);
    expect(html).toContain('Firefox &amp; &lt;friends&gt;');
    expect([text, html].join('').match(/(: |href=")https?:/g)?.length ?? 0).toBe(away ? 2 : 0);
  });
});
