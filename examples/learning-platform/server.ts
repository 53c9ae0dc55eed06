import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { Otpost, Problem } from 'otpost';
import { certificatePdf } from './certificate.ts';
import { PlatformMail, type Student } from './mail.ts';

const otpost = new Otpost({
  baseUrl: process.env['OTPOST_URL'] ?? 'http://localhost:3000',
  apiKey: process.env['OTPOST_API_KEY']!,
});
const mail = new PlatformMail(otpost, process.env['SITE_URL'] ?? 'https://lms.example.com');
const port = Number(process.env['PORT'] ?? 4001);

type Body = Student & Record<string, string> & { to: string & string[] };

/** What the platform does, and the mail of it. Who may call it is yours to say. */
const routes: Record<string, (body: Body) => Promise<object>> = {
  'POST /students': async (student) => ({
    welcome: await mail.welcome(student),
    verification: await mail.code(student.email, 'verify-email'),
  }),
  'POST /students/verified': async ({ id, code }) => ({ verified: await mail.check(id!, code!, 'verify-email') }),
  'POST /resets': ({ email }) => mail.code(email, 'reset-password'),
  // Here the new password goes into your own table, under the address that the code was for.
  'POST /resets/done': async ({ id, code }) => ({ reset: await mail.check(id!, code!, 'reset-password') }),
  'POST /enrolments': async (body) => ({ mail: await mail.enrolment(body, body['course']!, body['startsOn']) }),
  'POST /certificates': async (body) => {
    const { course = '', number = randomUUID() } = body;
    return { number, mail: await mail.certificate(body, course, number, certificatePdf(body.name, course, number)) };
  },
  'POST /messages': async ({ to, subject, text }) => ({ mail: await mail.custom(to, subject!, text!) }),
  'POST /announcements': async ({ to, subject, text }) => ({ mails: await mail.bulk(to, subject!, text!) }),
};

async function answer(request: IncomingMessage): Promise<object | undefined> {
  const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
  const id = /^\/mails\/([\w-]+)$/.exec(pathname)?.[1];
  if (request.method === 'GET' && id !== undefined) return mail.status(id);
  const route = routes[`${request.method} ${pathname}`];
  const done = await route?.(await bodyOf(request));
  // The same call, for whoever wants to wait until a mail server has said something.
  if (done && 'mail' in done && searchParams.has('wait'))
    return { ...done, ...(await mail.outcome(String(done.mail), AbortSignal.timeout(30_000))) };
  return done;
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text) as Body;
}

const server = createServer((request, response) => {
  const tell = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  answer(request).then(
    (body) => (body ? tell(200, body) : tell(404, { error: 'there is no such thing' })),
    (error: unknown) => {
      if (error instanceof Problem) return tell(error.status, { error: error.code, detail: error.message });
      console.error(error);
      return tell(503, { error: 'try again in a moment' });
    },
  );
});
server.listen(port, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`));
