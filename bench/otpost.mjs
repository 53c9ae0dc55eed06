/** A deployment of Otpost on a database of its own: the built service, configured and not patched. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { answered, arrived, Connection, load, post } from './load.mjs';
import { memoryOf, now, pause, ROOT, until } from './stage.mjs';

const SECRET = 'a secret of more than thirty-two characters for the benchmark';
/** Messages of one request that fills the outbox. */
const BATCH = 200;
export const POOL = 10;

const LINE = 'A line of a message that is eight kilobytes long. ';
/** 4 KB of text and 4 KB of HTML. */
export const EIGHT_KB = { subject: 'Bench', text: `${LINE.repeat(80)}\n`, html: `<p>${LINE.repeat(80)}</p>` };
export const ONE_KB = { subject: 'Bench', text: `${LINE.repeat(10)}\n`, html: `<p>${LINE.repeat(10)}</p>` };

const SCOPES = ['emails:send', 'emails:read', 'audiences'];
const LIMITS = ['DESTINATION', 'IP', 'IP_DESTINATIONS', 'PUBLIC_MAIL', 'KEY'];

/** A production of its own, on the loopback. */
function environment(databaseUrl) {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    APP_URL: 'http://127.0.0.1:3000',
    APP_SECRET: SECRET,
    DATABASE_URL: databaseUrl,
    MAIL_FROM: 'Bench <bench@example.com>',
    MAIL_TRANSPORTS: 'smtp://127.0.0.1:25',
  };
}

let addresses = 0;
/** With what {@link newAddress} begins. */
export const NEW = 'new.';
export const newAddress = () => `${NEW}${++addresses}.${process.pid}@example.com`;

export class Otpost {
  workers = [];

  constructor(stage, parts) {
    Object.assign(this, { stage, ...parts });
  }

  /** Once for each build, before it is started: what the databases of its deployments are copied from. */
  static async prepare(stage, build = ROOT) {
    const { name, url, client } = await stage.database();
    const cli = async (...args) => {
      const options = { cwd: build, env: environment(url) };
      return (await promisify(execFile)(process.execPath, [join(build, 'dist/cli.js'), ...args], options)).stdout;
    };
    await cli('migrate');
    const key = (
      await cli('keys', 'create', '--name', 'bench', ...SCOPES.flatMap((scope) => ['--scope', scope]))
    ).trim();
    await client.end(); // Postgres copies what nobody is connected to
    (stage.templates ??= {})[build] = { template: name, key };
  }

  /**
   * @param redis whether the queue runs on Redis, or on Postgres
   * @param workers how many of them run beside the web process
   * @param connections of a worker to the mail server, in the default and the bulk lane
   * @param smtpPort where the web process takes mail in by SMTP
   * @param build the folder of another build than this one
   * @returns in a smoke run, `stage.only` for all
   */
  static async start(stage, { redis = true, workers = 0, connections = 16, smtpPort, build = ROOT } = {}) {
    if (stage.only) return stage.only;
    const { template, key } = stage.templates[build];
    const database = await stage.database(template);
    await database.client.query('UPDATE deployment SET id = gen_random_uuid()'); // its name in Redis
    const env = {
      ...environment(database.url),
      DATABASE_POOL: String(POOL),
      MAIL_TRANSPORTS: `smtp://127.0.0.1:${stage.sinkPort}`,
      WORKER_CONCURRENCY: `default:${connections},bulk:${connections}`,
      OUTBOX_RESCUE: 'off',
      ...Object.fromEntries(LIMITS.map((name) => [`LIMIT_${name}`, 'off'])),
      ...(redis && { REDIS_URL: stage.redisUrl }),
      ...(smtpPort && { SMTP_LISTEN: `127.0.0.1:${smtpPort}` }),
    };
    const otpost = new Otpost(stage, { build, env, key, smtpPort, db: database.client });
    const web = await otpost.#run('web');
    otpost.web = web.pid;
    otpost.url = /"url":"(http:[^"]+)"/.exec(web.ready)[1];
    for (let count = 0; count < workers; count++) await otpost.addWorker();
    return otpost;
  }

  async addWorker() {
    this.workers.push((await this.#run('worker')).pid);
  }

  async #run(role) {
    const options = { cwd: this.build, env: { ...this.env, ROLE: role } };
    const { child, pid, output } = await this.stage.spawn(
      process.execPath,
      [join(this.build, 'dist/main.js')],
      options,
    );
    const ready = await until(() => {
      if (child.exitCode !== null) throw new Error(`the ${role} process ended:\n${output()}`);
      return output()
        .split('\n')
        .find((line) => line.includes('"msg":"ready"'));
    }, `the ${role} process`);
    return { pid, ready };
  }

  /** As `otpost queue pause` does. */
  async pause(lane) {
    await this.db.query('INSERT /* bench */ INTO lane_pauses (lane) VALUES ($1) ON CONFLICT DO NOTHING', [lane]);
  }

  /** As `otpost queue resume` does; workers look again within two seconds. */
  async resume(lane) {
    await this.db.query('DELETE /* bench */ FROM lane_pauses WHERE lane = $1', [lane]);
  }

  get authorization() {
    return { authorization: `Bearer ${this.key}` };
  }

  request(path, body) {
    return post(path, body, this.authorization);
  }

  /** The body of what the API answers. */
  async send(path, body) {
    const connection = new Connection(this.url);
    try {
      return await connection.send(this.request(path, body));
    } finally {
      connection.close();
    }
  }

  /** So many messages that wait, by the API, in a lane that is paused. */
  async fill(count, { lane = 'default', message = EIGHT_KB } = {}) {
    await this.pause(lane);
    const requests = Math.ceil(count / BATCH);
    const requestOf = (index) => {
      const some = Math.min(BATCH, count - index * BATCH);
      const one = { to: 'ada@example.com', lane, ...message };
      return this.request('/v1/emails/batch', Array(some).fill(one));
    };
    await load(this.url, { requests, connections: 1, requestOf });
  }

  /** Lets the lane go; resolves when `count` messages are at the sink and written down, with what the sink saw. */
  async drain(count, lane = 'default') {
    const seen = this.stage.sinkSaw(count);
    await this.resume(lane);
    const saw = await seen;
    const waiting = `SELECT /* bench */ 1 FROM outbound_emails WHERE status IN ('queued', 'sending', 'deferred') LIMIT 1`;
    await until(async () => (await this.db.query(waiting)).rows.length === 0, 'the record to be written');
    return saw;
  }

  /** How fast, and at what cost, so many waiting messages are handed over. */
  async deliver(count, { delayMs = 0 } = {}) {
    await this.stage.resetSink({ delayMs });
    await this.fill(count);
    const { result, cpu, postgres } = await this.stage.processorTime(this.workers, () => this.drain(count));
    return { rate: rateOf(result), cpu: cpu / count, postgres: postgres / count };
  }

  /** As a worker that has done much has them: messages that are over, in the shape in which they stay. */
  async finished(rows) {
    for (let made = 0; made < rows; made += CHUNK) await this.db.query(FINISHED, [made, Math.min(rows, made + CHUNK)]);
    await this.db.query('VACUUM ANALYZE');
  }

  async bulkIsGone() {
    const waiting = `SELECT 1 FROM outbound_emails WHERE lane = 'bulk' AND status IN ('queued', 'sending', 'deferred') LIMIT 1`;
    await until(async () => (await this.db.query(waiting)).rows.length === 0, 'the bulk mail to be sent', {
      everyMs: 100,
    });
  }

  async sent() {
    return (await this.db.query(`SELECT count(*)::int AS sent FROM outbound_emails WHERE status = 'sent'`)).rows[0]
      .sent;
  }

  /** MiB of the web process and of a worker. */
  memory() {
    return { web: memoryOf(this.web), worker: memoryOf(this.workers[0]) };
  }
}

/** Messages a second, from the first MAIL to the last that was taken, by the clock of the sink. */
export function rateOf({ count, first, last }) {
  return count / ((last - first) / 1_000);
}

/**
 * Asks for codes, one after the other, at a server that nothing else is asked of.
 * @param requestOf the request for an address
 * @returns `{ p50, p99, code50, code95, code99 }` in milliseconds: until the answer, and until the code is at the sink
 */
export async function oneAtATime(stage, url, { requests, requestOf, delayMs = 0 }) {
  await stage.resetSink({ delayMs, names: NEW });
  const connection = new Connection(url);
  const [answers, codes] = [[], []];
  try {
    for (let count = 0; count < requests; count++) {
      const address = newAddress();
      const arrival = stage.mailFor(address);
      const askedAt = now();
      await connection.send(requestOf(address));
      answers.push(now() - askedAt);
      codes.push((await arrival) - askedAt);
      await pause(5); // what is written down after it is not a part of the next
    }
  } finally {
    connection.close();
  }
  return { ...answered(answers), ...arrived(codes) };
}

/** Rows in one statement: what its triggers hold at a time. */
export const CHUNK = 100_000;

/**
 * One in a thousand failed; a hundred to each recipient, one in twenty with a tag. Over the last 30 days, the oldest
 * first.
 */
const FINISHED = `
  WITH made AS (
    INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, attempts,
      max_attempts, message_id, subject, tags, transport, last_error_code, last_reply, created_at, sent_at)
    SELECT (lpad(to_hex((1000 * extract(epoch FROM at))::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
      'default', (CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'sent' END)::email_status, 'bench@example.com', address, address, 'en', 'k',
      false, 1, 8, '<' || n || '@example.com>', 'Bench', CASE WHEN n % 20 = 0 THEN ARRAY['spring'] ELSE '{}' END, 'smtp',
      CASE WHEN n % 1000 = 0 THEN 'smtp_550' END, CASE WHEN n % 1000 = 0 THEN '550 no such user' ELSE '250 2.0.0 taken' END,
      at, CASE WHEN n % 1000 > 0 THEN at END
    FROM generate_series($1::int + 1, $2::int) n
    CROSS JOIN LATERAL (SELECT now() - interval '30 days' + n * interval '1 second' AS at, 'u' || n / 100 || '@example.com' AS address) AS one
    RETURNING id, status
  ), counted AS (
    INSERT INTO ledger_deltas (status, delta) SELECT 'accepted', count(*) FROM made
  )
  INSERT INTO email_events (email_id, status, attempt)
  SELECT id, unnest(ARRAY['queued', 'sending', status]), 1 FROM made`;
