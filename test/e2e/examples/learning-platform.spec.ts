import { freePort } from '../../support/network/free-port.js';
import { createApiKey } from '../../support/service/api-key.js';
import { Api } from '../../support/service/api.js';
import { compiledExample, ExampleServer } from '../../support/service/example.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, type Received, SmtpSink } from '../../support/smtp/smtp-sink.js';

const NOBODY = 'nobody@example.com';

interface MailStatus {
  status: string;
  lastReply: string | null;
  attempts: number;
}

interface Code {
  id: string;
  reference: string;
}

describe('examples/learning-platform', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let example: ExampleServer;
  let platform: Api;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onRcptTo: ({ address }, _session, done) =>
        done(address === NOBODY ? Object.assign(new Error('5.1.1 no such mailbox'), { responseCode: 550 }) : null),
    });
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Academy <no-reply@example.com>' });
    const port = await freePort();
    platform = new Api(`http://127.0.0.1:${port}`);
    example = await ExampleServer.start(
      `${platform.url}/mails/-`,
      [process.execPath, await compiledExample('learning-platform/server.ts')],
      {
        OTPOST_URL: otpost.api.url,
        OTPOST_API_KEY: await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'verifications']),
        PORT: String(port),
      },
    );
  });
  afterAll(async () => {
    await example.stop();
    await otpost.stop();
    await sink.stop();
  });

  async function done<Body>(path: string, body: object): Promise<Body> {
    const answer = await platform.post<Body>(path, body);
    expect([path, answer.status, answer.body]).toEqual([path, 200, expect.anything()]);
    return answer.body;
  }

  /** The mail to an address whose subject has these words. */
  const mailTo = (address: string, words: string): Promise<Received['mail']> =>
    eventually(
      () => sink.received.find(({ to, mail }) => to.includes(address) && mail.subject?.includes(words))?.mail,
      `"${words}" to ${address}`,
    );

  const followed = (id: string): Promise<MailStatus> =>
    eventually(async () => {
      const { body } = await platform.get<MailStatus>(`/mails/${id}`);
      return !['queued', 'sending'].includes(body.status) && body;
    }, 'the status of the mail');

  it('welcomes a student, has the address verified by the code of the mail, and follows the welcome', async () => {
    const { welcome, verification } = await done<{ welcome: string; verification: Code }>('/students', {
      email: 'ada@example.com',
      name: 'Ada',
    });
    expect((await mailTo('ada@example.com', 'Welcome')).text).toContain('Ada');
    expect(await followed(welcome)).toMatchObject({
      status: 'sent',
      lastReply: expect.stringMatching(/^250 .*taken/) as string,
    });
    const code = codeIn((await mailTo('ada@example.com', verification.reference)).text);
    expect(await done('/students/verified', { id: verification.id, code })).toEqual({ verified: 'ada@example.com' });
  });

  it('lets a password be set anew by a code, and by that code once', async () => {
    const { id, reference } = await done<Code>('/resets', { email: 'grace@example.com' });
    const code = codeIn((await mailTo('grace@example.com', reference)).text);
    expect(
      (await platform.post('/resets/done', { id, code: '1'.repeat(6) === code ? '2'.repeat(6) : '1'.repeat(6) })).body,
    ).toMatchObject({
      error: 'otp_invalid',
    });
    expect(await done('/resets/done', { id, code })).toEqual({ reset: 'grace@example.com' });
  });

  it('confirms an enrolment', async () => {
    const student = { email: 'ada@example.com', name: 'Ada' };
    await done('/enrolments', { ...student, course: 'Numerical Methods', startsOn: '7 December 2026' });
    expect((await mailTo('ada@example.com', 'Numerical Methods')).text).toContain('7 December 2026');
  });

  it('sends a certificate with its PDF, byte for byte and once however often it is issued', async () => {
    const order = { email: 'ada@example.com', name: 'Ada (Countess)', course: 'Analytical Engines', number: 'AE-42' };
    const [first, second] = [
      await done<{ mail: string }>('/certificates?wait', order),
      await done<{ mail: string }>('/certificates', order),
    ];
    expect([first, second.mail]).toEqual([expect.objectContaining({ status: 'sent' }), first.mail]);
    const { attachments } = await mailTo('ada@example.com', 'Analytical Engines');
    expect(attachments.map(({ filename, contentType }) => [filename, contentType])).toEqual([
      ['certificate-AE-42.pdf', 'application/pdf'],
    ]);
    const pdf = attachments[0]!.content.toString('latin1');
    expect(pdf).toMatch(/^%PDF-1\.4\n[^]*\(Ada \\\(Countess\\\)\) Tj[^]*%%EOF\n$/);
    expect(pdf.slice(Number(/startxref\n(\d+)/.exec(pdf)![1])).startsWith('xref\n')).toBe(true);
    expect(sink.received.filter(({ mail }) => mail.subject?.includes('Analytical Engines'))).toHaveLength(1);
  });

  it('sends words of its own, and waits for the outcome where it is asked to', async () => {
    const words = { subject: 'The library is open', text: 'From Monday on.' };
    expect(await done('/messages?wait', { to: 'ada@example.com', ...words })).toMatchObject({ status: 'sent' });
    expect((await mailTo('ada@example.com', 'library')).text?.trim()).toBe('From Monday on.');
    expect(await done('/messages?wait', { to: NOBODY, ...words })).toMatchObject({
      status: 'failed',
      lastReply: expect.stringContaining('no such mailbox') as string,
    });
  });

  it('tells many the same, a mail each that can be left, and says which address is none', async () => {
    const to = ['bulk1@example.com', 'no address', 'bulk2@example.com'];
    const { mails } = await done<{ mails: { to: string; id?: string; refused?: string }[] }>('/announcements', {
      to,
      subject: 'Holidays',
      text: 'From Friday on.',
    });
    expect(mails.map((one) => [one.to, 'id' in one])).toEqual(to.map((address) => [address, address.includes('@')]));
    for (const address of [to[0]!, to[2]!]) {
      const mail = await mailTo(address, 'Holidays');
      expect([mail.text, mail.headers.has('list')]).toEqual([expect.stringContaining('Unsubscribe'), true]);
    }
  });

  it('tells more than one request may hold', async () => {
    const to = Array.from({ length: 1_001 }, (_, n) => (n === 1_000 ? 'no address' : `crowd${n}@example.com`));
    const order = { to, subject: 'New term', text: 'It begins.' };
    const { mails } = await done<{ mails: { to: string; id?: string; refused?: string }[] }>('/announcements', order);
    expect(mails.map((one) => [one.to, 'id' in one])).toEqual(to.map((address) => [address, address.includes('@')]));
    expect(new Set(mails.flatMap(({ id }) => id ?? [])).size).toBe(1_000);
  });
});
