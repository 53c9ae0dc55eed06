import type { SMTPServerOptions } from 'smtp-server';
import type { AccountRole } from '../../../src/access/access-policy.js';
import { createDatabase, type TestDatabase } from '../database/postgres.js';
import { openChromium } from '../http/chromium.js';
import { freePort } from '../network/free-port.js';
import { SmtpSink } from '../smtp/smtp-sink.js';
import { createApiKey } from './api-key.js';
import { makeAccount, Operator } from './console.js';
import { OtpostInProcess } from './otpost-in-process.js';

interface Wanted {
  email?: string;
  role?: AccountRole;
  /** Of Operations, to which they sign in. */
  path?: string;
  sink?: Partial<SMTPServerOptions>;
  /** Given the sink's URL. */
  transports?: (url: string) => string;
  env?: Record<string, string>;
}

/**
 * A service on a database and a mail server of its own, and somebody of the staff who has signed in to its page in a
 * browser.
 */
export interface OpenOperations {
  sink: SmtpSink;
  database: TestDatabase;
  otpost: OtpostInProcess;
  chromium: Awaited<ReturnType<typeof openChromium>>;
  operator: Operator;
  /** Of the operator. */
  account: string;
  /** With the scope admin. */
  key: string;
  headers: Record<string, string>;
  send: (to: string, more?: object) => Promise<void>;
  close: () => Promise<void>;
}

export async function openOperations({
  email = 'grace@example.com',
  role = 'operator',
  path = '/operations',
  sink: options,
  transports = (url) => url,
  env,
}: Wanted = {}): Promise<OpenOperations> {
  const sink = await SmtpSink.start(options);
  const database = await createDatabase();
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const otpost = await OtpostInProcess.start({
    ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url },
    ...{ MAIL_FROM: 'Aster <no-reply@example.com>', MAIL_TRANSPORTS: transports(sink.url) },
    ...env,
  });
  const account = await makeAccount(database, email, role);
  const key = await createApiKey(database.url, ['admin']);
  const headers = { authorization: `Bearer ${key}` };
  const chromium = await openChromium();
  const operator = await Operator.open(chromium.context, url);
  await operator.signIn(path, email, sink);
  return {
    ...{ sink, database, otpost, chromium, operator, account, key, headers },
    send: async (to, more = {}) => {
      const draft = { to, subject: 'Hello', text: 'Hello', ...more };
      const { status } = await otpost.api.post('/v1/emails', draft, headers);
      expect(status).toBe(202);
    },
    close: async () => {
      await chromium.close();
      await otpost.stop();
      await database.drop();
      await sink.stop();
    },
  };
}
