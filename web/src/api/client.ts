import createClient from 'openapi-fetch';
import type { components, paths } from '../../../clients/typescript/src/schema';

export type Schemas = components['schemas'];
export type Role = 'viewer' | 'operator' | 'admin';

export interface Me {
  id: string;
  email: string;
  name: string | null;
  role: Role;
}

/** RFC 9457, as the service writes it. */
interface Problem {
  code: string;
  title: string;
  detail: string;
  remedy: string;
  errors: { field: string; message: string }[];
  [more: string]: unknown;
}

/** What a call was refused with, in the words of the API. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly remedy: string,
    readonly more: Record<string, unknown> = {},
    /** What of the request was not taken. */
    readonly fields: readonly string[] = [],
  ) {
    super(message);
  }

  static of(status: number, body: unknown): ApiProblem {
    const { code, title, detail, remedy, errors, ...more } = (body ?? {}) as Partial<Problem>;
    const faults = Array.isArray(errors) ? errors : [];
    const said = detail ?? title ?? `The service answered ${status}.`;
    const wrong = faults.map(({ field, message }) => `${field} ${message}.`).join(' ');
    return new ApiProblem(
      status,
      code ?? 'unavailable',
      wrong ? `${said.replace(/\.$/, '')}: ${wrong}` : said,
      // What is wrong with each field is said already, and `errors`, which that speaks of, is not seen here.
      wrong ? '' : (remedy ?? ''),
      more,
      faults.map(({ field }) => field),
    );
  }
}

interface Token {
  accessToken: string;
  account: Me;
}

let token: Promise<Token> | undefined;

/** One for all calls. A session that ended leads to the sign-in page, and from there back to this very address. */
function tokenNow(): Promise<Token> {
  token ??= fetch('/operations/token', { method: 'POST' }).then(async (answer) => {
    if (answer.ok) return (await answer.json()) as Token;
    token = undefined;
    if (answer.status === 401 || answer.status === 403) location.reload();
    throw ApiProblem.of(answer.status, await answer.json().catch(() => undefined));
  });
  token.catch(() => (token = undefined));
  return token;
}

export async function me(): Promise<Me> {
  return (await tokenNow()).account;
}

/** With the token, and once more with a new one where it has run out. */
async function authorized(request: Request): Promise<Response> {
  const again = request.clone();
  const send = async (one: Request) => {
    one.headers.set('authorization', `Bearer ${(await tokenNow()).accessToken}`);
    return fetch(one);
  };
  const answer = await send(request);
  if (answer.status !== 401) return answer;
  token = undefined;
  return send(again);
}

/** The answer, whose body goes on. @param stop ends it */
export function openStream(path: string, stop: AbortSignal): Promise<Response> {
  return authorized(new Request(location.origin + path, { signal: stop, headers: { accept: 'text/event-stream' } }));
}

/** The next call gets a new one, or leads to the sign-in page. */
export function forgetToken(): void {
  token = undefined;
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorized });

/** What a call answers, or the problem it was refused with. */
export async function told<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw ApiProblem.of(response.status, error);
  return data as T;
}
