import { randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import type { Scope } from '../../../src/access/access-policy.js';
import { keepEmail } from '../../support/database/kept-email.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';
import { ApiDocument, type Call } from '../../support/openapi/document.js';
import type { ProblemBody } from '../../support/service/api.js';
import { createNamedKey, type NamedKey } from '../../support/service/named-key.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { signIn } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';

interface Asked {
  path?: string;
  bearer?: string | undefined;
  type?: string;
  body?: string;
  json?: unknown;
  headers?: Record<string, string>;
  noHost?: boolean;
  at?: string;
}

const OF_MAIL =
  /^\/v1\/(emails|uploads|suppressions|webhook-endpoints|webhook-deliveries|verifications|templates)(\/|$)/;
const SCOPES: Scope[] = [
  'emails:send',
  'emails:read',
  'suppressions:read',
  'suppressions:write',
  'verifications',
  'webhooks',
];
const MAIL = { to: 'ada@example.com', subject: 'Your invoice', text: 'It is attached.' };
const RESENDABLE = "resend_after = now() - interval '1 minute'";
const [GERMAN, FRENCH, FILIPINO] = ['+4915123456789', '+33612345678', '+639171234567'];
const LONG_CODE = '0000000000';
const MORE_THAN_ANY_LIMIT = String(40 * 1024 * 1024);

describe('the problems of the calls of mail', () => {
  let otpost: Otpost;
  let away: OtpostInProcess;
  let mailOnly: OtpostInProcess;
  let proxy: StallingProxy;
  let holder: pg.Client;
  let document: ApiDocument;
  let key: NamedKey;
  let tired: NamedKey;
  let narrow: NamedKey;
  let token: string;
  let number = 0;

  beforeAll(async () => {
    const sms = { SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'DE,PH' };
    otpost = await startOtpost({ APP_URL: 'http://localhost:3000', LIMIT_KEY: '100000/h', ...sms });
    // The share of codes from there that were given back closes the country for the day.
    await otpost.database.query(
      `INSERT INTO sms_traffic (day, kind, key, messages, codes, verified)
       VALUES ((now() AT TIME ZONE 'UTC')::date, 'country', 'PH', 1000, 1000, 0)`,
    );
    mailOnly = await OtpostInProcess.start({
      ...{ DATABASE_URL: otpost.database.url, ROLE: 'web', OUTBOX_RESCUE: 'off', LOG_LEVEL: 'silent' },
    });
    document = await ApiDocument.of(otpost.api);
    proxy = await StallingProxy.to(otpost.database.url);
    away = await OtpostInProcess.start({
      ...{ DATABASE_URL: proxy.through(otpost.database.url), ROLE: 'web', OUTBOX_RESCUE: 'off', LOG_LEVEL: 'silent' },
    });
    await proxy.refuse();
    key = await createNamedKey(otpost.database, ...SCOPES);
    tired = await createNamedKey(otpost.database, ...SCOPES);
    narrow = await createNamedKey(otpost.database, 'audiences');
    token = (await signIn(otpost, 'user@example.com')).accessToken;
    await send('POST', { path: '/v1/emails', bearer: tired.key, json: MAIL });
    await otpost.database.query("UPDATE request_limits SET count = 100000 WHERE key LIKE '%' || $1 || '%'", [tired.id]);
    holder = new pg.Client({ connectionString: otpost.database.url });
    await holder.connect();
  });
  afterAll(async () => {
    await holder.end();
    await away.stop();
    await mailOnly.stop();
    await proxy.stop().catch(() => undefined); // nothing listens any more
    await otpost.stop();
  });

  /** By a client that sends what it is told to, whatever that is. */
  function send(method: string, asked: Asked): Promise<{ status: number; body: ProblemBody & { id: string } }> {
    const { bearer = key.key, json, type = 'application/json', noHost = false, at = otpost.api.url } = asked;
    const body = json === undefined ? asked.body : JSON.stringify(json);
    const headers = {
      ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) }),
      ...asked.headers,
    };
    const { hostname, port } = new URL(at);
    return new Promise((resolve, reject) => {
      const options = { method, path: asked.path!, hostname, port, headers, setHost: !noHost, agent: false };
      const request = httpRequest(options, (response) => {
        text(response).then((said) => {
          resolve({ status: response.statusCode!, body: JSON.parse(said || '{}') as never });
          request.destroy(); // the rest of a body that is declared
        }, reject);
      });
      request.on('error', reject);
      if (asked.headers?.['content-length'] === undefined) request.end(body);
      else request.flushHeaders();
    });
  }

  const idFor = (path: string): string =>
    path.startsWith('/v1/verifications') ? randomBytes(16).toString('base64url') : randomUUID();
  const filled = (path: string, id = idFor(path)): string => path.replace(/\{\w+\}/, encodeURI(id));

  async function verification(change = ''): Promise<string> {
    const json = { to: `ada${++number}@example.com`, purpose: 'checkout', length: LONG_CODE.length };
    const { body } = await send('POST', { path: '/v1/verifications', json });
    if (change !== '') await otpost.database.query(`UPDATE otp_challenges SET ${change} WHERE id = $1`, [body.id]);
    return body.id;
  }

  /** @param change of its row */
  async function message(change = ''): Promise<string> {
    const { body } = await send('POST', { path: '/v1/emails', json: MAIL });
    if (change !== '') await otpost.database.query(`UPDATE outbound_emails SET ${change} WHERE id = $1`, [body.id]);
    return body.id;
  }

  async function endpoint(disabled = false): Promise<string> {
    const { body } = await send('POST', { path: '/v1/webhook-endpoints', json: { url: 'https://example.com/hooks' } });
    if (disabled) await send('PATCH', { path: `/v1/webhook-endpoints/${body.id}`, json: { disabled: true } });
    return body.id;
  }

  async function delivery(
    endpointId: string,
    more: { status?: string; payload?: string | null } = {},
  ): Promise<string> {
    const { status = 'failed', payload = '{}' } = more;
    const [row] = await otpost.database.query<{ id: string }>(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload, status, next_attempt_at, lease_token, lease_until)
       VALUES ($1, 'webhook.test', $2::jsonb, $3, now() + interval '1 hour', CASE WHEN $3 = 'sending' THEN gen_random_uuid() END,
         CASE WHEN $3 = 'sending' THEN now() + interval '1 hour' END) RETURNING id`,
      [endpointId, payload, status],
    );
    return row!.id;
  }

  const json = (body: unknown): Asked => ({ json: body });
  const of = async (id: string | Promise<string>, asked: Asked = {}): Promise<Asked & { id: string }> => ({
    ...asked,
    id: await id,
  });
  type Row = () => (Asked & { id?: string }) | Promise<Asked & { id?: string }>;

  /** A request that is taken. */
  const GOOD: Record<string, Row> = {
    'POST /v1/emails': () => json(MAIL),
    'POST /v1/emails/batch': () => json([MAIL]),
    'POST /v1/verifications': () => json({ to: `ada${++number}@example.com`, purpose: 'checkout' }),
    'POST /v1/verifications/{id}/resend': () => of(verification(RESENDABLE)),
    'POST /v1/verifications/{id}/check': () => of(verification(), json({ code: LONG_CODE })),
    'POST /v1/uploads': () => ({ type: 'application/octet-stream', body: 'x' }),
    'PATCH /v1/emails/{id}': () => json({ scheduledAt: new Date().toISOString() }),
    'POST /v1/emails/{id}/resolve': () => json({ as: 'not_sent' }),
    'POST /v1/emails/{id}/send-again': () => of(message()),
    'POST /v1/templates/{name}/preview': () => of('verification-code', json({})),
    'POST /v1/templates/{name}/test': () => of('verification-code', json({ to: 'ada@example.com' })),
    'DELETE /v1/suppressions': () => json({ address: 'nobody@example.com', reason: 'asked for' }),
    'PATCH /v1/webhook-endpoints/{id}': () => json({ description: 'x' }),
  };

  const CHECKED = json({ code: LONG_CODE });
  /** What has reasons of its own: a request of the kind that the code is for. */
  const OWN: Record<string, Record<string, Row>> = {
    'POST /v1/verifications': {
      sms_not_configured: () => ({ ...json({ to: GERMAN, purpose: 'checkout' }), at: mailOnly.url }),
      sms_country: () => json({ to: FRENCH, purpose: 'checkout' }),
      sms_limited: () => json({ to: FILIPINO, purpose: 'checkout' }),
    },
    'POST /v1/emails': { sender_not_allowed: () => json({ ...MAIL, from: 'eve@elsewhere.example' }) },
    'POST /v1/templates/{name}/test': {
      sender_not_allowed: () => of('verification-code', json({ to: MAIL.to, from: 'eve@elsewhere.example' })),
    },
    'PATCH /v1/emails/{id}': {
      invalid_state: () => of(keepEmail(otpost.database), json({ scheduledAt: new Date().toISOString() })),
      content_erased: () =>
        of(
          keepEmail(otpost.database, { status: 'deferred', content: null }),
          json({ scheduledAt: new Date().toISOString() }),
        ),
    },
    'POST /v1/emails/{id}/cancel': { invalid_state: () => of(keepEmail(otpost.database)) },
    'POST /v1/emails/{id}/retry': {
      invalid_state: () => of(keepEmail(otpost.database)),
      content_erased: () => of(keepEmail(otpost.database, { status: 'failed', content: null })),
    },
    'POST /v1/emails/{id}/resolve': {
      invalid_state: () => of(keepEmail(otpost.database), json({ as: 'sent' })),
      content_erased: () =>
        of(keepEmail(otpost.database, { status: 'unknown', content: null }), json({ as: 'not_sent' })),
    },
    'GET /v1/emails/{id}/content': {
      content_secret: () => of(message('secret = true')),
      content_erased: () => of(message('sealed_variables = NULL')),
      template_changed: () => of(message("template = 'nowhere'")),
    },
    'GET /v1/emails/{id}/source': {
      content_secret: () => of(message('secret = true')),
      content_erased: () => of(message('sealed_variables = NULL')),
      template_changed: () => of(message("template = 'nowhere'")),
    },
    'POST /v1/emails/{id}/send-again': {
      content_secret: () => of(message('secret = true')),
      content_erased: () => of(message('sealed_variables = NULL')),
      sender_not_allowed: () => of(message("from_address = 'eve@elsewhere.example'")),
    },
    'POST /v1/uploads': {
      validation_failed: () => ({ type: 'application/octet-stream', body: 'x', headers: { 'idempotency-key': 'x' } }),
    },
    'POST /v1/emails/actions': {
      count_differs: () => json({ action: 'cancel', filter: {}, reason: 'ticket 4711', expected: 5_000 }),
    },
    'POST /v1/webhook-endpoints/{id}/test': { webhook_endpoint_disabled: () => of(endpoint(true)) },
    'POST /v1/webhook-deliveries/{id}/redeliver': {
      webhook_endpoint_disabled: async () => of(delivery(await endpoint(true))),
      webhook_under_way: async () => of(delivery(await endpoint(), { status: 'sending' })),
      content_erased: async () => of(delivery(await endpoint(), { payload: null })),
    },
    'POST /v1/verifications/{id}/check': {
      otp_invalid: () => of(verification(), CHECKED),
      otp_expired: () => of(verification("expires_at = now() - interval '1 second'"), CHECKED),
      otp_consumed: () => of(verification('consumed_at = now()'), CHECKED),
      otp_disowned: () => of(verification('disowned_at = now()'), CHECKED),
      otp_locked: () => of(verification('attempts = max_attempts'), CHECKED),
      too_many_failures: async () => {
        const id = await verification();
        await send('POST', { path: `/v1/verifications/${id}/check`, ...CHECKED });
        await otpost.database.query(
          `UPDATE failure_budgets SET blocked_until = now() + interval '1 hour'
           WHERE destination = (SELECT destination_canonical FROM otp_challenges WHERE id = $1)`,
          [id],
        );
        return of(id, CHECKED);
      },
    },
    'POST /v1/verifications/{id}/resend': {
      otp_expired: () => of(verification("expires_at = now() - interval '1 second'")),
      otp_consumed: () => of(verification('consumed_at = now()')),
      otp_disowned: () => of(verification('disowned_at = now()')),
      otp_locked: () => of(verification('attempts = max_attempts')),
      resend_too_soon: () => of(verification()),
      resend_exhausted: () => of(verification("resends = 100, resend_after = now() - interval '1 minute'")),
      same_channel: () => of(verification(RESENDABLE), json({ to: MAIL.to })),
      sms_not_configured: () => of(verification(RESENDABLE), { ...json({ to: GERMAN }), at: mailOnly.url }),
      sms_country: () => of(verification(RESENDABLE), json({ to: FRENCH })),
      sms_limited: () => of(verification(RESENDABLE), json({ to: FILIPINO })),
    },
  };

  /** What follows from the form of the route, or is the same wherever it is. */
  function common(code: string, { method, path, operation }: Call): Row | undefined {
    const good: Row = GOOD[`${method} ${path}`] ?? (() => ({}));
    const type = Object.keys(operation.requestBody?.content ?? {})[0];
    switch (code) {
      case 'bad_request':
        return () => ({ noHost: true });
      case 'unauthorized':
        return () => ({ bearer: '' });
      case 'scope_missing':
        return () => ({ bearer: narrow.key });
      case 'role_missing':
        return () => ({ bearer: token });
      case 'unavailable':
        return async () => ({ ...(await good()), at: away.url });
      case 'malformed_json':
        return () => ({ body: '{' });
      case 'unsupported_media_type':
        return () => ({ type: 'text/plain', body: 'x' });
      case 'body_too_large':
        return () => ({ headers: { 'content-type': type!, 'content-length': MORE_THAN_ANY_LIMIT } });
      case 'rate_limited':
        return async () => ({ ...(await good()), bearer: tired.key });
      case 'idempotency_mismatch':
        return async () => {
          const headers = { 'idempotency-key': `order ${++number}` };
          await send('POST', { path: '/v1/emails', json: { ...MAIL, subject: 'Another' }, headers });
          return { ...(await good()), headers };
        };
      case 'validation_failed':
        if (type === 'application/json') return () => json({ unknown: 1 });
        if (operation.parameters?.some((one) => one.in === 'query'))
          return () => ({ path: `${filled(path)}?unknown=1` });
        return () => ({ path: filled(path, '\0') });
      default:
        return /_not_found$/.test(code) ? good : undefined;
    }
  }

  /** While a transaction that is not over yet has kept another answer under the key. */
  async function inFlight({ method, path }: Call) {
    const name = `order ${++number}`;
    await holder.query('BEGIN');
    await holder.query(`SELECT pg_advisory_xact_lock(hashtextextended('idempotency:' || $1 || ':' || $2, 0))`, [
      key.id,
      name,
    ]);
    await holder.query(
      `INSERT INTO idempotency_keys (caller, key, fingerprint, status, answer, expires_at)
       VALUES ($1, $2, '\\x00', 202, '{}', now() + interval '1 hour')`,
      [key.id, name],
    );
    const { id, ...good } = await GOOD[`${method} ${path}`]!();
    let isAnswered = false;
    const answer = send(method, { path: filled(path, id), ...good, headers: { 'idempotency-key': name } }).finally(
      () => (isAnswered = true),
    );
    await eventually(async () => {
      const waiting = await otpost.database.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return isAnswered || waiting.length > 0;
    }, 'the request to be answered, or to wait for the other one');
    await holder.query('COMMIT');
    return answer;
  }

  async function answerTo(call: Call, code: string): Promise<string> {
    if (code === 'idempotency_in_flight') return told(await inFlight(call));
    const row = OWN[`${call.method} ${call.path}`]?.[code] ?? common(code, call);
    if (!row) return 'no request in this test leads to it';
    const unknown = /_not_found$/.test(code) && idFor(call.path);
    const { id, ...asked } = await row();
    return told(await send(call.method, { path: filled(call.path, unknown || id), ...asked }));
  }

  const told = ({ status, body }: { status: number; body: ProblemBody }): string => `${status} ${body.code}`;

  it('are each seen at each call that documents them', async () => {
    const seen: string[] = [];
    const documented: string[] = [];
    for (const call of document.calls.filter(({ path }) => OF_MAIL.test(path))) {
      for (const problem of document.problemsOf(call.operation)) {
        documented.push(`${call.method} ${call.path}: ${problem}`);
        seen.push(`${call.method} ${call.path}: ${await answerTo(call, problem.split(' ')[1]!)}`);
      }
    }
    expect(seen).toEqual(documented);
    expect(documented.length).toBeGreaterThan(200);
  });

  it('are documented at each call that has one of its own here', () => {
    const calls = new Map(document.calls.map((call) => [`${call.method} ${call.path}`, call.operation]));
    for (const [call, rows] of Object.entries(OWN)) {
      const codes = document.problemsOf(calls.get(call)!).map((problem) => problem.split(' ')[1]);
      expect([call, Object.keys(rows).filter((code) => !codes.includes(code))]).toEqual([call, []]);
    }
  });
});
