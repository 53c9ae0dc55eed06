/** A program of Web handlers, each at its path; it ends with its parent. */
export const SERVER = `
import { createServer } from 'node:http';
import { routes } from './routes.js';
const server = createServer(async (incoming, outgoing) => {
  const url = new URL(incoming.url, 'http://127.0.0.1');
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const request = new Request(url, { method: incoming.method, headers: incoming.headers, body });
  let answer = new Response(null, { status: 404 });
  try {
    for (const { pattern, handlers } of routes) {
      const params = new RegExp(pattern).exec(url.pathname)?.groups;
      if (new RegExp(pattern).test(url.pathname))
        answer = await handlers[incoming.method](request, { params: Promise.resolve({ ...params }) });
    }
  } catch (error) {
    console.error(error);
    answer = new Response(null, { status: 500 });
  }
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()));
});
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));
process.stdin.on('end', () => process.exit()).resume();
`;

/** Around the `auth.ts` of the recipe for Better Auth. */
const MODELS = ['user', 'session', 'account', 'verification', 'twoFactor', 'organization', 'member', 'invitation'];
export const BETTER_AUTH = {
  BETTER_AUTH_URL: 'http://127.0.0.1/api/auth',
  BETTER_AUTH_SECRET: 'a secret of more than thirty-two characters for tests',
  BETTER_AUTH_TELEMETRY: '0',
};
export const HANDLER = `
  import { auth } from './auth';
  const handle = (request: Request) => auth.handler(request);
  export const routes = [{ pattern: '^/api/auth/', handlers: { GET: handle, POST: handle } }];`;
export const DATABASE = `
  import { memoryAdapter } from 'better-auth/adapters/memory';
  export const database = memoryAdapter(${JSON.stringify(Object.fromEntries(MODELS.map((name) => [name, []])))});`;
