import { HTTP_TIMEOUTS } from '../../../src/mail/providers/http-transport.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { KEYS, type ProviderName, type ReceivedRequest, type Reply } from '../../support/http/provider-apis.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { MailToSeveral } from '../../support/smtp/mail-to-several.js';

putBackAfterwards(TIMEOUTS);
putBackAfterwards(HTTP_TIMEOUTS);

interface Provider {
  /** As in MAIL_TRANSPORTS, before the `?`, and in the record. */
  entry: string;
  name: string;
  /** Whom a request is for: To, Cc, Bcc, as it writes them. */
  named(body: string): [to: string[], cc: string[], bcc: string[]];
  /** Its words for an address that it does not like. */
  refusal: Reply;
}

type Json = Record<string, unknown>;
const json = (body: string): Json => JSON.parse(body) as Json;
const texts = (value: unknown): string[] =>
  value === undefined ? [] : typeof value === 'string' ? value.split(/, (?=\S+@|"|\w+ <)/) : (value as string[]);
const people =
  (address: string, name: string) =>
  (value: unknown): string[] =>
    ((value ?? []) as Record<string, string>[]).map((one) =>
      one[name] === undefined ? one[address]! : `"${one[name]}" <${one[address]}>`,
    );

const PROVIDERS: Record<ProviderName, Provider> = {
  resend: {
    entry: `resend:${KEYS.resend}`,
    name: 'resend',
    named: (body) => [texts(json(body)['to']), texts(json(body)['cc']), texts(json(body)['bcc'])],
    refusal: { status: 422, body: { statusCode: 422, name: 'validation_error', message: 'Invalid `to` field.' } },
  },
  sendgrid: {
    entry: `sendgrid:${KEYS.sendgrid}`,
    name: 'sendgrid',
    named(body) {
      const [one] = json(body)['personalizations'] as Json[];
      const read = people('email', 'name');
      return [read(one!['to']), read(one!['cc']), read(one!['bcc'])];
    },
    refusal: {
      status: 400,
      body: { errors: [{ message: 'Does not contain a valid address.', field: 'personalizations' }] },
    },
  },
  postmark: {
    entry: `postmark:${KEYS.postmark}`,
    name: 'postmark',
    named: (body) => [texts(json(body)['To']), texts(json(body)['Cc']), texts(json(body)['Bcc'])],
    refusal: { status: 422, body: { ErrorCode: 300, Message: 'Invalid address.' } },
  },
  mailgun: {
    entry: `mailgun:${KEYS.mailgun}@mg.example.com`,
    name: 'mailgun:mg.example.com',
    named(body) {
      const form = new URLSearchParams(body);
      return [form.getAll('to'), form.getAll('cc'), form.getAll('bcc')];
    },
    refusal: { status: 400, body: { message: 'a parameter is not a valid address' } },
  },
  brevo: {
    entry: `brevo:${KEYS.brevo}`,
    name: 'brevo',
    named: (body) =>
      ['to', 'cc', 'bcc'].map((field) => people('email', 'name')(json(body)[field])) as [string[], string[], string[]],
    refusal: { status: 400, body: { code: 'invalid_parameter', message: 'email is not valid' } },
  },
  mailjet: {
    entry: `mailjet:${KEYS.mailjet}`,
    name: 'mailjet',
    named(body) {
      const [one] = json(body)['Messages'] as Json[];
      return ['To', 'Cc', 'Bcc'].map((field) => people('Email', 'Name')(one![field])) as [string[], string[], string[]];
    },
    refusal: {
      status: 400,
      body: {
        Messages: [{ Status: 'error', Errors: [{ ErrorCode: 'mj-0013', StatusCode: 400, ErrorMessage: 'invalid' }] }],
      },
    },
  },
  ses: {
    entry: 'ses:eu-west-1',
    name: 'ses:eu-west-1',
    named(body) {
      const to = json(body)['Destination'] as Json;
      return [texts(to['ToAddresses']), texts(to['CcAddresses']), texts(to['BccAddresses'])];
    },
    refusal: {
      status: 400,
      headers: { 'x-amzn-errortype': 'BadRequestException' },
      body: { message: 'Local address contains control' },
    },
  },
};
const NAMES = Object.keys(PROVIDERS) as ProviderName[];

describe('a message to several, by an HTTP provider', () => {
  const servers = {} as Record<ProviderName, ProviderServer>;
  let otpost: Otpost;
  let mail: MailToSeveral;
  let timeForAnswers: HeldTimers;

  beforeAll(async () => {
    timeForAnswers = HeldTimers.hold();
    Object.assign(TIMEOUTS, { statesMs: 0, probeEveryMs: 1_000, longestBackoffMs: 1_000 });
    Object.assign(HTTP_TIMEOUTS, { againAfterMs: [], answerMs: timeForAnswers.ms });
    for (const name of NAMES) servers[name] = await ProviderServer.start(name);
    otpost = await startOtpost({
      MAIL_TRANSPORTS: NAMES.map((name) => `${PROVIDERS[name].entry}?endpoint=${servers[name].url}`).join(','),
      MAIL_FROM: 'post@example.com',
      ...KEYS.aws,
    });
    mail = await MailToSeveral.of(otpost);
  });
  afterEach(async () => {
    expect(await mail.imbalance()).toBe(0);
  });
  afterAll(async () => {
    await mail.close();
    await otpost.stop();
    timeForAnswers.letGo();
    await Promise.all(Object.values(servers).map((server) => server.stop()));
  });

  /** Only this way is open from now on. Returns what it is asked. */
  async function open(
    name: ProviderName,
    script: (request: ReceivedRequest) => Reply | 'hang' | undefined = () => undefined,
  ) {
    await otpost.database.query(
      `UPDATE transport_states SET failures = CASE WHEN name = $1 THEN 0 ELSE 1 END,
         backoff_until = CASE WHEN name = $1 THEN NULL ELSE now() + interval '1 hour' END`,
      [PROVIDERS[name].name],
    );
    const server = servers[name];
    server.script = (time, request) => (time === 0 ? undefined : script(request));
    const [asked, taken] = [server.requests.length, server.taken.length];
    const named = (requests: ReceivedRequest[]) => requests.map(({ body }) => PROVIDERS[name].named(body));
    return { asked: () => named(server.requests.slice(asked)), taken: () => named(server.taken.slice(taken)) };
  }
  const addressesIn = ([to, cc, bcc]: string[][]): string => [...to!, ...cc!, ...bcc!].join(' ');

  describe.each(NAMES)('%s', (name) => {
    it('is one request with the fields of the provider', async () => {
      const watched = await open(name);
      const [ada, grace, katherine, mary] = mail.newPeople('ada', 'grace', 'katherine', 'mary') as [
        string,
        string,
        string,
        string,
      ];
      const id = await mail.send({ to: [`Ada <${ada}>`, grace], cc: `"Johnson, K." <${katherine}>`, bcc: mary });
      await mail.become(id, { [ada]: 'sent', [grace]: 'sent', [katherine]: 'sent', [mary]: 'sent' });
      // The fields of what goes out in SES' raw form have the names.
      const named = (who: string, address: string): string => (name === 'ses' ? address : `"${who}" <${address}>`);
      expect(watched.asked()).toEqual([[[named('Ada', ada), grace], [named('Johnson, K.', katherine)], [mary]]]);
    });

    it('finds out whom a refusal was about, and only that one has it', async () => {
      const [ada, grace, katherine, mary] = mail.newPeople('ada', 'grace', 'katherine', 'mary') as [
        string,
        string,
        string,
        string,
      ];
      const watched = await open(name, ({ body }) =>
        addressesIn(PROVIDERS[name].named(body)).includes(grace) ? PROVIDERS[name].refusal : undefined,
      );
      const id = await mail.send({ to: [ada, grace], cc: katherine, bcc: mary });
      const email = await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'sent', [mary]: 'sent' });
      // Whoever stands in a field gets the mail: alone each stands in To.
      expect(watched.taken().map(String).sort()).toEqual(
        [ada, katherine, mary].map((one) => String([[one], [], []])).sort(),
      );
      expect(watched.asked()).toHaveLength(5);
      expect(await mail.of(email, katherine)).toMatchObject({ splitFrom: id, messageId: email.messageId, attempts: 1 });
      expect(await mail.suppressed()).not.toHaveProperty([grace]);
    });

    it('shows those in Cc in To where nobody of To is left, and goes to hidden ones alone', async () => {
      const [ada, grace, katherine, mary] = mail.newPeople('ada', 'grace', 'katherine', 'mary') as [
        string,
        string,
        string,
        string,
      ];
      const watched = await open(name);
      await mail.suppress(ada);
      const first = await mail.send({ to: ada, cc: grace, bcc: katherine });
      await mail.become(first, { [ada]: 'suppressed', [grace]: 'sent', [katherine]: 'sent' });
      expect(watched.asked()).toEqual([[[grace], [], [katherine]]]);
      const second = await mail.send({ to: ada, bcc: [katherine, mary] });
      await mail.become(second, { [ada]: 'suppressed', [katherine]: 'sent', [mary]: 'sent' });
      expect(watched.asked().slice(1).map(String).sort()).toEqual(
        [katherine, mary].map((one) => String([[one], [], []])).sort(),
      );
    });
  });

  it('stays whole where the provider has a break, and where nobody knows what it took', async () => {
    const [ada, grace] = mail.newPeople('ada', 'grace') as [string, string];
    await open('sendgrid', () => ({ status: 503 }));
    const id = await mail.send({ to: [ada, grace], lane: 'bulk' });
    const waiting = await mail.become(id, { [ada]: 'deferred', [grace]: 'deferred' });
    expect(waiting.recipients.map(({ emailId }) => emailId)).toEqual([id, id]);
    const watched = await open('sendgrid', () => {
      timeForAnswers.runOut(); // the server has the whole request
      return 'hang';
    });
    await otpost.database.query('UPDATE outbound_emails SET next_attempt_at = now() WHERE id = $1', [id]);
    await mail.become(id, { [ada]: 'unknown', [grace]: 'unknown' });
    expect(watched.asked()).toEqual([[[ada, grace], [], []]]);
  });

  it('is refused for those whom Postmark says that it leaves out, and their addresses get no more', async () => {
    const [ada, grace, katherine] = mail.newPeople('ada', 'grace', 'katherine') as [string, string, string];
    const words = `Message OK, but will not deliver to these inactive addresses: ${grace}, ${katherine}. Inactive recipients are …`;
    const watched = await open('postmark', () => ({
      status: 200,
      body: { ErrorCode: 0, Message: words, MessageID: 'pm-some' },
    }));
    const id = await mail.send({ to: [ada, grace], cc: katherine });
    const email = await mail.become(id, { [ada]: 'sent', [grace]: 'failed', [katherine]: 'failed' });
    expect(await mail.of(email, grace)).toMatchObject({ lastErrorCode: 'http_inactive', splitFrom: id });
    expect(await mail.suppressed()).toEqual({ [grace]: 'hard_bounce', [katherine]: 'hard_bounce' });
    expect(watched.asked()).toHaveLength(1);
  });
});
