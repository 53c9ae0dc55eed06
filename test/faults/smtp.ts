import nodemailer from 'nodemailer';
import { FaultDeployment } from '../support/faults/fault-deployment.js';
import { inTime, sized, WITHIN_MS } from '../support/faults/fault-form.js';
import { FaultPostgres } from '../support/faults/fault-postgres.js';
import { freePort } from '../support/network/free-port.js';
import { inTurn, type Story } from '../support/signals/side-by-side.js';
import { concurrentWhere } from '../support/signals/where.js';
import { HAS_POSTFIX, Postfix } from '../support/smtp/postfix.js';

const FROM = 'shop@example.com';

/** A queue that insists: the same bytes, whatever became of the time before. Answers the reply that took it. */
async function insist(port: number, key: string, to: string): Promise<string> {
  const auth = { user: 'shop', pass: key };
  const message = { from: FROM, to, subject: `For ${to}`, text: 'Once.', messageId: `<${to}.${FROM}>` };
  return inTime(async () => {
    const transport = nodemailer.createTransport({ host: '127.0.0.1', port, auth, ignoreTLS: true });
    try {
      return (await transport.sendMail(message)).response;
    } finally {
      transport.close();
    }
  }, `${to} to be taken`);
}

function doorOn(port: number): Record<string, string> {
  return { MAIL_FROM: `Shop <${FROM}>`, SMTP_LISTEN: `127.0.0.1:${port}` };
}

/** A program that sends by SMTP, and the process dies under it. */
export function smtpClients(postgres: () => FaultPostgres): Story[] {
  let deployment: FaultDeployment;
  const story = inTurn(
    'a service that takes mail in by SMTP',
    async () => {
      deployment = await FaultDeployment.start(postgres());
      await deployment.spawn('worker');
    },
    { withinMs: WITHIN_MS },
  );
  afterAll(() => deployment?.stop());

  return [
    story('and dies between the commit and its 250 has the message once, under the id that it then says', async () => {
      const startedAt = performance.now();
      const env = doorOn(await freePort());
      const port = Number(env['SMTP_LISTEN']!.split(':')[1]);
      const sent: string[] = [];
      for (let n = 1; n <= sized(3, 50); n++) {
        const dying = await deployment.spawn('web', { env, stopAt: { point: 'accepted', nth: 1 } });
        const to = `smtp-killed-${n}@example.com`;
        sent.push(to);
        const answer = insist(port, deployment.client.key, to);
        await inTime(() => dying.stopped, 'the process to stand between the commit and its answer');
        await dying.kill();
        const alive = await deployment.spawn('web', { env });
        const [row, ...others] = await deployment.rows([to]);
        expect([await answer, others]).toEqual([`250 2.0.0 Ok: queued as ${row!.id}`, []]);
        deployment.client.accepted.add(to);
        await alive.kill();
      }
      await deployment.settled(sent);
      await deployment.account('web process killed between DATA and its 250', sent, startedAt);
    }),
  ];
}

/** Postfix is the client, and Postgres is away. */
export function queuedMeanwhile(): Story[] {
  let postgres: FaultPostgres;
  let deployment: FaultDeployment;
  let postfix: Postfix;
  const story = inTurn(
    'a service behind Postfix',
    async () => {
      postgres = await FaultPostgres.start();
      const port = await freePort();
      deployment = await FaultDeployment.start(postgres, { role: 'all', env: doorOn(port) });
      postfix = await Postfix.start({ port, key: deployment.client.key });
    },
    { test: concurrentWhere(HAS_POSTFIX), withinMs: WITHIN_MS },
  );
  afterAll(async () => {
    await postfix?.stop();
    await deployment?.stop();
    await postgres?.remove();
  });

  return [
    story('that is without Postgres for a while leaves the mail in the queue of Postfix, which brings it', async () => {
      const startedAt = performance.now();
      await postgres.stop('immediate');
      const sent = Array.from({ length: sized(5, 100) }, (_, n) => `smtp-queued-${n}@example.com`);
      for (const to of sent) await postfix.take(`From: ${FROM}\nTo: ${to}\nSubject: Later\n\nLater.\n`, FROM, [to]);
      const isToldToWait = async () => /status=deferred .*45[14] 4\.[37]\.0/.test(await postfix.log());
      await inTime(isToldToWait, 'Postfix to be told to wait');
      await postgres.start();
      const handedOver = async () => (await postfix.log()).match(/status=sent/g)?.length === sent.length;
      await inTime(handedOver, 'Postfix to have handed all over');
      for (const to of sent) deployment.client.accepted.add(to);
      await deployment.settled(sent);
      await deployment.account('Postgres away, mail in the queue of Postfix', sent, startedAt);
    }),
  ];
}
