import { isLoopback as isLoopbackAddress } from '../../config/hosts.js';

/** What the inbox has to know of the deployment. */
export interface InboxSetting {
  production: boolean;
  http: { host: string; appUrl: string };
  mail: { transports: { kind: string }[] };
  inboxToken: string | undefined;
}

export interface RequestFacts {
  /** As it came over the wire: a forwarded host is not looked at. */
  host: string | undefined;
  origin: string | undefined;
  /** `Sec-Fetch-Site` */
  site: string | undefined;
}

const NO_URL = { protocol: '', host: '', origin: 'null' };

/** The inbox exists where mail is captured; in production only behind a token. */
export function inboxExists({ mail, production, inboxToken }: InboxSetting): boolean {
  return mail.transports.some(({ kind }) => kind === 'capture') && (!production || inboxToken !== undefined);
}

/**
 * Against DNS rebinding: a stranger's page may resolve its own name to 127.0.0.1 and read an inbox without a token,
 * but it cannot change the Host its requests carry.
 */
export function isOurHost(host: string | undefined, { http }: InboxSetting): boolean {
  const name = /^[\w.:[\]-]+$/.test(host ?? '') ? hostname(`http://${host}`) : undefined;
  return name !== undefined && (isLoopback(name) || name === hostname(http.appUrl) || name === hostname(`http://${bracketed(http.host)}`));
}

/**
 * Whether a request that changes something comes from our own page, or from no page at all (curl sends neither header).
 * Sec-Fetch-Site is believed first: no page can set it, and `none` is a person's own doing (Fetch Metadata §2.4). Browsers
 * leave it out where a page came over plain http from another machine; then the origin is that of APP_URL, scheme and port
 * included. In development it may also be the host that was asked, if that is ours. `null` is what a page has that hides.
 */
export function isFromOurPage({ host, origin, site }: RequestFacts, setting: InboxSetting): boolean {
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (origin === undefined) return true;
  const { protocol, host: from, origin: normal } = URL.canParse(origin) ? new URL(origin) : NO_URL;
  if (normal === new URL(setting.http.appUrl).origin) return true;
  return !setting.production && /^https?:$/.test(protocol) && from === host?.toLowerCase() && isOurHost(host, setting);
}

/**
 * Whether somebody sits at the machine: in development, over loopback. The host too, against a stranger's page that
 * resolves its own name to loopback.
 */
export function isAtTheMachine({ address, host }: { address: string | undefined; host: string | undefined }, setting: InboxSetting): boolean {
  // As a dual-stack socket writes it, `::ffff:127.0.0.1`.
  return !setting.production && address !== undefined && isLoopbackAddress(address.replace(/^::ffff:/, '')) && isOurHost(host, setting);
}

/** One cookie of a `Cookie` header; the first where a name stands twice. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

function hostname(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') || undefined : undefined;
}

function bracketed(address: string): string {
  return address.includes(':') && !address.startsWith('[') ? `[${address}]` : address;
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}
