import { hostname } from 'node:os';
import pg from 'pg';
import type { Scope } from '../../../src/access/access-policy.js';
import type { Milestone } from '../../../src/core/milestones.js';
import { createApiKey } from '../service/api-key.js';
import type { Api } from '../service/api.js';
import { OtpostProcess } from '../service/otpost-process.js';
import { twoAtATime } from '../signals/side-by-side.js';
import { FaultClient } from './fault-client.js';
import { inTime } from './fault-form.js';
import type { FaultPostgres } from './fault-postgres.js';
import { FaultSink } from './fault-sink.js';
import { type FaultRow, isUnderWay, judge, print, READ_ROWS, type Verdict } from './fault-verdict.js';

const HOOK = new URL('./fault-stop.mjs', import.meta.url).href;

interface Ledger {
  accepted: number;
  states: Record<string, number>;
  imbalance: number;
}

export interface SpawnOptions {
  /** Stops for good when it passes this point for the nth time. */
  stopAt?: { point: Milestone; nth: number };
  env?: Record<string, string>;
}

export interface DeploymentOptions {
  /** None: BullMQ on Postgres. */
  redisUrl?: string | undefined;
  role?: 'web' | 'all';
  /** Of the first process. */
  env?: Record<string, string>;
}

/** A process of the deployment, real and mortal. */
export class FaultProcess extends OtpostProcess {
  /** It stands at the point where it was to be killed. */
  stopped = false;

  constructor(
    readonly role: 'web' | 'worker' | 'all',
    env: Record<string, string>,
  ) {
    super({ ...env, ROLE: role });
    this.child.stderr!.on('data', (bytes: Buffer) => (this.stopped ||= bytes.includes('fault: stopped at')));
  }

  /** As in the timeline of the messages. */
  get workerName(): string {
    return `${hostname()}:${this.child.pid}`;
  }

  override async ready(): Promise<{ url?: string }> {
    // A worker that finds due mail as it starts may stand at its point before it says so.
    await inTime(
      () => this.says('"msg":"ready"') || this.stopped || this.child.exitCode !== null,
      'the process to be ready',
    );
    return this.stopped ? {} : super.ready();
  }

  /** No goodbye: resolves when it is gone. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }

  says(text: string): boolean {
    return this.output.some((line) => line.includes(text));
  }
}

/** One deployment under faults: a database, a counting sink, processes, and a client that remembers its promises. */
export class FaultDeployment {
  private readonly processes: FaultProcess[] = [];
  private front: Api | undefined;
  private readonly pool: pg.Pool;
  private sender: FaultClient | undefined;

  private constructor(
    private readonly databaseUrl: string,
    readonly sink: FaultSink,
    /** Where the processes hand their mail over, unless told otherwise. */
    readonly door: string,
    private readonly redisUrl: string | undefined,
  ) {
    this.pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
    this.pool.on('error', () => undefined); // Postgres is stopped under it
  }

  /** The first process is a web process, serves the client's key, and outlives the case. */
  static async start(postgres: FaultPostgres, options: DeploymentOptions = {}): Promise<FaultDeployment> {
    const sink = new FaultSink();
    const deployment = new FaultDeployment(await postgres.createDatabase(), sink, await sink.door(), options.redisUrl);
    try {
      const web = await deployment.spawn(options.role ?? 'web', { env: options.env ?? {} });
      deployment.front = await web.api();
      deployment.sender = new FaultClient(await createApiKey(deployment.databaseUrl));
      return deployment;
    } catch (error) {
      await deployment.stop();
      throw error;
    }
  }

  /** The surviving web process. */
  get web(): Api {
    return this.front!;
  }

  get client(): FaultClient {
    return this.sender!;
  }

  /** For calls that the client does not make. */
  key(scopes: Scope[]): Promise<string> {
    return createApiKey(this.databaseUrl, scopes);
  }

  /** Resolves when it is ready. */
  spawn(role: 'web' | 'worker' | 'all', { stopAt, env = {} }: SpawnOptions = {}): Promise<FaultProcess> {
    return twoAtATime(async () => {
      const started = new FaultProcess(role, {
        ...this.env,
        ...(stopAt ? { NODE_OPTIONS: `--import=${HOOK}`, FAULT_STOP: `${stopAt.point}:${stopAt.nth}` } : {}),
        ...env,
      });
      this.processes.push(started);
      await started.ready();
      return started;
    });
  }

  private get env(): Record<string, string> {
    return {
      DATABASE_URL: this.databaseUrl,
      DATABASE_POOL: '5',
      APP_SECRET: 'a secret of more than thirty-two characters for faults',
      MAIL_TRANSPORTS: this.door,
      PORT: '0',
      ...(this.redisUrl ? { REDIS_URL: this.redisUrl } : {}),
    };
  }

  /** In the order of their start, the dead included. */
  get workers(): readonly FaultProcess[] {
    return this.processes.filter(({ role }) => role === 'worker');
  }

  /** What its processes logged with this text in it. */
  linesWith(text: string): string[] {
    return this.processes.flatMap(({ output }) => output.filter((line) => line.includes(text)));
  }

  async query<Row extends pg.QueryResultRow>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(sql, parameters)).rows;
  }

  async rows(recipients?: readonly string[]): Promise<FaultRow[]> {
    return recipients
      ? this.query<FaultRow>(`${READ_ROWS} WHERE to_address = ANY($1)`, [recipients])
      : this.query<FaultRow>(READ_ROWS);
  }

  /** Resolves when Postgres has finished what the dead had asked of it: a statement outlives its client. */
  async quiet(): Promise<void> {
    await inTime(async () => {
      const [busy] = await this.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`,
      );
      return busy!.n === 0;
    }, 'Postgres to have nothing to do');
  }

  /** Resolves when none of these messages waits for anything any more. */
  async settled(recipients: readonly string[]): Promise<FaultRow[]> {
    let waiting: FaultRow[] = [];
    try {
      await inTime(async () => {
        const [due] = await this.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM outbound_emails WHERE to_address = ANY($1)
              AND (status IN ('queued', 'sending', 'scheduled') OR (status = 'deferred' AND NOT possible_duplicate))`,
          [recipients],
        );
        if (due!.n === 0) return true;
        await new Promise((resolve) => setTimeout(resolve, 50));
        return false;
      }, 'all messages to come to an end');
    } catch (error) {
      waiting = (await this.rows(recipients)).filter(isUnderWay);
      throw new Error(
        `still under way: ${waiting
          .slice(0, 5)
          .map(({ to, story }) => `${to}: ${story}`)
          .join('; ')}`,
        { cause: error },
      );
    }
    return this.rows(recipients);
  }

  /** The account of a case: prints its line, and fails unless the promise was kept and the ledger balances. */
  async account(name: string, recipients: readonly string[], startedAt: number): Promise<Verdict> {
    const verdict = judge(
      name,
      recipients,
      await this.rows(recipients),
      this.client,
      this.sink,
      (performance.now() - startedAt) / 1_000,
    );
    print(verdict);
    expect({ lost: verdict.lost, duplicates: verdict.duplicates, wrong: verdict.wrong }).toEqual({
      lost: [],
      duplicates: 0,
      wrong: [],
    });
    await this.balances();
    return verdict;
  }

  /**
   * The ledger equation, as /health/mail tells it; and `accepted` is what the client was promised, give or take what it
   * never heard of.
   */
  async balances(): Promise<void> {
    const ledger = await inTime(async () => {
      const { body } = await this.web.get<{ ledger: Ledger | null }>('/health/mail');
      const [inFact] = await this.query<{ n: number }>('SELECT count(*)::int AS n FROM outbound_emails');
      if (body.ledger?.accepted === inFact!.n) return body.ledger;
      if (body.ledger && body.ledger.imbalance !== 0) throw new Error(`out of balance: ${JSON.stringify(body.ledger)}`);
      await new Promise((resolve) => setTimeout(resolve, 100)); // it is counted every 2 s
      return undefined;
    }, 'the ledger to have counted every row');
    expect(ledger.imbalance).toBe(0);
    const { accepted, unanswered } = this.client;
    expect(ledger.accepted).toBeGreaterThanOrEqual(accepted.size);
    expect(ledger.accepted).toBeLessThanOrEqual(accepted.size + unanswered.size);
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.kill()));
    await this.sink.stop();
    await this.pool.end();
  }
}
