/** What a record that has grown costs, and a broadcast to very many. */
import { acceptCases, countsOf } from './accept.mjs';
import { answered, Connection, get, post } from './load.mjs';
import { Otpost } from './otpost.mjs';
import { now, pause, until } from './stage.mjs';

/** What operators and back ends look at. */
const PAGES = {
  'the first page': '/v1/emails',
  'by status': '/v1/emails?status=failed',
  'by recipient': '/v1/emails?to=u7%40example.com',
  'by tag': '/v1/emails?tag=spring',
  'by a word of the subject': '/v1/emails?q=nothing',
};
const FEW = 1_000;
const LOOKS = 200;

export async function history({ stage, options, compare }) {
  const { messages, rows, smoke } = options;
  await stage.scope(async () => {
    const records = {};
    for (const count of smoke ? [rows] : [FEW, rows]) {
      const otpost = await Otpost.start(stage, { workers: 1 });
      await otpost.finished(count);
      records[`Otpost, ${count.toLocaleString('en')} finished messages`] = otpost;
    }
    const each = (run) => Object.fromEntries(Object.entries(records).map(([name, otpost]) => [name, run(otpost)]));
    const accepting = (otpost) => acceptCases['POST /v1/emails'](otpost, countsOf(options));
    await compare(
      'POST /v1/emails beside a record that has grown, 1 KB',
      // In a lane that stands still; what came in is gone before the next.
      each((otpost) => async () => {
        await otpost.pause('default');
        const figures = await accepting(otpost)();
        await otpost.db.query(`DELETE /* bench */ FROM outbound_emails WHERE status = 'queued'`);
        return figures;
      }),
    );
    await compare(
      'One worker beside a record that has grown, Redis queue',
      each((otpost) => () => otpost.deliver(messages)),
    );
    const grown = Object.values(records).at(-1);
    await compare(
      `GET /v1/emails of ${rows.toLocaleString('en')} messages, one at a time`,
      Object.fromEntries(
        Object.entries(PAGES).map(([name, path]) => [`Otpost, ${name}`, () => looks(grown, path, smoke ? 3 : LOOKS)]),
      ),
    );
  });
}

async function looks(otpost, path, count) {
  const connection = new Connection(otpost.url);
  const took = [];
  try {
    for (let look = 0; look < count; look++) {
      const askedAt = now();
      await connection.send(get(path, otpost.authorization));
      took.push(now() - askedAt);
    }
  } finally {
    connection.close();
  }
  return answered(took);
}

/** Every subscriber gets a message of their own, in a lane that stands still. */
export async function broadcast({ stage, options, compare }) {
  const people = options.smoke ? 30 : 100_000;
  await stage.scope(async () => {
    const otpost = await Otpost.start(stage, { workers: 1 });
    await otpost.pause('bulk');
    const { id: audience } = JSON.parse(await otpost.send('/v1/audiences', { name: 'bench' }));
    const lines = ['email', ...Array.from({ length: people }, (_, n) => `u${n}@example.com`)];
    const headers = { ...otpost.authorization, 'content-type': 'text/csv' };
    const connection = new Connection(otpost.url);
    const accepted = JSON.parse(
      await connection.send(post(`/v1/audiences/${audience}/import`, lines.join('\n'), headers)),
    );
    const isOver = async () => {
      const path = `/v1/audiences/${audience}/imports/${accepted.id}`;
      return JSON.parse(await connection.send(get(path, otpost.authorization))).status !== 'running';
    };
    await until(isOver, 'the import', { everyMs: 250, withinMs: 300_000 });
    connection.close();
    await compare(`A broadcast to ${people.toLocaleString('en')} subscribers becomes messages`, {
      Otpost: () => expanded(otpost, audience, people),
    });
  });
}

async function expanded(otpost, audience, people) {
  const words = { subject: 'News', text: 'What happened this week.' };
  const told = 'SELECT /* bench */ count(*)::int AS made FROM outbound_emails WHERE broadcast_id = $1';
  await pause(1_000);
  const idle = most(otpost.memory());
  const asked = now();
  const { id } = JSON.parse(await otpost.send('/v1/broadcasts', { audience, ...words }));
  let loaded = idle;
  const allAreMade = async () => {
    loaded = Math.max(loaded, most(otpost.memory()));
    return (await otpost.db.query(told, [id])).rows[0].made === people;
  };
  await until(allAreMade, 'the messages of the broadcast', { everyMs: 100, withinMs: 300_000 });
  const rate = people / ((now() - asked) / 1_000);
  await otpost.send(`/v1/broadcasts/${id}/cancel`, {});
  await otpost.db.query('DELETE /* bench */ FROM outbound_emails WHERE broadcast_id = $1', [id]);
  return { rate, idle, loaded };
}

/** Whichever process it is that makes them. */
const most = ({ web, worker }) => Math.max(web, worker);
