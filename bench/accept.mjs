/** What it takes to be answered: mail of back ends, and codes for people. */
import { load, post } from './load.mjs';
import { newAddress, oneAtATime, ONE_KB, Otpost, POOL } from './otpost.mjs';
import { here } from './stage.mjs';

const BATCH = 1_000;
const register = (address) => post('/v1/accounts', { email: address });
const otp = (address) => post('/api/auth/email-otp/send-verification-otp', { email: address, type: 'sign-in' });

/** Requests side by side, with the processor time that one of `perRequest` messages takes. */
function flood(stage, pid, url, { requests, connections, perRequest = 1, requestOf }) {
  return async () => {
    const work = () => load(url, { requests, connections, requestOf });
    const { result, cpu, postgres } = await stage.processorTime([pid], work);
    const messages = requests * perRequest;
    return { ...result, rate: result.rate * perRequest, cpu: cpu / messages, postgres: postgres / messages };
  };
}

/** The cases that two builds of Otpost are compared by, too. */
export const acceptCases = {
  'POST /v1/emails': (otpost, { requests, connections }) =>
    flood(otpost.stage, otpost.web, otpost.url, {
      ...{ requests, connections },
      requestOf: () => otpost.request('/v1/emails', { to: newAddress(), ...ONE_KB }),
    }),
  'POST /v1/emails/batch': (otpost, { batches, batch }) =>
    flood(otpost.stage, otpost.web, otpost.url, {
      ...{ requests: batches, connections: 1, perRequest: batch },
      requestOf: () => otpost.request('/v1/emails/batch', manyOf(batch)),
    }),
  'POST /v1/accounts': (otpost, { requests, connections }) =>
    flood(otpost.stage, otpost.web, otpost.url, { requests, connections, requestOf: () => register(newAddress()) }),
};

const manyOf = (count) => Array.from({ length: count }, () => ({ to: newAddress(), ...ONE_KB }));

export function countsOf({ requests, smoke }) {
  return { requests, connections: smoke ? 4 : 32, batches: smoke ? 1 : 10, batch: smoke ? 20 : BATCH };
}

export async function accept(bench) {
  const { stage, options } = bench;
  const counts = countsOf(options);
  const { requests, connections, batches, batch } = counts;
  await stage.scope(async () => {
    const { url: databaseUrl } = await stage.database();
    const config = JSON.stringify({ databaseUrl, pool: POOL });
    const { child, ready: url } = await stage.fork(here('peers/node-peers.mjs'), ['bareFastify', config]);
    const bare = (more) => flood(stage, child.pid, url, { requests, connections, ...more });
    const otpost = await Otpost.start(stage);
    const better = await startBetterAuth(bench);
    const own = (name) => acceptCases[name](otpost, counts);

    await bench.compare(`POST /v1/emails, 1 KB, ${connections} connections`, {
      'Fastify and one insert': bare({ requestOf: () => post('/mails', { to: newAddress(), ...ONE_KB }) }),
      Otpost: own('POST /v1/emails'),
    });
    const many = {
      requests: batches,
      connections: 1,
      perRequest: batch,
      requestOf: () => post('/batch', manyOf(batch)),
    };
    await bench.compare(`POST /v1/emails/batch, ${batch} messages of 1 KB a request, one connection`, {
      'Fastify and INSERT … unnest': bare(many),
      Otpost: own('POST /v1/emails/batch'),
    });
    await bench.compare(`POST /v1/accounts, ${connections} connections (of Better Auth with its mail)`, {
      'Fastify and one insert': bare({ requestOf: () => post('/accounts', { email: newAddress() }) }),
      ...(better && {
        'Better Auth': flood(stage, better.child.pid, better.ready, {
          requests,
          connections,
          requestOf: () => otp(newAddress()),
        }),
      }),
      Otpost: own('POST /v1/accounts'),
    });
  });
  await stage.scope(async () => {
    const otpost = await Otpost.start(stage, { workers: 1 });
    const better = await startBetterAuth(bench);
    for (const [what, delayMs, asked] of [
      ['at once', 0, Math.ceil(requests / 15)],
      ['after 200 ms a reply', 200, options.smoke ? 1 : 10],
    ]) {
      await bench.compare(`A code, one at a time, mail server that answers ${what}`, {
        ...(better && {
          'Better Auth': () => oneAtATime(stage, better.ready, { requests: asked, requestOf: otp, delayMs }),
        }),
        Otpost: () => oneAtATime(stage, otpost.url, { requests: asked, requestOf: register, delayMs }),
      });
    }
  });
}

async function startBetterAuth({ stage, peers }) {
  if (!peers.betterAuth?.file) return undefined;
  const { url: databaseUrl } = await stage.database();
  const config = JSON.stringify({ databaseUrl, pool: POOL, sinkPort: stage.sinkPort });
  return stage.fork(peers.betterAuth.file, [config], { env: { ...process.env, NODE_ENV: 'production' } });
}
