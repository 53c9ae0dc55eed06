import type { IssuedBody, ProblemBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('a challenge', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  async function registered(): Promise<{ email: string; issued: IssuedBody; code: string; wrong: string }> {
    const email = `ada${++number}@example.com`;
    const issued = await otpost.api.register(email);
    const [received] = await sink.waitForMailTo(email);
    const code = codeIn(received!.mail.text);
    return { email, issued, code, wrong: String((Number(code) + 1) % 1_000_000).padStart(6, '0') };
  }

  const verify = (id: string, code: string) =>
    otpost.api.post<SignedInBody & ProblemBody>(`/v1/otp/${id}/verify`, { code });
  const resend = (id: string) => otpost.api.post<IssuedBody & ProblemBody>(`/v1/otp/${id}/resend`, {});

  it('tells when it ends, when it may be sent again, and what the mail shows', async () => {
    const { issued, email } = await registered();
    const { challenge, delivery } = issued;
    expect(delivery).toEqual({ status: 'queued' });
    expect(challenge.purpose).toBe('register');
    expect(Buffer.from(challenge.id, 'base64url')).toHaveLength(16);
    expect(Date.parse(challenge.expiresAt) - clock.now().getTime()).toBe(600_000);
    expect(Date.parse(challenge.resendAfter) - clock.now().getTime()).toBe(30_000);
    const [received] = await sink.waitForMailTo(email);
    expect(received!.mail.subject).toContain(challenge.reference);
    expect(received!.mail.text).toContain(challenge.reference);
  });

  it('signs in once: 50 right codes at once begin one session, and a minute later none', async () => {
    const { email, issued, code } = await registered();
    const answers = await Promise.all(Array.from({ length: 50 }, () => verify(issued.challenge.id, code)));
    const signedIn = answers.filter(({ status }) => status === 200);
    expect(signedIn.length).toBeGreaterThan(0);
    expect(signedIn.length).toBeLessThanOrEqual(8); // five tries, and three repeats
    const others = answers.filter(({ status }) => status !== 200).map(({ body }) => body.code);
    expect(new Set(others)).toEqual(
      new Set(['otp_consumed', ...(others.includes('otp_locked') ? ['otp_locked'] : [])]),
    );
    const sessions = await otpost.database.query(
      'SELECT challenge_id FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email = $1',
      [email],
    );
    expect(sessions).toEqual([{ challenge_id: issued.challenge.id }]);
    clock.advance(61);
    expect((await verify(issued.challenge.id, code)).body).toMatchObject({ status: 410, code: 'otp_consumed' });
  });

  it('counts five tries among 60 wrong codes at once, and is locked for the right one then', async () => {
    const { issued, code, wrong } = await registered();
    const answers = await Promise.all(Array.from({ length: 60 }, () => verify(issued.challenge.id, wrong)));
    const left = answers.filter(({ status }) => status === 400).map(({ body }) => body.attemptsLeft);
    expect(left.sort()).toEqual([0, 1, 2, 3, 4]);
    expect(answers.filter(({ body }) => body.code === 'otp_locked')).toHaveLength(55);
    expect((await verify(issued.challenge.id, code)).body).toMatchObject({ status: 429, code: 'otp_locked' });
    expect((await resend(issued.challenge.id)).body.code).toBe('otp_locked');
  });

  it('spends no try on what is not a code', async () => {
    const { issued, code } = await registered();
    for (let i = 0; i < 6; i++) expect((await verify(issued.challenge.id, '12345x')).status).toBe(422);
    expect((await verify(issued.challenge.id, code)).status).toBe(200);
  });

  it('does not open with the code of another one', async () => {
    const [one, two] = [await registered(), await registered()];
    expect((await verify(one.issued.challenge.id, two.code)).body.code).toBe('otp_invalid');
  });

  it('ends for its siblings when one of them was verified', async () => {
    const { email, issued, code } = await registered();
    const sibling = await otpost.api.register(email);
    const [, second] = await sink.waitForMailTo(email, 2);
    expect((await verify(issued.challenge.id, code)).status).toBe(200);
    expect((await verify(sibling.challenge.id, codeIn(second!.mail.text))).body.code).toBe('otp_consumed');
  });

  it('keeps its siblings while none was verified', async () => {
    const { email, issued, code } = await registered();
    await otpost.api.register(email);
    expect((await verify(issued.challenge.id, code)).status).toBe(200);
  });

  it('stores neither the code nor anything that gives it away', async () => {
    const { issued, code } = await registered();
    const rows = await otpost.database.query<{ row: string }>(
      `SELECT row_to_json(c)::text AS row FROM otp_challenges c WHERE id = $1
       UNION ALL SELECT row_to_json(m)::text FROM outbound_emails m WHERE supersede_key = 'otp:' || $1`,
      [issued.challenge.id],
    );
    expect(rows).toHaveLength(2);
    for (const { row } of rows) {
      expect(row).not.toContain(code);
      expect(row).not.toContain(Buffer.from(code).toString('hex'));
    }
  });

  it('erases the sealed code when it was used, and the variables of its mail when that was sent', async () => {
    const { issued, code } = await registered();
    await verify(issued.challenge.id, code);
    const row = await eventually(async () => {
      const [found] = await otpost.database.query<{ status: string }>(
        `SELECT c.sealed_code, m.status, m.sealed_variables FROM otp_challenges c
         JOIN outbound_emails m ON m.supersede_key = 'otp:' || c.id WHERE c.id = $1`,
        [issued.challenge.id],
      );
      return found?.status !== 'sending' && found;
    }, 'what the server said of the mail');
    expect(row).toEqual({ sealed_code: null, status: 'sent', sealed_variables: null });
  });

  describe('sent again', () => {
    it('is the same code, with its expiry and its count', async () => {
      const { email, issued, code, wrong } = await registered();
      expect((await verify(issued.challenge.id, wrong)).body.attemptsLeft).toBe(4);
      clock.advance(30);
      const again = await resend(issued.challenge.id);
      expect(again.status).toBe(202);
      expect(again.body.challenge).toEqual({
        ...issued.challenge,
        resendAfter: new Date(clock.now().getTime() + 30_000).toISOString(),
      });
      const copies = await sink.waitForMailTo(email, 2);
      expect(copies.map(({ mail }) => codeIn(mail.text))).toEqual([code, code]);
      expect((await verify(issued.challenge.id, wrong)).body.attemptsLeft).toBe(3);
    });

    it('waits for the cooldown, and says how long', async () => {
      const { issued } = await registered();
      clock.advance(10);
      const early = await resend(issued.challenge.id);
      expect(early.body).toMatchObject({ status: 429, code: 'resend_too_soon' });
      expect(early.headers.get('retry-after')).toBe('20');
    });

    it('happens three times at most, and once of ten at the same moment', async () => {
      const { issued, email } = await registered();
      for (let round = 1; round <= 3; round++) {
        clock.advance(30);
        const answers = await Promise.all(Array.from({ length: 10 }, () => resend(issued.challenge.id)));
        expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
        await sink.waitForMailTo(email, 1 + round);
      }
      clock.advance(30);
      expect((await resend(issued.challenge.id)).body).toMatchObject({ status: 429, code: 'resend_exhausted' });
      expect(sink.received.filter(({ to }) => to.includes(email))).toHaveLength(4);
    });
  });

  it('says what became of its mail', async () => {
    const { issued } = await registered();
    const told = () => otpost.api.get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`);
    // The sink has it a moment before it is on record that it has.
    const { status, body } = await eventually(async () => {
      const answer = await told();
      return answer.body.status === 'sent' && answer;
    }, 'the mail to be told as sent');
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'sent', updatedAt: expect.any(String) as string });
  });

  // Last: it moves the time for everything before it.
  it('works in its last second and not at its expiry', async () => {
    const [one, two] = [await registered(), await registered()];
    clock.advance(599);
    expect((await verify(one.issued.challenge.id, one.code)).status).toBe(200);
    clock.advance(1);
    expect((await verify(two.issued.challenge.id, two.code)).body).toMatchObject({ status: 410, code: 'otp_expired' });
    expect((await resend(two.issued.challenge.id)).body).toMatchObject({ status: 410, code: 'otp_expired' });
  });
});
