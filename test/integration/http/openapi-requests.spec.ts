import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { SEED, sized } from '../../support/faults/fault-form.js';
import { saidIn } from '../../support/http/said.js';
import { ApiDocument } from '../../support/openapi/document.js';
import { type HostileRequest, hostileRequests } from '../../support/openapi/hostile-requests.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { signIn } from '../../support/service/staff.js';
import { note } from '../../support/text/test-logs.js';

/** `npm run test:faults -- --long test/integration/http/openapi-requests.spec.ts`: ten times as many. */
const REQUESTS = sized(5_000, 50_000);
const AT_ONCE = 16;
const CHUNK = 500;
/** What would end the run. */
const LEFT_OUT = ['DELETE /v1/me', 'DELETE /v1/sessions', 'DELETE /v1/sessions/current'];

/** Requests made of what the OpenAPI document says, with what it does not say. */
describe('the API as its document describes it', () => {
  let setUp: Otpost;
  let otpost: OtpostInProcess;
  let document: ApiDocument;
  let callers: (string | undefined)[];
  let foreign: string;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const tally = new Map<string, number>();

  beforeAll(async () => {
    setUp = await startOtpost({ APP_URL: 'http://localhost:3000' });
    const { accessToken } = await signIn(setUp, 'admin@example.com', 'admin');
    const all = await createApiKey(setUp.database.url, ['admin']);
    const own = await createApiKey(setUp.database.url, ['emails:send', 'emails:read:own', 'verifications', 'webhooks']);
    await setUp.process.stop();
    // No worker: what is accepted stays as it is.
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: setUp.database.url, ROLE: 'web', OUTBOX_RESCUE: 'off', LOG_LEVEL: 'warn' },
      APP_URL: 'http://localhost:3000',
    });
    callers = [all, own, accessToken, undefined, 'otp_live_x'];
    const mail = { to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' };
    const send = (key: string) =>
      otpost.api.post<{ id: string }>('/v1/emails', mail, { authorization: `Bearer ${key}` });
    foreign = (await send(all)).body.id;
    ownId = (await send(own)).body.id;
    document = await ApiDocument.of(otpost.api);
  });
  afterAll(async () => {
    console.log(
      `requests by answer: ${[...tally]
        .sort()
        .map(([status, count]) => `${status} ${count}`)
        .join(', ')}`,
    );
    agent.destroy();
    await otpost.stop();
    await setUp.database.drop();
  });
  let ownId: string;

  function send({
    method,
    path,
    headers,
    body,
    caller,
  }: HostileRequest): Promise<{ status: number; type: string; said: string }> {
    const bearer = callers[caller];
    const all = [
      ...headers,
      ...(bearer === undefined ? [] : [['authorization', `Bearer ${bearer}`] as const]),
      ...(body === undefined ? [] : [['content-length', String(Buffer.byteLength(body))] as const]),
      ['host', new URL(otpost.url).host] as const,
    ].flat();
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(otpost.url);
      const request = httpRequest(
        { method, path: Buffer.from(path).toString('latin1'), hostname, port, headers: all, agent },
        (response) => {
          const type = response.headers['content-type'] ?? '';
          saidIn(type, response).then((said) => resolve({ status: response.statusCode!, type, said }), reject);
        },
      );
      request.on('error', reject).end(body);
    });
  }

  /** What is wrong with an answer; undefined when nothing is. */
  async function faultOf(asked: HostileRequest): Promise<string | undefined> {
    const { status, type, said } = await send(asked);
    const { operation } = document.calls.find(({ method, path }) => `${method} ${path}` === asked.call)!;
    tally.set(String(status), (tally.get(String(status)) ?? 0) + 1);
    const fault = (what: string) => `${what}: ${asked.call} answered ${status} ${said.slice(0, 300)}`;
    for (const [, secret] of said.matchAll(/"(?:accessToken|refreshToken|deviceToken|key|secret)":"([^"]{20,})"/g))
      note('token', secret!);
    const inWords = document.isInWords(operation, status);
    if (status >= 500 && !inWords) return fault('broken');
    if (status < 400 || (status >= 500 && inWords)) {
      if (!operation.responses[String(status)]) return fault('not documented');
      return isForeign(asked) ? fault('seen by another key') : undefined;
    }
    if (!type.startsWith('application/problem+json')) return fault('no problem document');
    const problem = JSON.parse(said) as ProblemBody;
    if (problem.status !== status) return fault('two statuses');
    const known = [
      ...document.problemsOf(operation),
      ...document.anyCallCodes(operation).map((code) => `${status} ${code}`),
    ];
    const isKnown = known.includes(`${status} ${problem.code}`) || inWords;
    if (!isKnown && !(asked.astray && problem.code === 'not_found')) return fault('not documented');
    return isForeign(asked) && status === 409 ? fault('known to another key') : undefined;
  }

  /** A message of another key, asked for by a key that sees its own alone. */
  function isForeign({ call, path, caller }: HostileRequest): boolean {
    return caller === 1 && /^\w+ \/v1\/emails\/\{id\}/.test(call) && path.includes(foreign);
  }

  it(`answers ${REQUESTS} hostile requests with what it documents, and shows nothing of other keys`, async () => {
    const calls = document.calls.filter(({ method, path }) => !LEFT_OUT.includes(`${method} ${path}`));
    const ids = [foreign, ownId, randomUUID(), 'A'.repeat(22), 'verification-code'];
    const all = hostileRequests(document, calls, ids, callers.length);
    const faults = new Map<string, string>();
    for (let sent = 0; sent < REQUESTS && faults.size < 10; sent += CHUNK) {
      // Not as a property: a smaller request would say no more, and finding it takes minutes.
      const left = fc.sample(all, { numRuns: CHUNK, seed: SEED + sent });
      const lane = async (): Promise<void> => {
        for (let next = left.pop(); next; next = left.pop()) {
          const fault = await faultOf(next);
          if (fault !== undefined) faults.set(fault.slice(0, 110), `${fault} to ${JSON.stringify(next).slice(0, 500)}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
    }
    expect([...faults.values()]).toEqual([]);
    expect(tally.get('202')).toBeGreaterThan(REQUESTS / 500); // some of it gets through
  });

  it('shows a message to the key that sent it, and to no other that sees its own alone', async () => {
    const asked = (path: string): HostileRequest => ({
      ...{ call: 'GET /v1/emails/{id}', method: 'GET', path, caller: 1, headers: [], body: undefined, astray: false },
    });
    expect((await send(asked(`/v1/emails/${ownId}`))).status).toBe(200);
    expect(await send(asked(`/v1/emails/${foreign}`))).toMatchObject({
      status: 404,
      said: expect.stringContaining('email_not_found') as string,
    });
  });
});
