import { DrainTimer } from '../../../src/mail/worker/consumers.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { type EmailBody, MailToSeveral } from '../../support/smtp/mail-to-several.js';
import {
  CLOSE,
  HANG,
  type Misbehaviour,
  type MisbehavingSmtp,
  type Script,
} from '../../support/smtp/misbehaving-smtp.js';
import { SmtpTrials, SOON_WELL, untilSilence } from '../../support/smtp/smtp-trials.js';

putBackAfterwards(TIMEOUTS);

const NOBODY = '550 5.1.1 nobody here';
const LATER = '451 4.3.0 later';

describe('a message to several, and a mail server that answers for each', () => {
  let trials: SmtpTrials<'server'>;
  let mail: MailToSeveral;
  let timeToReply: HeldTimers;

  beforeAll(async () => {
    timeToReply = HeldTimers.hold();
    Object.assign(TIMEOUTS, SOON_WELL, untilSilence(timeToReply));
    trials = await SmtpTrials.start({ server: (server) => server.url });
    trials.runOutAtSilence(timeToReply);
    mail = await MailToSeveral.of(trials.otpost);
  });
  afterEach(async () => {
    expect(await mail.imbalance()).toBe(0);
  });
  afterAll(async () => {
    await mail.close();
    await trials.stop();
    timeToReply.letGo();
  });

  const begin = (script: Script = {}, extensions: string[] = []): Promise<MisbehavingSmtp> =>
    trials.begin(['server'], script, extensions);
  /** Answers to RCPT by address; everybody else is taken. */
  const rcpt = (answers: Record<string, Misbehaviour>): Script => ({
    RCPT: (_time, _line, { to }) => answers[to],
  });
  const statesOf = ({ events }: EmailBody): string[] => events.map(({ status }) => status);
  const takenBy = (server: MisbehavingSmtp): (readonly string[])[] =>
    server.transfers.filter(({ answer }) => answer.startsWith('2')).map(({ recipients }) => recipients);
  const field = (source: string, name: string): string | undefined =>
    new RegExp(`^${name}: (.*(?:\\r\\n[ \\t].*)*)`, 'im').exec(source)?.[1]?.replaceAll(/\r\n\s+/g, ' ');

  it.each([
    ['one after the other', []],
    ['that run ahead of their answers', ['PIPELINING']],
  ])(
    'gives each recipient the fate of their own RCPT, and goes once to those who were taken (%s)',
    async (_, extensions) => {
      const server = await begin({}, extensions);
      const [ada, grace, katherine, mary] = mail.newPeople('ada', 'grace', 'katherine', 'mary') as [
        string,
        string,
        string,
        string,
      ];
      server.script = rcpt({ [grace]: NOBODY, [mary]: LATER });
      const id = await mail.send({
        to: [`Ada Lovelace <${ada}>`, grace],
        cc: `"Johnson, Katherine" <${katherine}>`,
        bcc: mary,
      });

      const email = await mail.become(id, {
        [ada]: 'sent',
        [grace]: 'failed',
        [katherine]: 'sent',
        [mary]: 'deferred',
      });
      expect(email.recipients.map(({ kind, name, address }) => [kind, name, address])).toEqual(
        expect.arrayContaining([
          ['to', 'Ada Lovelace', ada],
          ['cc', 'Johnson, Katherine', katherine],
          ['to', '', grace],
          ['bcc', '', mary],
        ]),
      );
      expect([statesOf(email), email.splitFrom]).toEqual([['queued', 'sending', 'sent'], null]);
      expect(takenBy(server)).toEqual([[ada, katherine]]);
      const { source } = server.transfers[0]!;
      expect(field(source, 'To')).toBe(`Ada Lovelace <${ada}>, ${grace}`);
      expect(field(source, 'Cc')).toBe(`"Johnson, Katherine" <${katherine}>`);
      expect(source).not.toMatch(/^bcc:/im);
      expect(source).not.toContain(mary);
      expect(field(source, 'Message-ID')).toBe(email.messageId);

      const [refused, deferred] = [await mail.of(email, grace), await mail.of(email, mary)];
      expect(refused).toMatchObject({ splitFrom: id, status: 'failed', lastReply: NOBODY, messageId: email.messageId });
      expect(statesOf(refused)).toEqual(['failed']);
      expect(deferred).toMatchObject({ splitFrom: id, attempts: 1, lastReply: LATER, messageId: email.messageId });
      expect(refused.recipients).toEqual([
        { kind: 'to', address: grace, name: '', status: 'failed', emailId: refused.id },
      ]);
      expect(await mail.suppressed()).toEqual({ [grace]: 'hard_bounce' });

      // The one that was put off is tried again alone, with the very same message.
      server.script = {};
      await mail.dueNow(id);
      await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'sent', [mary]: 'sent' });
      expect(takenBy(server)).toEqual([[ada, katherine], [mary]]);
      const again = server.transfers[1]!.source;
      expect([field(again, 'To'), field(again, 'Cc'), field(again, 'Message-ID')]).toEqual([
        field(source, 'To'),
        field(source, 'Cc'),
        email.messageId,
      ]);
      expect(again).not.toContain(mary);
      expect(statesOf(await mail.of(email, mary))).toEqual(['deferred', 'sending', 'sent']);
    },
  );

  it.each(['452 4.5.3 Too many recipients', '452 Too many recipients'])(
    'goes on at once to those who are too many for one transfer (%s)',
    async (tooMany) => {
      const server = await begin({
        RCPT: (_time, _line, { recipients }) => (recipients.length < 2 ? undefined : tooMany),
      });
      const people = mail.newPeople('ada', 'grace', 'katherine', 'mary');
      const id = await mail.send({ to: people });
      // Nobody calls them due: they are.
      const email = await mail.become(id, Object.fromEntries(people.map((one) => [one, 'sent'])));
      expect(takenBy(server).map(({ length }) => length)).toEqual([2, 1, 1]);
      expect(await mail.of(email, people[3]!)).toMatchObject({ splitFrom: id, attempts: 1 });
    },
  );

  it('ends each by their own answer where all are refused, and nothing goes out', async () => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = rcpt({ [ada]: NOBODY, [grace]: '550 5.2.1 disabled', [katherine]: LATER });
    const id = await mail.send({ to: [ada, grace, katherine] });
    const email = await mail.become(id, { [ada]: 'failed', [grace]: 'failed', [katherine]: 'deferred' });
    expect([email.lastReply, (await mail.of(email, grace)).lastReply]).toEqual([NOBODY, '550 5.2.1 disabled']);
    expect(await mail.suppressed()).toEqual({ [ada]: 'hard_bounce' });
    expect(server.ended).toEqual([]);
  });

  it.each<[string, Misbehaviour]>([
    ['silence', HANG],
    ['a close', CLOSE],
  ])('loses nobody to %s at one RCPT: each is tried alone from then on', async (_, answer) => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = rcpt({ [grace]: answer });
    const id = await mail.send({ to: [ada, grace], cc: katherine });
    await mail.become(id, { [ada]: 'deferred', [grace]: 'deferred', [katherine]: 'deferred' });
    server.script = {};
    await mail.dueNow(id);
    await mail.become(id, { [ada]: 'sent', [grace]: 'sent', [katherine]: 'sent' });
    expect(takenBy(server).map(String).sort()).toEqual([ada, grace, katherine].sort());
  });

  it('puts off alone the one whose RCPT is answered with 421, and the others once, for the server closes', async () => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = rcpt({ [grace]: '421 4.3.2 not now' });
    const id = await mail.send({ to: [ada, grace, katherine] });
    const email = await mail.become(id, { [ada]: 'deferred', [grace]: 'deferred', [katherine]: 'deferred' });
    expect(await mail.of(email, grace)).toMatchObject({ splitFrom: id, lastReply: '421 4.3.2 not now', attempts: 0 });
    server.script = {};
    await mail.dueNow(id);
    await mail.become(id, { [ada]: 'sent', [grace]: 'sent', [katherine]: 'sent' });
    expect(takenBy(server).map(String).sort()).toEqual([`${ada},${katherine}`, grace].sort());
  });

  it('refuses one at RCPT for good also where it falls silent at the next', async () => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = rcpt({ [ada]: NOBODY, [grace]: HANG });
    const id = await mail.send({ to: [ada, grace, katherine] });
    const email = await mail.become(id, { [ada]: 'failed', [grace]: 'deferred', [katherine]: 'deferred' });
    expect((await mail.of(email, ada)).lastReply).toBe(NOBODY);
    expect(await mail.suppressed()).toEqual({ [ada]: 'hard_bounce' });
  });

  /** Whatever is for that one, among others or alone, is refused after the dot. */
  const afterTheDot = (of: string, answer: string): Script => ({
    'after the dot': (_time, _line, { recipients }) => (recipients.includes(of) ? answer : undefined),
  });

  it('finds out whom a refusal after the dot was about, and only that one has it', async () => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = afterTheDot(grace, '550 5.1.1 nobody after all');
    const id = await mail.send({ to: ada, cc: grace, bcc: katherine });
    const email = await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'sent' });
    expect(server.transfers[0]).toMatchObject({
      recipients: [ada, grace, katherine],
      answer: expect.stringMatching(/^550/) as string,
    });
    expect(takenBy(server).map(String).sort()).toEqual([ada, katherine].sort());
    expect(await mail.suppressed()).toEqual({ [grace]: 'hard_bounce' });
    // The refusal of the whole counted against nobody.
    expect((await mail.of(email, katherine)).attempts).toBe(1);
    expect(statesOf(await mail.of(email, ada))).toEqual(['queued', 'sending', 'deferred', 'sending', 'sent']);
  });

  it('tries each alone after a 4xx after the dot, when their turn has come', async () => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = afterTheDot(grace, '451 4.3.0 later');
    const id = await mail.send({ to: [ada, grace, katherine] });
    const email = await mail.become(id, { [ada]: 'deferred', [grace]: 'deferred', [katherine]: 'deferred' });
    expect(server.transfers).toHaveLength(1);
    expect((await mail.of(email, katherine)).attempts).toBe(1);
    await mail.dueNow(id);
    await mail.become(id, { [ada]: 'sent', [grace]: 'deferred', [katherine]: 'sent' });
    expect(takenBy(server).map(String).sort()).toEqual([ada, katherine].sort());
  });

  it('stays whole where the server has a break, for no recipient is to blame', async () => {
    const server = await begin({ MAIL: '421 4.3.2 shutting down' });
    const [ada, grace] = mail.newPeople('ada', 'grace') as [string, string];
    const id = await mail.send({ to: [ada, grace] });
    const email = await mail.become(id, { [ada]: 'deferred', [grace]: 'deferred' });
    expect(email.recipients.map(({ emailId }) => emailId)).toEqual([id, id]);
    server.script = {};
    await mail.dueNow(id);
    await mail.become(id, { [ada]: 'sent', [grace]: 'sent' });
    expect(takenBy(server)).toEqual([[ada, grace]]);
  });

  describe.each<[string, Misbehaviour]>([
    ['silence', HANG],
    ['a close', CLOSE],
  ])('after %s after the dot', (_, answer) => {
    it.each([
      ['bulk', 'unknown'],
      ['default', 'deferred'],
    ] as const)('is unknown for those who were taken, and refused for the one who was not (%s)', async (lane, then) => {
      const server = await begin();
      const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
      server.script = { ...rcpt({ [grace]: NOBODY }), 'after the dot': answer };
      const id = await mail.send({ to: [ada, grace, katherine], lane });
      const email = await mail.become(id, { [ada]: then, [grace]: 'failed', [katherine]: then });
      expect(statesOf(email).slice(0, 3)).toEqual(['queued', 'sending', 'unknown']);
      expect(email.possibleDuplicate).toBe(then === 'deferred');
      expect(await mail.suppressed()).toEqual({ [grace]: 'hard_bounce' });
      expect(server.transfers.map(({ recipients }) => recipients)).toEqual([[ada, katherine]]);
      if (then === 'unknown') return;
      // Once more, said to be a possible duplicate, and to nobody who was refused.
      server.script = {};
      await mail.dueNow(id);
      await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'sent' });
      expect(server.transfers.map(({ recipients }) => recipients)).toEqual([
        [ada, katherine],
        [ada, katherine],
      ]);
    });
  });

  describe('with suppressed ones among its recipients', () => {
    it.each(['default', 'bulk'] as const)('goes to the others, with the whole list shown (%s)', async (lane) => {
      const server = await begin();
      const [ada, grace, katherine, mary] = mail.newPeople('ada', 'grace', 'katherine', 'mary') as [
        string,
        string,
        string,
        string,
      ];
      await mail.suppress(ada);
      await mail.suppress(katherine, 'all', 'complaint');
      const id = await mail.send({ to: [ada, grace], cc: [katherine, mary], lane });
      const email = await mail.become(id, {
        [ada]: 'suppressed',
        [grace]: 'sent',
        [katherine]: 'suppressed',
        [mary]: 'sent',
      });
      expect(takenBy(server)).toEqual([[grace, mary]]);
      expect(field(server.transfers[0]!.source, 'To')).toBe(`${ada}, ${grace}`);
      expect(field(server.transfers[0]!.source, 'Cc')).toBe(`${katherine}, ${mary}`);
      expect(await mail.of(email, katherine)).toMatchObject({
        splitFrom: id,
        lastErrorCode: 'suppressed_complaint',
        attempts: 1,
      });
      expect(statesOf(await mail.of(email, ada))).toEqual(['suppressed']);
    });

    it('leaves out of bulk mail alone those who left the list', async () => {
      const server = await begin();
      const [ada, grace] = mail.newPeople('ada', 'grace') as [string, string];
      await mail.suppress(ada, 'bulk', 'unsubscribe');
      const bulk = await mail.send({ to: [ada, grace], lane: 'bulk' });
      await mail.become(bulk, { [ada]: 'suppressed', [grace]: 'sent' });
      await mail.become(await mail.send({ to: [ada, grace] }), { [ada]: 'sent', [grace]: 'sent' });
      expect(takenBy(server)).toEqual([[grace], [ada, grace]]);
    });

    it('goes nowhere where all are', async () => {
      const server = await begin();
      const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
      for (const one of [ada, grace, katherine]) await mail.suppress(one);
      const id = await mail.send({ to: ada, cc: grace, bcc: katherine });
      const email = await mail.become(id, { [ada]: 'suppressed', [grace]: 'suppressed', [katherine]: 'suppressed' });
      expect([statesOf(email), server.ended]).toEqual([['queued', 'sending', 'suppressed'], []]);
    });

    it('goes one by one to hidden ones who are left alone', async () => {
      const server = await begin();
      const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
      await mail.suppress(ada);
      const id = await mail.send({ to: ada, bcc: [grace, katherine] });
      await mail.become(id, { [ada]: 'suppressed', [grace]: 'sent', [katherine]: 'sent' });
      expect(takenBy(server).map(String).sort()).toEqual([grace, katherine].sort());
      for (const { source } of server.transfers) {
        expect(field(source, 'To')).toBe(ada);
        expect(source).not.toMatch(new RegExp(`${grace}|${katherine}`));
      }
    });
  });

  it('has split ones retried and cancelled by hand, and no other', async () => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = rcpt({ [grace]: '550 5.2.1 disabled', [katherine]: LATER });
    const id = await mail.send({ to: [ada, grace, katherine] });
    const email = await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'deferred' });
    const idOf = (address: string): string => email.recipients.find((one) => one.address === address)!.emailId;
    server.script = {};
    expect(await mail.byHand(id, 'retry')).toBe(409);
    expect(await mail.byHand(idOf(katherine), 'cancel')).toBe(200);
    expect(await mail.byHand(idOf(grace), 'retry')).toBe(200);
    await mail.become(id, { [ada]: 'sent', [grace]: 'sent', [katherine]: 'cancelled' });
    expect(takenBy(server)).toEqual([[ada], [grace]]);
  });

  it('is found by each of them, and by their own message once they have one', async () => {
    const server = await begin();
    const [ada, grace] = mail.newPeople('ada', 'grace') as [string, string];
    server.script = rcpt({ [grace]: NOBODY });
    const id = await mail.send({ to: [ada, grace] });
    const email = await mail.become(id, { [ada]: 'sent', [grace]: 'failed' });
    const found = async (to: string): Promise<string[]> => {
      const { body } = await trials.otpost.api.get<{ items: { id: string }[] }>(`/v1/emails?to=${to}`, mail.key);
      return body.items.map((one) => one.id);
    };
    await eventually(async () => (await found(ada)).length > 0, 'the list to know it');
    expect([await found(ada), await found(grace)]).toEqual([[id], [(await mail.of(email, grace)).id]]);
  });

  // The last one, for a timer that was stopped stays so.
  it('does not wait for a timer where each is tried alone at once', async () => {
    const server = await begin();
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    server.script = afterTheDot(grace, '550 5.1.1 nobody after all');
    trials.otpost.process.get(DrainTimer).onModuleDestroy();
    await mail.become(await mail.send({ to: [ada, grace, katherine] }), {
      ...{ [ada]: 'sent', [grace]: 'failed', [katherine]: 'sent' },
    });
    expect(takenBy(server).map(String).sort()).toEqual([ada, katherine].sort());
  });
});
