import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aheadAtSignal } from '../support/signals/clock-at-signal.js';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { FaultSink } from '../support/faults/fault-sink.js';
import { createApiKey } from '../support/service/api-key.js';
import type { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { describeWithSupervisor, SupervisedOtpost } from '../support/service/supervised-otpost.js';
import { eventually } from '../support/signals/wait.js';

/** Messages in the middle of which the container is told to stop. */
const LOAD = 200;
const METRICS_TOKEN = 'the-token-of-the-scraper';

interface MailHealth {
  status: string;
  ledger: { accepted: number; states: Record<string, number>; imbalance: number };
  workers: { alive: boolean }[];
  problems: { code: string }[];
}

/** Of all stories, for one that runs out of time does not come to its end. */
const everStarted: SupervisedOtpost[] = [];

/** A database, a sink, and containers one after the other. */
class Deployment {
  private readonly started: SupervisedOtpost[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly sink: FaultSink,
    private readonly door: string,
  ) {}

  static async open(): Promise<Deployment> {
    const sink = new FaultSink();
    return new Deployment(await createDatabase(), sink, await sink.door());
  }

  /** Once it took so many the sink answers no more until it is let go, so that there is a middle. */
  holdAfter(taken: number): void {
    this.sink.rewrite(this.door, (moment) =>
      moment === 'after the dot' && this.sink.taken > taken ? 'hold' : undefined,
    );
  }

  letGo(): void {
    this.sink.rewrite(this.door);
    this.sink.release();
  }

  get env(): Record<string, string> {
    return {
      DATABASE_URL: this.database.url,
      APP_SECRET: TEST_SECRET,
      APP_URL: 'http://localhost:3000',
      MAIL_TRANSPORTS: this.door,
      MAIL_FROM: 'Otpost <no-reply@example.com>',
      METRICS_TOKEN,
      HOST: '127.0.0.1',
    };
  }

  async start(more: Record<string, string> = {}, node?: string, file?: number): Promise<SupervisedOtpost> {
    const otpost = await SupervisedOtpost.start({ ...this.env, NODE_ENV: 'production', ...more }, node, file);
    this.started.push(otpost);
    everStarted.push(otpost);
    return otpost;
  }

  /** Longer than a lease and the look for abandoned rows: the one that was killed may have had it. */
  async mailTo(address: string): Promise<void> {
    await eventually(() => this.sink.copiesOf(address) > 0, `mail to ${address}`);
  }

  get copiesTooMany(): string[] {
    return [...this.sink.copies].filter(([, copies]) => copies.length > 1).map(([to]) => to);
  }

  async close(): Promise<void> {
    await Promise.all(this.started.map((one) => one.destroy()));
    await this.sink.stop();
    await this.database.drop();
  }
}

async function tell(story: (deployment: Deployment) => Promise<void>): Promise<void> {
  const deployment = await Deployment.open();
  try {
    await story(deployment);
  } finally {
    await deployment.close();
  }
}

const mailHealth = async (otpost: { api: Api }): Promise<MailHealth> =>
  (await otpost.api.get<MailHealth>('/health/mail', METRICS_TOKEN)).body;
const problemsOf = async (otpost: SupervisedOtpost): Promise<string[]> =>
  (await mailHealth(otpost)).problems.map(({ code }) => code);

/** A worker is alive, and both count as RUNNING. */
async function wellStarted(otpost: SupervisedOtpost): Promise<{ worker: number; web: number }> {
  await otpost.ready();
  await eventually(async () => (await mailHealth(otpost)).workers.some(({ alive }) => alive), 'a worker to be alive');
  return { worker: await otpost.running('worker'), web: await otpost.running('web') };
}

async function stoppedAndKilled(deployment: Deployment): Promise<void> {
  const otpost = await deployment.start(aheadAtSignal(31));
  const { web } = await wellStarted(otpost);

  expect(await otpost.control('stop', 'worker')).toContain('worker: stopped');
  await otpost.api.register('katherine@example.com');
  await eventually(async () => (await problemsOf(otpost)).includes('no_worker'), 'health to miss the worker');
  expect([deployment.sink.copiesOf('katherine@example.com'), otpost.text.includes('NO WORKER IS ALIVE')]).toEqual([
    0,
    false,
  ]);
  process.kill(web, 'SIGUSR2'); // time passes
  await deployment.mailTo('katherine@example.com');
  expect(otpost.text).toContain('NO WORKER IS ALIVE');

  expect(await otpost.control('start', 'worker')).toContain('worker: started');
  await eventually(() => otpost.text.includes('a worker is alive again'), 'web to stand back');
  await otpost.api.register('mary@example.com');
  await deployment.mailTo('mary@example.com');
  await eventually(async () => (await problemsOf(otpost)).length === 0, 'health to be well again');

  const worker = await otpost.running('worker');
  process.kill(worker, 'SIGKILL');
  await otpost.api.register('ada@example.com');
  await otpost.startedAnew('worker', worker);
  await deployment.mailTo('ada@example.com');

  await otpost.api.register('grace@example.com');
  process.kill(web, 'SIGKILL');
  await deployment.mailTo('grace@example.com');
  await otpost.startedAnew('web', web);
  await otpost.ready();
  expect(deployment.copiesTooMany).toEqual([]);

  otpost.child.kill('SIGTERM');
  expect(await otpost.exit()).toBe(0);
  expect(otpost.text).toMatch(/stopped: web[^]*stopped: worker/);
}

async function stoppedUnderLoad(deployment: Deployment): Promise<void> {
  const key = await createApiKey(deployment.database.url);
  const otpost = await deployment.start();
  await wellStarted(otpost);

  const send = async (n: number): Promise<void> => {
    const mail = { to: `reader${n}@example.com`, subject: 'News', text: `Number ${n}.` };
    expect((await otpost.api.post('/v1/emails', mail, { authorization: `Bearer ${key}` })).status).toBe(202);
  };
  deployment.holdAfter(LOAD / 4);
  for (let n = 0; n < LOAD; n += 20) await Promise.all(Array.from({ length: 20 }, (_, i) => send(n + i)));
  await eventually(() => deployment.sink.holding > 0, 'a quarter to be handed over, and answers to be held');

  otpost.child.kill('SIGTERM');
  await eventually(() => /"role":"worker"[^\n]*"stopping/.test(otpost.text), 'the worker to be told');
  deployment.letGo();
  expect(await otpost.exit()).toBe(0);
  const before = deployment.sink.taken;
  expect(before).toBeLessThan(LOAD);
  // Deferred, where a server that held its answers for long counted as silent.
  const states = await deployment.database.query<{ state: string; count: number }>(
    `SELECT CASE status WHEN 'deferred' THEN 'queued' ELSE status::text END AS state, count(*)::int AS count FROM outbound_emails GROUP BY state ORDER BY state`,
  );
  expect(states).toEqual([
    { state: 'queued', count: LOAD - before },
    { state: 'sent', count: before },
  ]);

  const next = await OtpostProcess.start({ ...deployment.env, PORT: '0', ROLE: 'all' });
  const api = await next.api();
  try {
    await eventually(() => deployment.sink.copies.size === LOAD, 'the rest to be handed over');
    await eventually(async () => (await mailHealth({ api })).ledger.states['sent'] === LOAD, 'the ledger to know it');
    expect((await mailHealth({ api })).ledger).toMatchObject({ accepted: LOAD, imbalance: 0 });
  } finally {
    await next.stop('SIGKILL');
  }
  expect(deployment.copiesTooMany).toEqual([]);
}

async function givenUp(deployment: Deployment): Promise<void> {
  const otpost = await deployment.start({}, '#!/bin/sh\n[ "$ROLE" = web ] || exit 3\nexec sleep 1000\n');
  expect(await otpost.exit()).toBe(1);
  expect(otpost.text).toContain('gave up: worker entered FATAL state');
  expect(otpost.text).toContain('a program cannot be kept running');
  expect(otpost.text).toContain('stopped: web');
}

const LINES = 500;

/** Says many lines, waits for SIGTERM, and says the last one. */
const TALKER = `#!/bin/sh
trap 'echo "$ROLE says goodbye"; exit 0' TERM
i=0
while [ $i -lt ${LINES} ]; do echo "$ROLE says $i"; i=$((i+1)); done
echo "$ROLE has spoken"
while :; do sleep 0.1; done
`;

async function intoFile(deployment: Deployment): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'otpost-output-'));
  const path = join(folder, 'log');
  // As a shell's `>` opens it, and not for appending.
  const file = await open(path, 'w');
  try {
    const otpost = await deployment.start({}, TALKER, file.fd);
    const text = async () => readFile(path, 'utf8');
    await eventually(
      async () => (await text()).match(/^(web|worker) has spoken$/gm)?.length === 2,
      'both to have spoken',
    );
    otpost.child.kill('SIGTERM');
    expect(await otpost.exit()).toBe(0);
    const lines = (await text()).split('\n');
    for (const role of ['web', 'worker']) {
      const said = lines.filter((line) => line.startsWith(`${role} says`));
      expect(said).toEqual([...Array.from({ length: LINES }, (_, n) => `${role} says ${n}`), `${role} says goodbye`]);
    }
    expect(lines.filter((line) => / stopped: (web|worker) /.test(line))).toHaveLength(2);
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
}

/** Jest runs side by side what stands in one block. */
describeWithSupervisor('under supervisord, as in the container,', () => {
  afterAll(() => Promise.all(everStarted.map((one) => one.destroy())));

  it.concurrent('a worker that is stopped is missed and stood in for, a program that is killed comes back, and no mail is lost', () =>
    tell(stoppedAndKilled));
  it.concurrent('SIGTERM in the middle of many mails ends both before any is killed: none is lost, none goes out twice', () =>
    tell(stoppedUnderLoad));
  it.concurrent('every line of both is in the file that the output goes to, also the last ones', () => tell(intoFile));
  it.concurrent('a program that cannot be kept running ends the container with a failure', () => tell(givenUp));
});

describe('a process whose Postgres is not there yet', () => {
  it('waits for it, and does not keep whoever stops it', async () => {
    const waiting = new OtpostProcess({
      DATABASE_URL: 'postgres://otpost:s3cret@127.0.0.1:1/otpost',
      APP_SECRET: TEST_SECRET,
      ROLE: 'worker',
    });
    await eventually(
      () => waiting.text.includes('Waiting for PostgreSQL at postgres://otpost:***@127.0.0.1:1/otpost'),
      'the wait',
    );
    expect(await waiting.stop('SIGTERM')).toBe(1);
    expect(waiting.text).toContain('Stopped while waiting for the database.');
  });
});
