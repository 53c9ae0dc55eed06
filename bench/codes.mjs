/** How soon a code is at the mail server: alone, beside other mail, and when everybody asks at once. */
import { answered, arrived, Connection, post } from './load.mjs';
import { newAddress, NEW, oneAtATime, Otpost } from './otpost.mjs';
import { now, pause } from './stage.mjs';

export const register = (address) => post('/v1/accounts', { email: address });
const CODE_EVERY_MS = 50;
/** Seconds in which all ask that ask at once, and on how many connections. */
const RUSH = { seconds: 10, connections: 500 };

/** Codes at a steady pace, whatever becomes of them, until `over`. Milliseconds until each is at the sink. */
export async function codesUntil(otpost, over) {
  let isOver = false;
  void over.finally(() => (isOver = true)).catch(() => undefined); // whoever called waits for it
  const connection = new Connection(otpost.url);
  const codes = [];
  let due = now();
  do {
    const address = newAddress();
    const arrival = otpost.stage.mailFor(address);
    const askedAt = now();
    codes.push(arrival.then((at) => at - askedAt));
    await connection.send(register(address));
    due = Math.max(due + CODE_EVERY_MS, now());
    await pause(due - now());
  } while (!isOver);
  const took = await Promise.all(codes);
  connection.close();
  return arrived(took);
}

/** A broadcast to so many, at 50 a minute: it goes on until it is cancelled. */
async function slowBroadcast(otpost, people) {
  const audience = JSON.parse(await otpost.send('/v1/audiences', { name: `bench ${newAddress()}` })).id;
  for (let number = 0; number < people; number++) {
    await otpost.send(`/v1/audiences/${audience}/subscribers`, { email: `u${number}@example.com` });
  }
  const words = { subject: 'A lead', text: 'A VW Golf, 2019.' };
  const { id } = JSON.parse(await otpost.send('/v1/broadcasts', { audience, rate: '50/min', ...words }));
  return {
    sent: async () => {
      const told = `SELECT /* bench */ count(*)::int AS sent FROM outbound_emails WHERE broadcast_id = $1 AND status = 'sent'`;
      return (await otpost.db.query(told, [id])).rows[0].sent;
    },
    cancel: () => otpost.send(`/v1/broadcasts/${id}/cancel`, {}),
  };
}

/** So many people within {@link RUSH.seconds}, each once, whether those before have been answered or not. */
async function rush(otpost, people, seconds) {
  await otpost.stage.resetSink({ names: NEW });
  const idle = Array.from({ length: Math.min(people, RUSH.connections) }, () => new Connection(otpost.url));
  const all = [...idle];
  const waiting = [];
  const [answers, codes] = [[], []];
  const free = (connection) => waiting.shift()?.(connection) ?? void idle.push(connection);
  const ask = async () => {
    const address = newAddress();
    const arrival = otpost.stage.mailFor(address);
    const askedAt = now();
    const connection = idle.pop() ?? (await new Promise((resolve) => waiting.push(resolve)));
    await connection.send(register(address));
    free(connection);
    answers.push(now() - askedAt);
    codes.push((await arrival) - askedAt);
  };
  const begun = now();
  const asked = [];
  for (let number = 0; number < people; number++) {
    const early = begun + (number * seconds * 1_000) / people - now();
    if (early > 1) await pause(early);
    asked.push(ask());
  }
  await Promise.all(asked).finally(() => all.forEach((connection) => connection.close()));
  const refused = all.reduce((count, connection) => count + connection.refused, 0);
  const most = Math.max(...answers);
  return {
    ...answered(answers),
    most,
    ...arrived(codes),
    ...(refused && { refused }),
  };
}

export async function codes({ stage, options, compare }) {
  const { messages, requests, seconds, smoke } = options;
  await stage.scope(async () => {
    const otpost = await Otpost.start(stage, { workers: 1 });
    await compare('A code at the sink, one worker, mail server that answers at once', {
      'Otpost, nothing else to do': async () => {
        const { code50, code95, code99 } = await oneAtATime(stage, otpost.url, {
          requests: Math.ceil(requests / 15),
          requestOf: register,
        });
        return { code50, code95, code99 };
      },
      'Otpost, beside a broadcast at 50 a minute': async () => {
        const broadcast = await slowBroadcast(otpost, smoke ? 60 : 200);
        await stage.resetSink({ names: NEW });
        const [before, from] = [await broadcast.sent(), now()];
        const took = await codesUntil(otpost, pause(seconds * 1_000));
        const rate = ((await broadcast.sent()) - before) / ((now() - from) / 1_000);
        await broadcast.cancel();
        return { ...took, rate };
      },
      'Otpost, while bulk mail drains': async () => {
        await stage.resetSink({ names: NEW });
        await otpost.fill(messages, { lane: 'bulk' });
        const begun = now();
        const drained = otpost.resume('bulk').then(() => otpost.bulkIsGone());
        const took = await codesUntil(otpost, drained);
        await drained;
        return { ...took, rate: messages / ((now() - begun) / 1_000) };
      },
    });
    const [people, within] = smoke ? [30, 1] : [5_000, RUSH.seconds];
    await compare(`${people.toLocaleString('en')} people ask for a code within ${within} s`, {
      Otpost: () => rush(otpost, people, within),
    });
  });
}
