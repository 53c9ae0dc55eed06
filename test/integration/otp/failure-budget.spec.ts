import type { IssuedBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { wrongCode } from '../../support/text/wrong-code.js';

describe('wrong codes for one address', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: Visitors;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const fresh = (): string => `budget${++number}@example.com`;
  const login = async (email: string, headers = {}): Promise<IssuedBody> =>
    (await people.ask('login', email, headers)).body;

  async function failures(email: string, purpose = 'sign_in'): Promise<number> {
    const [row] = await otpost.database.query<{ failures: number }>(
      "SELECT failures FROM failure_budgets WHERE destination = $1 AND purpose = $2 AND device = ''",
      [email, purpose],
    );
    return row?.failures ?? 0;
  }

  /** A code that is surely wrong. */
  const wrongFor = async (issued: IssuedBody): Promise<string> => wrongCode(await people.codeOf(issued));

  /** Four new codes, five wrong tries each. Nobody's address gets no code, and so every one is wrong. */
  async function failTwentyTimes(email: string, nobodys = false): Promise<string[]> {
    const answers: string[] = [];
    for (let round = 0; round < 4; round++) {
      const issued = await login(email);
      const wrong = nobodys ? '000000' : await wrongFor(issued);
      for (let i = 0; i < 5; i++) {
        const { status, body } = await people.verify(issued, wrong);
        answers.push(`${status} ${body.code} ${body.attemptsLeft}`);
      }
    }
    return answers;
  }

  /** As many as there were, the last one now, and no wait. */
  const failed = (email: string, times: number): Promise<unknown> =>
    otpost.database.query(
      "INSERT INTO failure_budgets (destination, purpose, failures, updated_at) VALUES ($1, 'sign_in', $2, $3)",
      [email, times, clock.now()],
    );

  /** The twentieth, after nineteen that are only written down. */
  async function failOnceMore(email: string): Promise<void> {
    await failed(email, 19);
    const issued = await login(email);
    expect((await people.verify(issued, await wrongFor(issued))).body.code).toBe('otp_invalid');
  }

  it('are counted across new codes, and from the twentieth on cost a wait that Retry-After tells', async () => {
    const email = fresh();
    await people.signUp(email);
    await failTwentyTimes(email);
    const issued = await login(email);
    const right = await people.codeOf(issued);
    const refused = await people.verify(issued, right);
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'too_many_failures',
      '60',
    ]);
    clock.advance(60);
    const answer = await people.verify(issued, right);
    expect([answer.status, answer.body.account?.email]).toEqual([200, email]);
    expect(await failures(email)).toBe(0);
  });

  it('cost the challenge no try while they wait', async () => {
    const email = fresh();
    await people.signUp(email);
    await failOnceMore(email);
    const issued = await login(email);
    for (let i = 0; i < 7; i++) expect((await people.verify(issued, '000000')).body.code).toBe('too_many_failures');
    clock.advance(60);
    expect((await people.verify(issued, wrongCode(await people.codeOf(issued)))).body).toMatchObject({
      code: 'otp_invalid',
      attemptsLeft: 4,
    });
    // The twenty-first: two minutes now. Nothing is compared.
    const refused = await people.verify(issued, '000000');
    expect([refused.body.code, refused.headers.get('retry-after')]).toEqual(['too_many_failures', '120']);
  });

  it('say nothing about who has it: a stranger’s address gets the same answers', async () => {
    const [known, unknown] = [fresh(), fresh()];
    await people.signUp(known);
    expect(await failTwentyTimes(unknown, true)).toEqual(await failTwentyTimes(known));
    const [one, two] = [
      await people.verify(await login(known), '000000'),
      await people.verify(await login(unknown), '000000'),
    ];
    expect([two.status, two.body.code, two.headers.get('retry-after')]).toEqual([
      one.status,
      one.body.code,
      one.headers.get('retry-after'),
    ]);
  });

  it('made by a stranger do not lock out the device that its owner signed in with', async () => {
    const email = fresh();
    const { deviceToken } = await people.signUp(email);
    await failOnceMore(email);
    const issued = await login(email, { 'otpost-device': deviceToken });
    const code = await people.codeOf(issued);
    expect((await people.verify(issued, code)).body.code).toBe('too_many_failures');
    expect((await people.verify(issued, code, {}, { 'otpost-device': deviceToken })).status).toBe(200);
  });

  it('are not forgiven for the device of somebody else', async () => {
    const [email, other] = [fresh(), fresh()];
    await people.signUp(email);
    const { deviceToken } = await people.signUp(other);
    await failOnceMore(email);
    const issued = await login(email);
    expect(
      (await people.verify(issued, await people.codeOf(issued), {}, { 'otpost-device': deviceToken })).body.code,
    ).toBe('too_many_failures');
  });

  it('are never more than a hundred in a row: then only the link helps, or a day without a failure', async () => {
    const email = fresh();
    await people.signUp(email);
    await failed(email, 99);
    const hundredth = await login(email);
    expect((await people.verify(hundredth, await wrongFor(hundredth))).body.code).toBe('otp_invalid');
    clock.advance(7_200);
    const next = await login(email);
    const answer = await people.verify(next, await people.codeOf(next));
    expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([
      429,
      'too_many_failures',
      String(86_400 - 7_200),
    ]);
    expect(answer.body.remedy).toContain('link');
    clock.advance(86_400 - 7_200 - 1);
    const early = await login(email);
    const code = await people.codeOf(early);
    expect((await people.verify(early, code)).headers.get('retry-after')).toBe('1');
    clock.advance(1);
    expect((await people.verify(early, code)).status).toBe(200);
  });

  it('count from one again after a day without a failure, and not a second before', async () => {
    const email = fresh();
    await people.signUp(email);
    await failed(email, 100);
    clock.advance(86_400);
    const first = await login(email);
    const wrong = await wrongFor(first);
    for (const count of [1, 2]) {
      expect((await people.verify(first, wrong)).body.code).toBe('otp_invalid');
      expect(await failures(email)).toBe(count);
    }
    clock.advance(86_399);
    const second = await login(email);
    await people.verify(second, await wrongFor(second));
    expect(await failures(email)).toBe(3);
  });

  it('begin one row, and not many, when they come at once after a day', async () => {
    const email = fresh();
    await people.signUp(email);
    await failed(email, 100);
    clock.advance(86_400);
    const issued = await login(email);
    const wrong = await wrongFor(issued);
    await Promise.all(Array.from({ length: 5 }, () => people.verify(issued, wrong)));
    expect(await failures(email)).toBe(5);
  });

  it('for all purposes that sign in are counted together, so that four purposes are not four budgets', async () => {
    const email = fresh();
    await people.signUp(email);
    const answers: string[] = [];
    for (const purpose of ['login', 'reset_password', 'verify_email', 'register']) {
      const issued =
        purpose === 'register' ? await otpost.api.register(email) : (await people.ask(purpose, email)).body;
      const more = purpose === 'reset_password' ? { newPassword: 'seventeen green bottles' } : {};
      const wrong = await wrongFor(issued);
      for (let i = 0; i < 5; i++) answers.push(String((await people.verify(issued, wrong, more)).body.code));
    }
    expect(answers).toEqual(Array(20).fill('otp_invalid'));
    expect(await failures(email)).toBe(20);
    for (const purpose of ['login', 'verify_email']) {
      const { body } = await people.ask(purpose, email);
      expect((await people.verify(body, await people.codeOf(body))).body.code).toBe('too_many_failures');
    }
  });

  it('leave codes alone that sign nobody in: those of a session', async () => {
    const email = fresh();
    const { accessToken } = await people.signUp(email);
    await failOnceMore(email);
    const { body } = await people.ask('reauthenticate', undefined, bearer(accessToken));
    expect((await people.verify(body, await people.codeOf(body), {}, bearer(accessToken))).status).toBe(200);
  });

  it('are all counted when 200 come at once, and no more are let through than the challenge has tries', async () => {
    const email = fresh();
    await people.signUp(email);
    const issued = await login(email);
    const wrong = wrongCode(await people.codeOf(issued));
    const answers = await Promise.all(Array.from({ length: 200 }, () => people.verify(issued, wrong)));
    const left = answers.filter(({ status }) => status === 400).map(({ body }) => body.attemptsLeft);
    expect(left.sort()).toEqual([0, 1, 2, 3, 4]);
    expect(answers.filter(({ body }) => body.code === 'otp_locked')).toHaveLength(195);
    expect(await failures(email)).toBe(5);
    const [row] = await otpost.database.query('SELECT attempts FROM otp_challenges WHERE id = $1', [
      issued.challenge.id,
    ]);
    expect(row).toEqual({ attempts: 5 });
  });

  it('on many challenges at once are let through as often as the budget says', async () => {
    const email = fresh();
    await people.signUp(email);
    const challenges: IssuedBody[] = [];
    for (let i = 0; i < 12; i++) challenges.push(await login(email));
    const wrong = new Map(
      await Promise.all(challenges.map(async (issued) => [issued, await wrongFor(issued)] as const)),
    );
    const answers = await Promise.all(
      challenges.flatMap((issued) => Array.from({ length: 5 }, () => people.verify(issued, wrong.get(issued)!))),
    );
    expect(answers.filter(({ body }) => body.code === 'otp_invalid')).toHaveLength(20);
    expect(answers.filter(({ body }) => body.code === 'too_many_failures')).toHaveLength(40);
    expect(await failures(email)).toBe(20);
    const [row] = await otpost.database.query<{ sum: string }>(
      "SELECT sum(attempts) FROM otp_challenges WHERE destination_canonical = $1 AND purpose = 'login'",
      [email],
    );
    expect(Number(row!.sum)).toBe(20);
  });
});
