/** What else a deployment is judged by: memory, what a message costs, and a large backlog. */
import { acceptCases, countsOf } from './accept.mjs';
import { codesUntil, register } from './codes.mjs';
import { load } from './load.mjs';
import { CHUNK, EIGHT_KB, newAddress, NEW, ONE_KB, Otpost } from './otpost.mjs';
import { now, pause } from './stage.mjs';

const SIDE_BY_SIDE = 32;

export async function memory({ stage, options, compare }) {
  const { messages, requests } = options;
  const round = () =>
    stage.scope(async () => {
      const otpost = await Otpost.start(stage, { workers: 1 });
      await pause(options.smoke ? 0 : 5_000); // what a start leaves is collected
      const idle = otpost.memory();
      const most = { ...idle };
      const sample = setInterval(() => {
        const seen = otpost.memory();
        for (const name of Object.keys(most)) most[name] = Math.max(most[name], seen[name]);
      }, 100);
      await stage.resetSink();
      await otpost.fill(messages);
      const requestOf = () => otpost.request('/v1/emails', { to: newAddress(), ...ONE_KB });
      await Promise.all([
        load(otpost.url, { requests, connections: SIDE_BY_SIDE, requestOf }),
        otpost.drain(messages + requests),
      ]);
      clearInterval(sample);
      return Object.fromEntries(Object.keys(idle).map((name) => [name, { idle: idle[name], loaded: most[name] }]));
    });
  let last;
  await compare(
    'Memory (PSS): 5 s after the start, and the most while 32 connections hand in mail and a worker delivers',
    {
      'web process': async () => (last = await round()).web,
      worker: async () => last.worker,
    },
  );
}

/** What Postgres has done and keeps, for what happens meanwhile. */
async function footprint({ stage, db, web, workers }, messages, work) {
  const look = async () => {
    const { rows } = await db.query(`
      SELECT /* bench */ pg_current_wal_lsn() - '0/0' AS wal,
        (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS transactions,
        (SELECT sum(calls) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
          WHERE d.datname = current_database() AND query NOT LIKE '%/* bench */%') AS statements,
        sum(pg_table_size(oid)) AS tables, sum(pg_indexes_size(oid)) AS indexes
      FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`);
    return Object.entries(rows[0]).map(([name, value]) => [name, Number(value)]);
  };
  const before = Object.fromEntries(await look());
  const { cpu, postgres } = await stage.processorTime([web, ...workers], work);
  await pause(1_100); // until each session has told pg_stat_database of its last transaction
  const after = Object.fromEntries((await look()).map(([name, value]) => [name, (value - before[name]) / messages]));
  return { ...after, cpu: cpu / messages, postgres: postgres / messages };
}

export async function cost({ stage, options, compare }) {
  const { messages } = options;
  const { batches, batch } = countsOf(options);
  await stage.scope(async () => {
    // Nothing is removed in between: room that is free again would hide what is written.
    const accepting = await Otpost.start(stage);
    const otpost = await Otpost.start(stage, { workers: 1 });
    for (const { db } of [accepting, otpost]) await db.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
    const of = (deployment, count, work) => async () => {
      await stage.resetSink();
      await deployment.db.query('VACUUM /* bench */');
      return footprint(deployment, count, work);
    };
    const requestOf = () => accepting.request('/v1/emails', { to: newAddress(), ...EIGHT_KB });
    const one = { requests: messages, connections: SIDE_BY_SIDE, requestOf };
    const many = acceptCases['POST /v1/emails/batch'](accepting, { batches, batch });
    await compare('What a message costs: 8 KB each, but 1 KB in the batch; one worker, Redis queue', {
      'accepted, one a request': of(accepting, messages, () => load(accepting.url, one)),
      [`accepted, ${batch} a request`]: of(accepting, batches * batch, many),
      delivered: async () => {
        await otpost.fill(messages);
        const figures = await of(otpost, messages, () => otpost.drain(messages))();
        await otpost.pause('default');
        return figures;
      },
      'a code, from the request to the sink': of(otpost, messages, async () => {
        const seen = stage.sinkSaw(messages);
        const asked = { requests: messages, connections: 8, requestOf: () => register(newAddress()) };
        await load(otpost.url, asked);
        await seen;
      }),
    });
  });
}

/**
 * Only by its name: several workers before a great many messages that wait. Rows as the service writes them, by SQL.
 */
export async function backlog({ stage, options, compare }) {
  const { rows, workers, seconds } = options;
  await stage.scope(async () => {
    const otpost = await Otpost.start(stage, { workers });
    await otpost.pause('default');
    const words = { to: 'Ada <ada@example.com>', lane: 'default', ...EIGHT_KB };
    // With a name it is stored apart, where rows may share it.
    await load(otpost.url, { requests: 1, connections: 1, requestOf: () => otpost.request('/v1/emails', words) });
    const begun = now();
    for (let made = 0; made < rows; made += CHUNK) {
      await otpost.db.query(FILL, [made, Math.min(rows, made + CHUNK)]);
    }
    console.log(`${rows.toLocaleString('en')} rows written in ${((now() - begun) / 1_000).toFixed(0)} s`);
    await otpost.db.query('VACUUM ANALYZE');
    await compare(`${workers} workers, ${rows.toLocaleString('en')} messages waiting, for ${seconds} s`, {
      Otpost: async () => {
        await stage.resetSink({ names: NEW });
        const count = await otpost.sent();
        const [from, over] = [now(), pause(seconds * 1_000)];
        const { result: took, ...time } = await stage.processorTime(otpost.workers, async () => {
          await otpost.resume('default');
          return codesUntil(otpost, over);
        });
        const sent = (await otpost.sent()) - count;
        const rate = sent / ((now() - from) / 1_000);
        await otpost.pause('default');
        return { rate, ...took, cpu: time.cpu / sent, postgres: time.postgres / sent };
      },
    });
  });
}

const FILL = `
  WITH like_it AS (SELECT * FROM outbound_emails WHERE content_id IS NOT NULL LIMIT 1), made AS (
    INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id,
      content_id, secret, subject, max_attempts, message_id, api_key_id)
    SELECT fresh.id, lane, 'queued', from_address, address, address, locale, sealed_variables, seal_key_id, content_id, secret, subject,
      max_attempts, '<' || fresh.id || '@example.com>', api_key_id
    FROM like_it, (SELECT (lpad(to_hex((1000 * extract(epoch FROM now()))::bigint), 12, '0') || '70008000'
      || lpad(to_hex(n), 12, '0'))::uuid AS id, 'u' || n || '@example.com' AS address
      FROM generate_series($1::int + 1, $2::int) n) fresh
    RETURNING id
  ), counted AS (
    INSERT INTO ledger_deltas (status, delta) SELECT 'accepted', count(*) FROM made
  )
  INSERT INTO email_events (email_id, status, attempt) SELECT id, 'queued', 0 FROM made`;
