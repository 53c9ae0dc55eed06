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

/** Thanks the customer and tells all subscribers. Both are committed when it returns; nobody waits for a mail server. */
async function takeLead({ id = randomUUID(), name, email, phone, vehicle, message }: Lead): Promise<object> {
  const thanks = await otpost.emails.send(
    { to: email, template: 'lead-thanks', variables: { name, topic: vehicle }, metadata: { lead: id } },
    { idempotencyKey: `lead ${id} thanks` },
  );
  const told = { name, email, topic: vehicle, ...(phone ? { phone } : {}), ...(message ? { message } : {}) };
  const notification = await otpost.broadcasts.create(
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
  return { lead: id, thanks: thanks.id, notification: notification.id };
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
