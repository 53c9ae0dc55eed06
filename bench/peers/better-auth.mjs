/**
 * Better Auth 1.x with its plugin for codes, on Postgres, as its documentation has it: `sendVerificationOTP` sends the
 * mail within the request. It runs from the folder where `install.mjs` put it. Connections to the mail server are
 * pooled and kept, which is the best case. Limits are off, as they are for Otpost.
 */
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { emailOTP } from 'better-auth/plugins';
import nodemailer from 'nodemailer';
import pg from 'pg';

const { databaseUrl, sinkPort, pool: max } = JSON.parse(process.argv[2]);
const smtp = { pool: true, host: '127.0.0.1', port: sinkPort, ignoreTLS: true };
const transport = nodemailer.createTransport({ ...smtp, maxConnections: 32, maxMessages: Infinity });
const options = {
  baseURL: 'http://127.0.0.1',
  secret: 'a secret of more than thirty-two characters for the benchmark',
  database: new pg.Pool({ connectionString: databaseUrl, max }),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [
    emailOTP({
      sendVerificationOTP: async ({ email, otp }) => {
        const text = `Your code is ${otp}.`;
        await transport.sendMail({
          from: 'bench@example.com',
          to: email,
          subject: 'Your code',
          text,
          html: `<p>${text}</p>`,
        });
      },
    }),
  ],
};
await (await getMigrations(options)).runMigrations();
const server = createServer(toNodeHandler(betterAuth(options)));
server.listen(0, '127.0.0.1', () => process.send({ ready: `http://127.0.0.1:${server.address().port}` }));
process.on('disconnect', () => process.exit());
