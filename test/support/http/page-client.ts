import { noteHeaders } from '../text/test-logs.js';

export interface PageAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** Where a redirect leads. */
  location: string | null;
}

/** A browser without script: it keeps cookies and sends forms. Redirects are not followed by themselves. */
export class PageClient {
  readonly cookies = new Map<string, string>();

  constructor(private readonly url: string) {}

  async get(path: string, headers: Record<string, string> = {}): Promise<PageAnswer> {
    return this.send('GET', path, headers);
  }

  async head(path: string): Promise<PageAnswer> {
    return this.send('HEAD', path, {});
  }

  async post(
    path: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<PageAnswer> {
    return this.send('POST', path, headers, new URLSearchParams(fields));
  }

  /** The way of an address to a page that asks for its code; the path of that page. */
  async askFor(email: string): Promise<string> {
    const { status, location, text } = await this.post('/account/sign-in', { email });
    if (status !== 303 || location === null) throw new Error(`asking for a code answered ${status}: ${text}`);
    return location;
  }

  /** The address form as the page has it, so that it can be sent more than once. */
  async addressForm(email: string): Promise<Record<string, string>> {
    const { text } = await this.get('/account');
    const form = /name="form" value="([\w-]{22})"/.exec(text)?.[1];
    if (form === undefined) throw new Error(`no form in: ${text}`);
    return { email, form };
  }

  /**
   * Another press of a button before the answer to the first one has come: the same cookies, and no new ones are seen.
   */
  twin(): PageClient {
    const twin = new PageClient(this.url);
    for (const [name, value] of this.cookies) twin.cookies.set(name, value);
    return twin;
  }

  /** Whose account the page shows; undefined: it asks for an address. */
  async signedInAs(): Promise<string | undefined> {
    const { text } = await this.get('/account');
    return /You’re signed in to \S+ as <b>([^<]+)<\/b>/.exec(text)?.[1];
  }

  private async send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: URLSearchParams,
  ): Promise<PageAnswer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.url + path, {
      method,
      redirect: 'manual',
      headers: { ...(cookie === '' ? {} : { cookie }), ...headers },
      ...(body ? { body } : {}),
    });
    noteHeaders(response.headers);
    for (const line of response.headers.getSetCookie()) this.keep(line);
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      location: response.headers.get('location'),
    };
  }

  private keep(line: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
    if (/; Max-Age=0\b/.test(line)) this.cookies.delete(name!);
    else this.cookies.set(name!, value!);
  }
}

/** The path of the link in a mail; `end` is what stands behind its token. */
export function linkIn(text: string | undefined, end = ''): string {
  const path = new RegExp(`https?://[^/\\s]+(/l/(?:undo/)?[\\w-]{22}${end})(?![\\w/-])`).exec(text ?? '')?.[1];
  if (path === undefined) throw new Error(`no link in: ${text}`);
  return path;
}
