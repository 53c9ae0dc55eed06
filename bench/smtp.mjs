/** Mail of back ends by SMTP, beside the same mail by HTTP. */
import { createServer } from 'node:net';
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';
import { load } from './load.mjs';
import { newAddress, ONE_KB, Otpost } from './otpost.mjs';

const FROM = 'bench@example.com';

/** Nobody listens there at this moment. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** As a program writes it: the same words as those by HTTP. */
function mimeTo(address) {
  const { subject, text } = ONE_KB;
  const fields = [`From: Bench <${FROM}>`, `To: ${address}`, `Subject: ${subject}`, `Message-ID: <${address}>`];
  return Buffer.from(
    [...fields, 'Content-Type: text/plain; charset=utf-8', '', text.repeat(2).trimEnd(), '']
      .join('\r\n')
      .replaceAll(/\r?\n/g, '\r\n'),
  );
}

async function connect(port, key) {
  const connection = new SMTPConnection({ host: '127.0.0.1', port, ignoreTLS: true });
  await new Promise((resolve, reject) => {
    connection.once('error', reject);
    connection.connect(() =>
      connection.login({ credentials: { user: 'bench', pass: key } }, (error) => (error ? reject(error) : resolve())),
    );
  });
  return connection;
}

/** @returns messages a second, with connections that are open already, as those of a program that runs */
async function flood(port, key, { messages, connections }) {
  const open = await Promise.all(Array.from({ length: connections }, () => connect(port, key)));
  let left = messages;
  const started = performance.now();
  await Promise.all(
    open.map(async (connection) => {
      while (left-- > 0) {
        const to = newAddress();
        await new Promise((resolve, reject) =>
          connection.send({ from: FROM, to }, mimeTo(to), (error) => (error ? reject(error) : resolve())),
        );
      }
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  for (const connection of open) connection.quit();
  return messages / seconds;
}

export async function smtp({ stage, options, compare }) {
  const { requests, smoke } = options;
  const connections = smoke ? 4 : 16;
  await stage.scope(async () => {
    const otpost = await Otpost.start(stage, { smtpPort: await freePort() });
    const measured = async (work) => {
      const { result: rate, cpu, postgres } = await stage.processorTime([otpost.web], work);
      return { rate, cpu: cpu / requests, postgres: postgres / requests };
    };
    await compare(`Mail of back ends, 1 KB, ${connections} connections`, {
      'POST /v1/emails': () =>
        measured(async () => {
          const requestOf = () => otpost.request('/v1/emails', { to: newAddress(), ...ONE_KB });
          return (await load(otpost.url, { requests, connections, requestOf })).rate;
        }),
      'SMTP submission': () => measured(() => flood(otpost.smtpPort, otpost.key, { messages: requests, connections })),
    });
  });
}
