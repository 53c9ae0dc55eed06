import {
  allSenders,
  type BatchSender,
  brevoSender,
  type HookPost,
  type HookSender,
  type ToldEvent,
} from '../../support/http/provider-hooks.js';
import { certificateServer } from '../../support/http/sns-certificate.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { CarriedMail } from '../../support/smtp/carried-mail.js';

type Recorded = { recorded: number; duplicates: number };

const senders = allSenders();
const secondBrevo = brevoSender();

describe('what providers tell', () => {
  let otpost: Otpost;
  let mail: CarriedMail;
  let clock: HeldClock;
  let restoreFetch: () => void;

  beforeAll(async () => {
    clock = new HeldClock();
    const secrets = [...senders, secondBrevo].map(({ secret }) => secret);
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', HOOK_SECRETS: secrets.join(',') }, clock);
    mail = new CarriedMail(otpost.database);
    restoreFetch = certificateServer(senders).restore;
  });
  afterEach(async () => {
    expect(await mail.imbalance()).toBe(0);
  });
  afterAll(async () => {
    restoreFetch();
    await mail.close();
    await otpost.stop();
  });

  async function post<Body = Recorded>(provider: string, { headers, body }: HookPost): Promise<Answer<Body>> {
    return otpost.api.send<Body>('POST', `/v1/hooks/${provider}`, headers, body);
  }

  /** As the provider would, now. Resolves once the event is applied, also where the sweep came to it first. */
  async function tell(sender: HookSender, event: ToldEvent): Promise<Answer<Recorded>> {
    const answer = await post(sender.provider, sender.post({ at: clock.now(), ...event }));
    await otpost.database.query('SELECT FROM provider_events FOR SHARE');
    return answer;
  }

  function transportOf({ provider }: HookSender): string {
    return { mailgun: 'mailgun:example.com', ses: 'ses:eu-west-1' }[provider as string] ?? provider;
  }

  async function eventsKept(): Promise<number> {
    const [row] = await otpost.database.query<{ count: string }>('SELECT count(*) FROM provider_events');
    return Number(row!.count);
  }

  describe.each(senders.map((sender) => [sender.provider, sender] as const))('of %s', (provider, sender) => {
    const recipient = `ada@${provider}.example.com`;
    const transport = transportOf(sender);

    it('a delivery shows in the message and its timeline, and once only', async () => {
      const id = await mail.sent(transport, recipient);
      const event: ToldEvent = { what: 'delivered', recipient, emailId: id, key: `delivery-${id}` };
      expect(await tell(sender, event)).toMatchObject({ status: 200, body: { recorded: 1, duplicates: 0 } });
      const { status, events } = await mail.look(id);
      expect(status).toBe('delivered');
      expect(events.map((one) => [one.status, one.transport])).toEqual([
        ['queued', null],
        ['sending', null],
        ['sent', transport],
        ['delivered', provider],
      ]);
      expect(await tell(sender, event)).toMatchObject({ status: 200, body: { recorded: 0, duplicates: 1 } });
      expect((await mail.look(id)).events).toHaveLength(4);
    });

    it('a hard bounce keeps further mail from the address', async () => {
      const id = await mail.sent(transport, `gone-${recipient}`);
      expect((await tell(sender, { what: 'hard bounce', recipient: `gone-${recipient}`, emailId: id })).status).toBe(
        200,
      );
      expect(await mail.look(id)).toMatchObject({
        status: 'bounced',
        lastErrorCode: 'hard_bounce',
        lastReply: expect.stringContaining('no such user') as string,
      });
      expect(await mail.suppressions()).toContainEqual({
        address: `gone-${recipient}`,
        scope: 'all',
        reason: 'hard_bounce',
        source: provider,
        email_id: id,
      });
      const next = await mail.accept({ to: `gone-${recipient}`, toCanonical: `gone-${recipient}` });
      await mail.outbox.claim('default', 100, 'worker:1');
      expect((await mail.look(next)).status).toBe('suppressed');
    });

    it('an event without our id is matched by the provider’s', async () => {
      const providerMessageId =
        { mailjet: '1152921529342344999', mailgun: `one@${provider}.example.com` }[provider as string] ??
        `one-${provider}`;
      const kept = provider === 'mailgun' || provider === 'brevo' ? `<${providerMessageId}>` : providerMessageId;
      const id = await mail.sent(transport, recipient, {}, kept);
      await tell(sender, { what: 'delivered', recipient, providerMessageId });
      expect((await mail.look(id)).status).toBe('delivered');
    });

    it('a forged event changes nothing', async () => {
      const id = await mail.sent(transport, recipient);
      const kept = await eventsKept();
      const { headers, body } = sender.post({ what: 'hard bounce', recipient, emailId: id, at: clock.now() });
      // In the proof, wherever the provider keeps it.
      const forged = {
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [
            name,
            /authorization|signature$/.test(name) ? flipped(value) : value,
          ]),
        ),
        body: body.replace(/"[sS]ignature":"([^"]+)"/, (found, signature: string) =>
          found.replace(signature, flipped(signature)),
        ),
      };
      expect(await post<ProblemBody>(provider, forged)).toMatchObject({ status: 403, body: { code: 'hook_refused' } });
      expect(
        await post<ProblemBody>(provider, { headers: { 'content-type': 'application/json' }, body: '{}' }),
      ).toMatchObject({ status: 403 });
      expect((await mail.look(id)).status).toBe('sent');
      expect(await eventsKept()).toBe(kept);
    });

    it('a stale event changes nothing', async () => {
      if (sender.staleAfter === undefined) return;
      const id = await mail.sent(transport, recipient);
      const at = new Date(clock.now().getTime() - sender.staleAfter - 2_000);
      const stale = await post<ProblemBody>(provider, sender.post({ what: 'hard bounce', recipient, emailId: id, at }));
      expect(stale).toMatchObject({
        status: 403,
        body: { code: 'hook_refused', detail: 'The proof is too old, or of the future.' },
      });
      expect((await mail.look(id)).status).toBe('sent');
    });

    it('more than a mebibyte is not read', async () => {
      const { headers, body } = sender.post({ what: 'delivered', recipient, at: clock.now() });
      expect(await post<ProblemBody>(provider, { headers, body: body + ' '.repeat(1024 * 1024) })).toMatchObject({
        status: 413,
        body: { code: 'body_too_large' },
      });
    });

    it('what is not JSON is refused, whoever sent it', async () => {
      const { headers } = sender.post({ what: 'delivered', recipient, at: clock.now() });
      const { status } = await post(provider, { headers, body: '{"cut off' });
      expect([400, 403]).toContain(status);
    });

    it('of a message that another transport carried, nothing is believed', async () => {
      const id = await mail.sent('mail.internal:587', recipient);
      expect((await tell(sender, { what: 'hard bounce', recipient, emailId: id })).status).toBe(200);
      expect((await mail.look(id)).status).toBe('sent');
      expect((await mail.suppressions()).map(({ address }) => address)).not.toContain(recipient);
    });
  });

  it('a second account of one provider is believed too', async () => {
    const id = await mail.sent('brevo', 'two@example.com');
    await tell(secondBrevo, { what: 'delivered', recipient: 'two@example.com', emailId: id });
    expect((await mail.look(id)).status).toBe('delivered');
  });

  it('a token of Mailgun counts once, whatever comes with it', async () => {
    const mailgun = senders.find(({ provider }) => provider === 'mailgun')!;
    const id = await mail.sent('mailgun:example.com', 'once@example.com');
    const opened = mailgun.post({ what: 'opened', recipient: 'once@example.com', emailId: id, at: clock.now() });
    expect((await post('mailgun', opened)).body).toEqual({ recorded: 1, duplicates: 0 });
    const turned = opened.body.replace('"event":"opened"', '"event":"complained"');
    expect(turned).not.toBe(opened.body);
    expect(await post('mailgun', { ...opened, body: turned })).toMatchObject({
      status: 200,
      body: { recorded: 0, duplicates: 1 },
    });
    expect(await mail.states(id)).toEqual(['queued', 'sending', 'sent']);
  });

  it('events that outrun our own commit are kept, and matched when their message has been sent', async () => {
    const waiting = [];
    for (const sender of senders) {
      const recipient = `early@${sender.provider}.example.com`;
      const providerMessageId = sender.provider === 'mailjet' ? '1152921529342344111' : `early-${sender.provider}`;
      const claimed = await mail.sending({ to: recipient, toCanonical: recipient });
      // Half of them by our own id.
      const emailId = waiting.length % 2 === 0 ? claimed.id : undefined;
      expect(await tell(sender, { what: 'delivered', recipient, providerMessageId, emailId })).toMatchObject({
        status: 200,
        body: { recorded: 1 },
      });
      waiting.push({ claimed, transport: transportOf(sender), providerMessageId });
    }
    for (const { claimed, transport, providerMessageId } of waiting) {
      expect((await mail.look(claimed.id)).status).toBe('sending');
      await mail.outbox.finish(claimed, { status: 'sent', transport, reply: '250', providerMessageId }, 'worker:1');
    }
    for (const { claimed } of waiting) {
      await eventually(async () => (await mail.look(claimed.id)).status === 'delivered', 'the sweep to match it');
      expect(await mail.states(claimed.id)).toEqual(['queued', 'sending', 'sent', 'delivered']);
    }
  });

  it('a batch of SendGrid is taken whole, in the order in which things happened, and what is twice in it once', async () => {
    const sendgrid = senders.find((sender): sender is BatchSender => sender.provider === 'sendgrid')!;
    const [first, second] = [
      await mail.sent('sendgrid', 'one@example.com'),
      await mail.sent('sendgrid', 'two@example.com'),
    ];
    const now = clock.now();
    const earlier = new Date(now.getTime() - 60_000);
    const events: ToldEvent[] = [
      { what: 'hard bounce', recipient: 'one@example.com', emailId: first, at: now },
      { what: 'delivered', recipient: 'one@example.com', emailId: first, at: earlier },
      { what: 'delivered', recipient: 'two@example.com', emailId: second, at: earlier, key: 'twice' },
      { what: 'delivered', recipient: 'two@example.com', emailId: second, at: earlier, key: 'twice' },
      { what: 'opened', recipient: 'two@example.com', emailId: second, at: now },
      { what: 'delay', recipient: 'two@example.com', emailId: second, at: now },
    ];
    expect((await post('sendgrid', sendgrid.batch(events, now))).body).toEqual({ recorded: 4, duplicates: 1 });
    expect(await mail.states(first)).toEqual(['queued', 'sending', 'sent', 'delivered', 'bounced']);
    const { status, events: timeline } = await mail.look(second);
    expect(status).toBe('delivered');
    expect(timeline.slice(-2)).toMatchObject([
      { status: 'delivered' },
      { status: 'delivered', errorCode: 'provider_deferred' },
    ]);
  });

  it('a provider that is not configured, or does not exist, is a 404 with a remedy', async () => {
    const other = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    try {
      for (const provider of ['sendgrid', 'nobody']) {
        const answer = await other.api.post<ProblemBody>(`/v1/hooks/${provider}`, {});
        expect(answer).toMatchObject({
          status: 404,
          body: { code: 'hook_not_configured', remedy: expect.stringContaining('HOOK_SECRETS') as string },
        });
      }
    } finally {
      await other.stop();
    }
  });

  it.each([
    ['a NUL', '\\u0000'],
    ['half of a surrogate pair', '\\ud800'],
  ])('text with %s is a 422 that names the place, and the other events of the batch are taken', async (_, escape) => {
    const sender = senders.find((one) => one.provider === 'sendgrid') as BatchSender;
    const [good, bad] = [
      await mail.sent('sendgrid', 'good@example.com'),
      await mail.sent('sendgrid', 'bad@example.com'),
    ];
    const events = [
      { what: 'delivered', recipient: 'bad@example.com%', emailId: bad },
      { what: 'delivered', recipient: 'good@example.com', emailId: good },
    ] as const;
    const at = clock.now();
    const { body } = sender.batch(events, at);
    const post = sender.signed(body.replace('%', escape), at);
    const answer = await otpost.api.send<ProblemBody>('POST', '/v1/hooks/sendgrid', post.headers, post.body);
    expect([answer.status, answer.body.errors?.[0]]).toMatchObject([422, { field: '0.email', code: 'unstorable' }]);
    expect([(await mail.look(good)).status, (await mail.look(bad)).status]).toEqual(['delivered', 'sent']);
  });

  it.each(senders.map((sender) => [sender.provider, sender] as const))(
    'text of %s that cannot be stored is a 422, wherever it stands',
    async (_, sender) => {
      const id = await mail.sent(transportOf(sender), 'nul@example.com');
      const { status } = await tell(sender, { what: 'delivered', recipient: 'nul\0@example.com', emailId: id });
      expect([status, (await mail.look(id)).status]).toEqual([422, 'sent']);
    },
  );

  it('a form is refused', async () => {
    const answer = await otpost.api.send<ProblemBody>(
      'POST',
      '/v1/hooks/mailgun',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'a=b',
    );
    expect(answer).toMatchObject({ status: 415 });
  });

  it('the type that stands in for raw bodies opens no other route', async () => {
    const answer = await otpost.api.send<ProblemBody>(
      'POST',
      '/v1/accounts',
      { 'content-type': 'application/vnd.otpost.raw' },
      '{"email":"ada@example.com"}',
    );
    expect(answer).toMatchObject({ status: 415 });
  });

  it('the person who waits for a code is told that it was delivered, or that it bounced', async () => {
    const sendgrid = senders[0]!;
    for (const [what, told] of [
      ['delivered', 'delivered'],
      ['hard bounce', 'bounced'],
    ] as const) {
      const email = `${told}@example.net`;
      const issued = await otpost.api.register(email);
      const { rows } = await mail.outbox.claim('critical', 10, 'worker:1');
      const code = rows.find(({ to }) => to === email)!;
      await mail.outbox.finish(code, { status: 'sent', transport: 'sendgrid', reply: '202' }, 'worker:1');
      await tell(sendgrid, { what, recipient: email, emailId: code.id });
      const { body } = await otpost.api.get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`);
      expect(body.status).toBe(told);
    }
  });
});

/** Another one of the same length and alphabet. */
function flipped(proof: string): string {
  return proof
    .replace(/[A-Za-z0-9](?=[A-Za-z0-9+/=]{0,8}$)/, (character) => (character === 'a' ? 'b' : 'a'))
    .replace(/^v1,.*$/, 'v1,AAAA');
}
