import { AudienceClient, type BroadcastBody } from '../../support/service/audience.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const WORDS = {
  subject: 'News for {{ subscriber.name }}',
  text: 'Hello {{ subscriber.name }}, this is {{ subscriber.email }}.',
};

const TOMORROW = new Date(Date.now() + 86_400_000).toISOString();

describe('a broadcast', () => {
  let otpost: Otpost;
  let sink: SmtpSink;
  let key: string;
  let audience: AudienceClient;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url });
    key = await createApiKey(otpost.database.url, ['audiences', 'emails:read', 'emails:send']);
  });
  beforeEach(async () => {
    audience = await AudienceClient.make(otpost.api, key);
    sink.received.length = 0;
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  /** Addresses that no case had before. */
  let people = 0;
  async function subscribed(...names: string[]): Promise<string[]> {
    const addresses = names.map((name) => `${name}${++people}@example.com`);
    for (const [n, address] of addresses.entries()) await audience.add(address, { attributes: { name: names[n] } });
    return addresses;
  }

  async function told(words: object): Promise<string> {
    const { status, body } = await audience.tell(words);
    expect([status, body]).toEqual([202, expect.objectContaining({ expanded: 0 })]);
    return body.id;
  }

  const over = (id: string): Promise<BroadcastBody> =>
    eventually(async () => {
      const found = await audience.broadcast(id);
      return (
        (found.status === 'done' ||
          (found.status === 'cancelled' && found.estimatedEndAt === null && (await isFinished(id)))) &&
        found
      );
    }, 'the end of the broadcast');

  async function isFinished(id: string): Promise<boolean> {
    const [row] = await otpost.database.query<{ over: boolean }>(
      'SELECT finished_at IS NOT NULL AS over FROM broadcasts WHERE id = $1',
      [id],
    );
    return row!.over;
  }

  const messages = (id: string) =>
    otpost.database.query<{ to: string; status: string; error: string | null }>(
      'SELECT to_address AS "to", status, last_error_code AS error FROM outbound_emails WHERE broadcast_id = $1 ORDER BY 1',
      [id],
    );

  it('tells everybody who is active in their own words, once, and counts it', async () => {
    const [ada, grace, joan] = (await subscribed('ada', 'grace', 'joan')) as [string, string, string];
    await audience.post(`/v1/audiences/${audience.id}/subscribers`, { email: joan });
    await otpost.database.query(`UPDATE subscribers SET status = 'unsubscribed' WHERE address = $1`, [joan]);
    const id = await told({ ...WORDS, tags: ['news'], metadata: { campaign: 'spring' } });
    const found = await over(id);
    expect(found).toMatchObject({ status: 'done', total: 2, expanded: 2, counts: { sent: 2 } });
    const mails = sink.received.map(({ to, mail }) => [to, mail.subject, mail.text?.split('\n')[0]]).sort();
    expect(mails).toEqual([
      [[ada], 'News for ada', `Hello ada, this is ${ada}.`],
      [[grace], 'News for grace', `Hello grace, this is ${grace}.`],
    ]);
    expect(await audience.find(ada)).toMatchObject({ sentCount: 1, lastSentAt: expect.any(String) as string });
    expect(await audience.find(joan)).toMatchObject({ sentCount: 0, lastSentAt: null });
    const listed = await audience.get<{ items: { to: string; tags: string[] }[] }>(
      `/v1/emails?broadcast=${id}&status=sent`,
    );
    expect(listed.body.items.map(({ to }) => to).sort()).toEqual([ada, grace].sort());
    const both = await audience.get<{ items: object[] }>(`/v1/emails?broadcast=${id}`);
    expect(both.body.items).toHaveLength(2);
    const stats = await audience.get<{ counts: Record<string, number> }>(`/v1/emails/stats?broadcast=${id}`);
    expect(stats.body.counts).toMatchObject({ sent: 2, queued: 0 });
  });

  it('shows a way out in both forms, unless its words place one', async () => {
    await subscribed('ada');
    const links = async (words: object): Promise<[string, string, string | undefined]> => {
      sink.received.length = 0;
      await over(await told(words));
      const { text, html, headers } = sink.received[0]!.mail;
      return [text!, String(html), headers.has('list') ? JSON.stringify(headers.get('list')) : undefined];
    };
    const [text, html, header] = await links({
      subject: 'News',
      text: 'Hello.',
      html: '<html><body><p>Hello.</p></body></html>',
    });
    const [url] = /http\S+\/unsubscribe\?t=\S+/.exec(text)!;
    expect(text).toMatch(/^Hello\.\n\n-- \nYou receive this email from Otpost\.\nUnsubscribe: http/);
    expect(html).toMatch(
      /<p>Hello\.<\/p><div [^>]+>[^<]+<br><a href="http[^"]+\/unsubscribe\?t=[^"]+"[^>]*>Unsubscribe<\/a><\/div><\/body>/,
    );
    expect(header).toContain(new URL(url).pathname);
    const [placed, placedHtml] = await links({
      subject: 'News',
      text: 'Leave: {{ unsubscribeUrl }}',
      html: '<p><a href="{{ unsubscribeUrl }}">Leave</a></p>',
    });
    expect(placed.trim()).toMatch(/^Leave: http\S+$/);
    expect(placedHtml.match(/unsubscribe/g)).toHaveLength(1);
  });

  it('names what its words ask for and nobody knows, or not all', async () => {
    await subscribed('ada');
    await audience.add('nameless@example.com');
    const refused = async (words: object) => {
      const { status, body } = await audience.post<ProblemBody>('/v1/broadcasts', { audience: audience.id, ...words });
      return [status, (body.errors ?? []).map(({ field, code }) => [field, code])];
    };
    expect(await refused(WORDS)).toEqual([422, [['subscriber.name', 'unknown_variable']]]);
    expect(await refused({ subject: 'Hi', text: '{{ customer }}' })).toEqual([422, [['text', 'unknown_variable']]]);
    expect(await refused({ subject: 'Hi {{', text: 'x' })).toEqual([422, [['subject', 'invalid_liquid']]]);
    expect(await refused({ subject: 'Hi', text: `{% render '../package.json' %}` })).toEqual([
      422,
      [['text', 'invalid_liquid']],
    ]);
    expect(await refused({ subject: 'Hi', text: 'x', rate: 'fast' })).toEqual([422, [['rate', 'invalid_rate']]]);
    const byTemplate = { template: 'notice-password-set', variables: { when: '{{ customer }}', ip: '203.0.113.7' } };
    // Once for all its languages.
    expect(await refused(byTemplate)).toEqual([
      422,
      [
        ['text', 'unknown_variable'],
        ['html', 'unknown_variable'],
      ],
    ]);
    expect(await refused({ template: 'login-code' })).toEqual([422, [['template', 'unknown_template']]]);
    expect(await refused({ subject: 'Hi', text: 'x', from: 'eve@elsewhere.example' })).toEqual([
      422,
      [['from', 'sender_not_allowed']],
    ]);
    expect(await refused({ ...WORDS, filter: { name: 'ada' } })).toEqual([202, []]);
    expect(await refused({ subject: 'Hi', text: `Hello {{ subscriber.name | default: 'you' }}` })).toEqual([202, []]);
  });

  it('is made once for a key, and answered alike', async () => {
    const [ada] = (await subscribed('ada')) as [string];
    const words = { subject: 'News', text: 'Hello.' };
    const asked = () => audience.tell(words, { 'idempotency-key': 'spring' });
    const [first, second] = [await asked(), await asked()];
    expect([first.status, second.status, second.body.id]).toEqual([202, 202, first.body.id]);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect((await audience.tell({ ...words, text: 'Bye.' }, { 'idempotency-key': 'spring' })).status).toBe(422);
    await over(first.body.id);
    expect(await sink.waitForMailTo(ada)).toHaveLength(1);
    expect(await audience.get<{ items: object[] }>(`/v1/broadcasts?limit=1`)).toMatchObject({
      body: { items: [{ id: first.body.id }] },
    });
  });

  it('tells those with the attributes that it asks for, and waits for its time', async () => {
    const [ada] = await subscribed('ada', 'grace');
    const id = await told({ subject: 'News', text: 'Hello.', filter: { name: 'ada' }, scheduledAt: TOMORROW });
    expect(await audience.broadcast(id)).toMatchObject({ status: 'scheduled', total: null });
    const test = await audience.post<{ id: string }>(`/v1/broadcasts/${id}/test`, { to: 'boss@example.com' });
    expect(test.status).toBe(202);
    const [tested] = await sink.waitForMailTo('boss@example.com');
    expect(tested!.mail.subject).toBe('[Test] News');
    await otpost.database.query('UPDATE broadcasts SET scheduled_at = now() WHERE id = $1', [id]);
    expect(await over(id)).toMatchObject({ counts: { sent: 1 } });
    expect((await messages(id)).map(({ to }) => to)).toEqual([ada]);
  });

  it('says what its template said when it was accepted', async () => {
    await subscribed('ada');
    const variables = { when: '{{ subscriber.name | default: "you" }}', ip: '203.0.113.7' };
    const id = await told({ template: 'notice-password-set', variables });
    await over(id);
    expect(sink.received[0]!.mail.text).toContain('ada');
    expect(String(sink.received[0]!.mail.html)).toContain('ada');
  });

  it('reads nothing of somebody who was removed, whatever was sent to them', async () => {
    const [ada] = (await subscribed('ada')) as [string];
    const id = await told(WORDS);
    await over(id);
    const [{ id: email }] = (await audience.get<{ items: [{ id: string }] }>(`/v1/emails?broadcast=${id}`)).body.items;
    expect((await audience.get<{ subject: string }>(`/v1/emails/${email}/content`)).body.subject).toBe('News for ada');
    const { id: subscriber } = await audience.find(ada);
    await otpost.api.delete(`/v1/audiences/${audience.id}/subscribers/${subscriber}`, key);
    expect((await audience.get<ProblemBody>(`/v1/emails/${email}/content`)).body.code).toBe('content_erased');
  });
});
