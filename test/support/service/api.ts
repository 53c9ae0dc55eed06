import { noteBody, noteHeaders } from '../text/test-logs.js';

/** A client of the API as a test wants it: status, headers and body at once. */
export interface Answer<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  remedy: string;
  requestId: string;
  attemptsLeft?: number;
  errors?: { field: string; code: string; message: string }[];
}

export interface IssuedBody {
  challenge: { id: string; purpose: string; expiresAt: string; resendAfter: string; reference: string };
  delivery: { status: string };
}

export interface SignedInBody {
  account: { id: string; email: string; name: string | null };
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
}

export class Api {
  constructor(readonly url: string) {}

  async get<Body>(path: string, token?: string): Promise<Answer<Body>> {
    return this.send<Body>('GET', path, { ...(token ? { authorization: `Bearer ${token}` } : {}) });
  }

  async post<Body>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer<Body>> {
    return this.send<Body>('POST', path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body));
  }

  async delete<Body>(path: string, token?: string): Promise<Answer<Body>> {
    return this.send<Body>('DELETE', path, { ...(token ? { authorization: `Bearer ${token}` } : {}) });
  }

  async send<Body>(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Answer<Body>> {
    const response = await fetch(this.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json');
    const answer = (json && text !== '' ? JSON.parse(text) : text) as Body;
    noteHeaders(new Headers(headers));
    noteHeaders(response.headers);
    noteBody(bodyOf(body));
    noteBody(answer);
    return { status: response.status, headers: response.headers, body: answer };
  }

  async register(email: string, more: object = {}): Promise<IssuedBody> {
    const { status, body } = await this.post<IssuedBody>('/v1/accounts', { email, ...more });
    if (status !== 202) throw new Error(`register answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }
}

/** Tests also send what is no JSON. */
function bodyOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return new URLSearchParams(text).size > 0 ? Object.fromEntries(new URLSearchParams(text)) : undefined;
  }
}
