import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { Otpost, Problem } from 'otpost';

const otpost = new Otpost({
  baseUrl: process.env['OTPOST_URL'] ?? 'http://localhost:3000',
  apiKey: process.env['OTPOST_API_KEY']!,
});
const port = Number(process.env['PORT'] ?? 4002);
/** Who is told of leads: `otpost.audiences.create({ name })` says the id. */
const audience = process.env['LEADS_AUDIENCE']!;

interface Lead {
  /** Given by the form, so that a lead which is sent twice is one lead. */
  id?: string;
  name: string;
  email: string;
  phone?: string;
  vehicle: string;
  message?: string;
}

/**
 * Thanks the customer and tells all subscribers, each whatever becomes of the other. What is told as an id is committed; nobody waits
 * for a mail server. @throws what may go well the next time, or both refusals: the same lead again does only what is left
 */
async function takeLead({ id = randomUUID(), ...lead }: Lead): Promise<object> {
  const [thanks, notification] = await Promise.allSettled([thank(id, lead), tellSubscribers(id, lead)]);
  const failures = [thanks, notification].flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const passing = failures.find((error) => !isFinal(error));
  if (passing !== undefined || failures.length === 2) throw passing ?? failures[0];
  return { lead: id, ...outcome('thanks', thanks), ...outcome('notification', notification) };
}

function outcome(name: string, settled: PromiseSettledResult<{ id: string }>): object {
  if (settled.status === 'fulfilled') return { [name]: settled.value.id };
  const { code, message } = settled.reason as Problem;
  return { [name]: null, [`${name}Refused`]: { error: code, detail: message } };
}

/** Such as an address that is none: no repeat mends it. */
function isFinal(error: unknown): boolean {
  return error instanceof Problem && error.status < 500 && ![409, 429].includes(error.status);
}

function thank(id: string, { name, email, vehicle }: Lead): Promise<{ id: string }> {
  return otpost.emails.send(
    { to: email, template: 'lead-thanks', variables: { name, topic: vehicle }, metadata: { lead: id } },
    { idempotencyKey: `lead ${id} thanks` },
  );
}

function tellSubscribers(id: string, { name, email, phone, vehicle, message }: Lead): Promise<{ id: string }> {
  const told = { name, email, topic: vehicle, ...(phone ? { phone } : {}), ...(message ? { message } : {}) };
  return otpost.broadcasts.create(
    {
      audience,
      template: 'lead-notification',
      variables: Object.fromEntries(Object.entries(told).map(([key, value]) => [key, verbatim(value)])),
      rate: '50/min',
      maxAttempts: 4, // the first, and 3 retries
      metadata: { lead: id },
    },
    { idempotencyKey: `lead ${id}` },
  );
}

/** Words of a broadcast are Liquid; what a customer typed is to stay what it is. */
function verbatim(text: string): string {
  return text.replaceAll('{', '{% raw %}{{% endraw %}');
}

async function progress(id: string): Promise<object> {
  const { status, total, counts, estimatedEndAt } = await otpost.broadcasts.get(id);
  return { status, total, counts, estimatedEndAt };
}

async function answer(request: IncomingMessage): Promise<object | undefined> {
  const notification = /^\/notifications\/([\w-]+)$/.exec(request.url!)?.[1];
  if (request.method === 'GET' && notification !== undefined) return progress(notification);
  if (request.method !== 'POST' || request.url !== '/leads') return undefined;
  let text = '';
  for await (const chunk of request) text += chunk;
  return takeLead(JSON.parse(text) as Lead);
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
