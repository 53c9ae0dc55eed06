import { HANGS } from '../../../src/mail/routing/capture-faults.js';
import { PageClient } from '../../support/http/page-client.js';
import { createApiKey } from '../../support/service/api-key.js';
import { atRest } from '../../support/service/at-rest.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

putBackAfterwards(HANGS);

describe('the inbox', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  /** Has no other transport to turn to. */
  let alone: Otpost;
  const keys = new Map<Otpost, string>();

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: `capture:,${sink.url}` });
    alone = await startOtpost({ MAIL_TRANSPORTS: 'capture:' });
    for (const one of [otpost, alone])
      keys.set(one, await createApiKey(one.database.url, ['emails:send', 'emails:read']));
  });
  afterAll(async () => {
    await otpost.stop();
    await alone.stop();
    await sink.stop();
  });

  const post = (path: string, fields: Record<string, string>, at = otpost, headers: Record<string, string> = {}) =>
    new PageClient(at.api.url).post(path, fields, headers);
  const page = async (path: string, at = otpost): Promise<string> => (await at.api.get<string>(path)).body;

  async function send(to: string, more: object = {}, at = otpost): Promise<string> {
    const mail = { to, subject: `Hello ${to}`, text: 'See https://example.com/order/4711.', ...more };
    const { body } = await at.api.post<{ id: string }>('/v1/emails', mail, { authorization: `Bearer ${keys.get(at)}` });
    return body.id;
  }

  /** Its id in the inbox, once its receipt is written too. */
  async function captured(to: string, at = otpost): Promise<string> {
    const id = await eventually(async () => {
      const { body } = await at.api.get<{ items: { id: string }[] }>(`/inbox/messages?to=${encodeURIComponent(to)}`);
      return body.items[0]?.id;
    }, `the mail to ${to}`);
    await atRest(at.database);
    return id;
  }

  const statusOf = async (id: string): Promise<{ status: string; events: { reply: string | null }[] }> =>
    (await alone.api.get<{ status: string; events: { reply: string | null }[] }>(`/v1/emails/${id}`, keys.get(alone)))
      .body;

  it('shows links, headers, attachments and the receipt of a message, and gives its files as they are', async () => {
    const content = Buffer.from('%PDF-1.7 <script>');
    await send('parts@example.com', {
      html: '<p><a href="https://example.com/a?b=1&amp;c=2">Order</a></p>',
      attachments: [{ filename: 'räch.pdf', contentType: 'application/pdf', content: content.toString('base64') }],
    });
    const id = await captured('parts@example.com');
    expect(await page(`/inbox/${id}?view=links`)).toContain('href="https://example.com/a?b=1&amp;c=2"');
    expect(await page(`/inbox/${id}?view=headers`)).toMatch(/<th scope="row">Message-ID<\/th>/i);
    expect(await page(`/inbox/${id}?view=receipt`)).toContain('250 captured for the inbox');
    expect(await page(`/inbox/${id}?width=phone`)).toContain('class="body phone"');
    expect(await page(`/inbox/${id}`)).toContain('räch.pdf');
    const file = await fetch(`${otpost.api.url}/inbox/${id}/files/0`);
    expect(Buffer.from(await file.arrayBuffer()).equals(content)).toBe(true);
    expect(file.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''r%C3%A4ch.pdf");
    expect((await otpost.api.get(`/inbox/${id}/files/1`)).status).toBe(404);
  });

  it('finds what somebody searches, in addresses, subjects and words, and nothing else', async () => {
    for (const to of ['needle@example.com', 'hay@example.com']) await send(to);
    await captured('needle@example.com');
    await captured('hay@example.com');
    const found = await page('/inbox?q=NEEDLE');
    expect([found.includes('needle@example.com'), found.includes('hay@example.com')]).toEqual([true, false]);
    expect(await page('/inbox?q=4711')).toContain('hay@example.com');
    expect(await page('/inbox?q=%25')).toContain('Nothing found');
  });

  it('makes the next message fail as a mail server would, and lets the one after it through', async () => {
    for (const kind of ['451', '550']) {
      expect((await post('/inbox/fault', { kind }, alone)).status).toBe(303);
      expect(await page('/inbox', alone)).toContain(`Next: ${kind}`);
      const id = await send(`fails${kind}@example.com`, {}, alone);
      const { events } = await eventually(async () => {
        const email = await statusOf(id);
        return ['deferred', 'failed'].includes(email.status) && email;
      }, `the message to fail with ${kind}`);
      expect(events.map(({ reply }) => reply ?? '').join()).toContain(`${kind} `);
      expect((await statusOf(id)).status).toBe(kind === '451' ? 'deferred' : 'failed');
    }
    await send('passes@example.com', {}, alone);
    await captured('passes@example.com', alone);
    await post('/inbox/fault', { kind: '550' }, alone);
    await post('/inbox/fault', { kind: 'none' }, alone);
    expect(await page('/inbox', alone)).toContain('Make the next message fail');
    expect((await post('/inbox/fault', { kind: 'explode' }, alone)).status).toBe(422);
  });

  it('makes the next message wait for a server that says nothing, and puts it off when it has waited long enough', async () => {
    HANGS.forMs = 50;
    await post('/inbox/fault', { kind: 'hang' }, alone);
    const id = await send('hangs@example.com', {}, alone);
    const { events } = await eventually(async () => {
      const email = await statusOf(id);
      return email.status === 'deferred' && email;
    }, 'the message to be put off');
    expect(events.at(-1)).toMatchObject({ status: 'deferred', errorCode: 'smtp_timeout', reply: null });
    const { body } = await alone.api.get<{ items: unknown[] }>('/inbox/messages?to=hangs%40example.com');
    expect(body.items).toEqual([]);
    await alone.database.query('UPDATE outbound_emails SET next_attempt_at = now() WHERE id = $1', [id]);
    await captured('hangs@example.com', alone);
    expect((await statusOf(id)).status).toBe('sent');
  });

  it('releases a message to a real transport, as it is, to whoever is named', async () => {
    await send('kept@example.com', { subject: 'Kept at first' });
    const id = await captured('kept@example.com');
    const [way] = /<option>([^<]+)</.exec(await page(`/inbox/${id}`))!.slice(1);
    const { location } = await post(`/inbox/${id}/release`, { to: 'me@example.com', way: way! });
    expect(location).toBe(`/inbox/${id}?released=sent`);
    const [mail] = await sink.waitForMailTo('me@example.com');
    expect(mail!.mail.subject).toBe('Kept at first');
    expect(await page(`/inbox/${id}?released=sent`)).toContain('Released: the mail server took it.');
    for (const [fields, told] of [
      [{ to: 'nobody', way: way! }, 'address'],
      [{ to: 'me@example.com', way: 'none' }, 'way'],
    ] as const)
      expect((await post(`/inbox/${id}/release`, fields)).location).toBe(`/inbox/${id}?released=${told}`);
  });

  it('neither releases a text nor takes it apart, for it is no mail', async () => {
    const texts = await startOtpost({
      ...{ MAIL_TRANSPORTS: sink.url, SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'PH' },
      ...{ SMS_DOMAIN: 'shop.example.com' },
    });
    try {
      const to = '+639171234567';
      const bearer = { authorization: `Bearer ${await createApiKey(texts.database.url, ['verifications'])}` };
      expect((await texts.api.post('/v1/verifications', { to, purpose: 'checkout' }, bearer)).status).toBe(202);
      const id = await captured(to, texts);
      const { body: kept } = await texts.api.get<{ text: string; html: string }>(`/inbox/messages/${id}`);
      expect(kept).toMatchObject({
        to,
        html: '',
        text: expect.stringMatching(/@shop\.example\.com #\d{6}$/) as string,
      });
      const shown = await page(`/inbox/${id}`, texts);
      expect(shown).toContain('@shop.example.com #');
      expect(shown).not.toMatch(/Release|view=headers|message fail/);
      expect((await post('/inbox/fault', { kind: '550' }, texts)).status).toBe(404);
      expect(await page(`/inbox/${id}?view=receipt`, texts)).toContain('250 captured for the inbox');
      const refusal = { code: 'not_found', remedy: `Look at its words and its receipt: /inbox/${id}` };
      expect((await texts.api.get(`/inbox/${id}?view=headers`)).body).toMatchObject(refusal);
      const way = new URL(sink.url).host;
      const released = await post(`/inbox/${id}/release`, { to: 'me@example.org', way }, texts);
      expect(released.status).toBe(404);
      expect(JSON.parse(released.text)).toMatchObject(refusal);
      expect(sink.received.flatMap((mail) => mail.to)).not.toContain('me@example.org');
    } finally {
      await texts.stop();
    }
  });

  it('does none of it for a stranger’s page', async () => {
    const foreign = { 'sec-fetch-site': 'cross-site' };
    const id = await captured('kept@example.com');
    for (const path of ['/inbox/fault', `/inbox/${id}/release`])
      expect((await post(path, { kind: '550', to: 'me@example.com' }, otpost, foreign)).status).toBe(403);
  });
});
