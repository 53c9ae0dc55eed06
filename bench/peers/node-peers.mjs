/**
 * Peers of Node, each in a process of its own: `fork('bench/peers/node-peers.mjs', [NAME, OPTIONS as JSON])`.
 * Tells `{ ready }`; `{ run: … }` is answered with `{ done: true }`, once all of it is done.
 */
import { randomUUID } from 'node:crypto';
import { Queue, Worker } from 'bullmq';
import Fastify from 'fastify';
import nodemailer from 'nodemailer';
import pg from 'pg';

const letter = ({ subject, text, html }, to = 'ada@example.com') => ({
  from: 'bench@example.com',
  to,
  subject,
  text,
  html,
});

function pool({ sinkPort, connections }) {
  const options = { pool: true, host: '127.0.0.1', port: sinkPort, ignoreTLS: true };
  return nodemailer.createTransport({ ...options, maxConnections: connections, maxMessages: Infinity, maxRequeues: 0 });
}

/** The ceiling: a process that has nothing to do but to send. */
function rawNodemailer(options) {
  const transport = pool(options);
  const run = ({ messages, message }) =>
    Promise.all(Array.from({ length: messages }, () => transport.sendMail(letter(message))));
  return { run };
}

/** One job a message, nothing recorded: what a queue without an outbox does. `fill` comes before `run`. */
function bareBullMq(options) {
  const transport = pool(options);
  const { hostname, port } = new URL(options.redisUrl);
  const connection = { host: hostname, port: Number(port || 6379), maxRetriesPerRequest: null };
  const name = `bench-${randomUUID()}`;
  const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } });
  return {
    fill: ({ messages, message }) =>
      queue.addBulk(Array.from({ length: messages }, () => ({ name: 'mail', data: letter(message) }))),
    run: async ({ messages }) => {
      let done = 0;
      const work = { connection, concurrency: options.connections };
      const worker = new Worker(name, (job) => transport.sendMail(job.data), work);
      await new Promise((resolve) => worker.on('completed', () => ++done === messages && resolve()));
      await worker.close();
    },
  };
}

/** What a back end does that only wants the mail in a table: one insert, no checks. */
async function bareFastify({ databaseUrl, pool: max }) {
  const db = new pg.Pool({ connectionString: databaseUrl, max });
  await db.query(
    'CREATE TABLE mails (id uuid PRIMARY KEY, recipient text NOT NULL, content jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())',
  );
  await db.query(
    'CREATE TABLE asked (id uuid PRIMARY KEY, email text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())',
  );
  const app = Fastify({ bodyLimit: 64 * 1024 * 1024 });
  app.post('/mails', async ({ body: { to, ...content } }, reply) => {
    const id = randomUUID();
    const text = 'INSERT INTO mails (id, recipient, content) VALUES ($1, $2, $3)';
    await db.query({ name: 'mail', text, values: [id, to, content] });
    return reply.code(202).send({ id });
  });
  app.post('/batch', async ({ body }, reply) => {
    const ids = body.map(() => randomUUID());
    const text = 'INSERT INTO mails (id, recipient, content) SELECT * FROM unnest($1::uuid[], $2::text[], $3::jsonb[])';
    const values = [ids, body.map(({ to }) => to), body.map(({ to: _, ...content }) => JSON.stringify(content))];
    await db.query({ name: 'batch', text, values });
    return reply.code(202).send({ items: ids.map((id) => ({ id })) });
  });
  app.post('/accounts', async ({ body: { email } }, reply) => {
    const id = randomUUID();
    await db.query({ name: 'asked', text: 'INSERT INTO asked (id, email) VALUES ($1, $2)', values: [id, email] });
    return reply.code(202).send({ id });
  });
  return { ready: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

const PEERS = { rawNodemailer, bareBullMq, bareFastify };

const peer = await PEERS[process.argv[2]](JSON.parse(process.argv[3]));
process.on('message', (message) => {
  const [[what, values]] = Object.entries(message);
  peer[what](values).then(
    () => process.send({ done: true }),
    (error) => process.send({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit());
process.send({ ready: peer.ready ?? true });
