import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Otpost, Problem } from 'otpost';
import { type Channel, channelOf, codePage, registerPage, welcomePage } from './pages.ts';

const baseUrl = process.env['OTPOST_URL'] ?? 'http://localhost:3000';
const port = Number(process.env['PORT'] ?? 4000);
const otpost = new Otpost({ baseUrl, apiKey: process.env['OTPOST_API_KEY']! });

/**
 * Families, with the address or number to which their code went. Yours are in your database. Where it went to both, one of
 * the two is theirs for sure: ask for another code before you rely on either.
 */
const families: { family: string; contacts: string[] }[] = [];

interface Registration {
  /** Of the code; it opens nothing without the code itself. */
  id: string;
  family: string;
  /** By which the newest copy went. */
  channel: Channel;
}

const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>> = {
  'GET /': async (_request, response) => show(response, 200, registerPage({})),
  'POST /': register,
  'GET /code': showCode,
  'POST /code': checkCode,
  'POST /code/again': sendAgain,
  'POST /code/instead': sendInstead,
};

async function register(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { family = '', channel: chosen, email = '', phone = '' } = await formOf(request);
  const channel = chosen === 'sms' ? 'sms' : 'email';
  const to = channel === 'sms' ? phone : email;
  try {
    const { id } = await otpost.verifications.create({ to, purpose: 'family-registration' });
    remember(response, { id, family, channel });
    redirect(response, '/code');
  } catch (error) {
    show(response, 400, registerPage({ family, channel, email, phone, fault: wordsOf(error) }));
  }
}

async function showCode(request: IncomingMessage, response: ServerResponse, fault?: string): Promise<void> {
  const registration = registrationOf(request);
  if (!registration) return redirect(response, '/');
  const verification = await otpost.verifications.get(registration.id);
  const nonce = randomBytes(16).toString('base64');
  const page = codePage({ ...registration, ...verification, baseUrl, nonce, ...(fault ? { fault } : {}) });
  show(response, fault ? 400 : 200, page, nonce);
}

async function checkCode(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const registration = registrationOf(request);
  if (!registration) return redirect(response, '/');
  const { code = '' } = await formOf(request);
  try {
    const { to, alsoTo } = await otpost.verifications.check(registration.id, { code });
    const contacts = alsoTo === undefined ? [to] : [to, alsoTo];
    families.push({ family: registration.family, contacts });
    show(response, 200, welcomePage(registration.family, contacts));
  } catch (error) {
    await showCode(request, response, wordsOf(error));
  }
}

/** The same code, the way it went last. */
async function sendAgain(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const registration = registrationOf(request);
  if (!registration) return redirect(response, '/');
  try {
    const { to, alsoTo } = await otpost.verifications.get(registration.id);
    await otpost.verifications.resend(registration.id, channelOf(to) === registration.channel ? {} : { to: alsoTo! });
    redirect(response, '/code');
  } catch (error) {
    await showCode(request, response, wordsOf(error));
  }
}

/** The same code by the other channel. Where it went first is known to Otpost, and is no `to`. */
async function sendInstead(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const registration = registrationOf(request);
  if (!registration) return redirect(response, '/');
  const { to: entered } = await formOf(request);
  const channel = registration.channel === 'email' ? 'sms' : 'email';
  try {
    const { to, alsoTo } = await otpost.verifications.get(registration.id);
    const other = channelOf(to) === channel ? {} : { to: alsoTo ?? entered ?? '' };
    await otpost.verifications.resend(registration.id, other);
    remember(response, { ...registration, channel });
    redirect(response, '/code');
  } catch (error) {
    await showCode(request, response, wordsOf(error));
  }
}

/** What Otpost says of a request, for the person who made it. Anything else is our own fault, and goes on. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Problem)) throw error;
  return error.attemptsLeft === undefined ? error.message : `${error.message} ${error.attemptsLeft} tries are left.`;
}

/** In the browser until the code is right: of whoever does not come back nothing is kept here. */
function remember(response: ServerResponse, registration: Registration): void {
  const value = encodeURIComponent(JSON.stringify(registration));
  response.setHeader('set-cookie', `registration=${value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=600`);
}

function registrationOf(request: IncomingMessage): Registration | undefined {
  const [, value] = /\bregistration=([^;]+)/.exec(request.headers.cookie ?? '') ?? [];
  return value === undefined ? undefined : (JSON.parse(decodeURIComponent(value)) as Registration);
}

async function formOf(request: IncomingMessage): Promise<Record<string, string>> {
  let text = '';
  for await (const chunk of request) if ((text += chunk).length > 10_000) throw new Error('too long for a form');
  return Object.fromEntries(new URLSearchParams(text));
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location }).end();
}

function show(response: ServerResponse, status: number, html: string, nonce = ''): void {
  const script = nonce === '' ? '' : `; script-src 'nonce-${nonce}'; connect-src ${baseUrl}`;
  const policy = `default-src 'none'; style-src 'unsafe-inline'${script}`;
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy })
    .end(html);
}

const server = createServer((request, response) => {
  const route = routes[`${request.method} ${request.url}`];
  if (!route) return void response.writeHead(404).end('There is no such page.');
  route(request, response).catch((error: unknown) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(503, { 'content-type': 'text/plain' });
    response.end('Something went wrong. Try again in a minute.');
  });
});
server.listen(port, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`));
