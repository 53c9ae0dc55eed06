import { isHostName, isLoopback, withoutBrackets } from './hosts.js';
import { ENCODING_HINT, parseUrl } from './parse-url.js';
import { fault, type Parsed, value } from './parsed.js';
import { type CommonParameters, take, takeCommon } from './transport-parameters.js';

/** What may stand before the colon of such an entry. */
export const PROVIDER_KINDS = ['resend', 'sendgrid', 'postmark', 'brevo', 'mailgun', 'mailjet', 'ses', 'file'] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  /** Of temporary credentials. */
  sessionToken?: string;
}

interface HttpParameters extends CommonParameters {
  /** How logs, events and health name it: no credentials. */
  name: string;
  /** Where tests have their own server, without a trailing slash. Loopback only, and never in production. */
  endpoint?: string;
}

export type ProviderSettings =
  | ({ kind: 'resend' | 'sendgrid' | 'postmark' | 'brevo'; key: string } & HttpParameters)
  | ({ kind: 'mailgun'; domain: string; key: string; region: 'us' | 'eu' } & HttpParameters)
  | ({ kind: 'mailjet'; key: string; secret: string } & HttpParameters)
  /** `credentials` are of variables of their own, and there once the whole environment is read. */
  | ({ kind: 'ses'; region: string; credentials?: AwsCredentials } & HttpParameters)
  | ({ kind: 'file'; name: string; folder: string } & CommonParameters);

const EXAMPLES: Record<ProviderKind, string> = {
  resend: 'resend:re_123',
  sendgrid: 'sendgrid:SG.123',
  postmark: 'postmark:3f0c9c2e-server-token',
  brevo: 'brevo:xkeysib-123',
  mailgun: 'mailgun:key-123@mg.example.com',
  mailjet: 'mailjet:api-key:secret-key',
  ses: 'ses:eu-west-1',
  file: 'file:/var/spool/otpost',
};

export function isProviderKind(kind: string): kind is ProviderKind {
  return (PROVIDER_KINDS as readonly string[]).includes(kind);
}

/** Reads `kind:…?parameters`. @param rest what stands after the colon */
export function parseProvider(kind: ProviderKind, rest: string): Parsed<ProviderSettings> {
  const question = rest.indexOf('?');
  const parameters = new URLSearchParams(question < 0 ? '' : rest.slice(question + 1));
  const common = takeCommon(parameters);
  if (common.kind === 'fault') return common;
  const region = kind === 'mailgun' ? take(parameters, 'region')?.toLowerCase() : undefined;
  if (region !== undefined && region !== 'us' && region !== 'eu') {
    return fault('region must be us or eu, such as MAIL_TRANSPORTS=mailgun:key-123@mg.example.com?region=eu.');
  }
  const endpoint = kind === 'file' ? value(undefined) : takeEndpoint(parameters);
  if (endpoint.kind === 'fault') return endpoint;
  if (parameters.size > 0) return fault(`${kind}: understands no parameters but ${parametersOf(kind)}, each once.`);
  const body = decode(question < 0 ? rest : rest.slice(0, question));
  const expected = `${wanted(kind)}, such as MAIL_TRANSPORTS=${EXAMPLES[kind]}.`;
  if (body === undefined) return fault(`${expected}\n${ENCODING_HINT}`);
  const settings = settingsOf(kind, body, region ?? 'us');
  if (!settings) return fault(expected);
  return value({ ...settings, ...common.value, ...(endpoint.value ? { endpoint: endpoint.value } : {}) });
}

function settingsOf(kind: ProviderKind, body: string, region: 'us' | 'eu'): ProviderSettings | undefined {
  switch (kind) {
    case 'resend':
    case 'sendgrid':
    case 'postmark':
    case 'brevo':
      return isKey(body) ? { kind, name: kind, key: body } : undefined;
    case 'mailgun': {
      const [domain, key] = domainAndKey(body);
      return isDomain(domain) && isKey(key) ? { kind, name: `mailgun:${domain.toLowerCase()}`, domain: domain.toLowerCase(), key, region } : undefined;
    }
    case 'mailjet': {
      const [key = '', secret = '', ...more] = body.split(':');
      return isKey(key) && isKey(secret) && more.length === 0 ? { kind, name: kind, key, secret } : undefined;
    }
    case 'ses':
      return /^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(body) ? { kind, name: `ses:${body}`, region: body } : undefined;
    case 'file':
      // Only a shell expands the tilde; here it would silently create a folder of that name.
      return body === '' || body.startsWith('~') || body.includes('\0') ? undefined : { kind, name: `file:${body}`, folder: body };
  }
}

/** `key@domain`, or `domain:key`. */
function domainAndKey(body: string): [domain: string, key: string] {
  const at = body.lastIndexOf('@');
  if (at >= 0) return [body.slice(at + 1), body.slice(0, at)];
  const colon = body.indexOf(':');
  return colon < 0 ? ['', ''] : [body.slice(0, colon), body.slice(colon + 1)];
}

/** Printable ASCII without blanks: anything else cannot stand in a header. */
function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function isDomain(text: string): boolean {
  return text.includes('.') && isHostName(text);
}

function takeEndpoint(parameters: URLSearchParams): Parsed<string | undefined> {
  const text = take(parameters, 'endpoint');
  if (text === undefined) return value(undefined);
  const url = parseUrl(text);
  const usable = url && ['http:', 'https:'].includes(url.protocol) && isLoopback(withoutBrackets(url.hostname));
  if (!usable || url.pathname !== '/' || url.search !== '') {
    return fault('endpoint is for tests, and must be an http:// or https:// address of this machine, such as ?endpoint=http://127.0.0.1:8025.');
  }
  return value(url.origin);
}

function wanted(kind: ProviderKind): string {
  switch (kind) {
    case 'mailgun':
      return 'mailgun: wants a key and a domain';
    case 'mailjet':
      return 'mailjet: wants the API key and the secret key';
    case 'ses':
      return 'ses: wants a region of AWS';
    case 'file':
      return 'file: wants a folder, without ~';
    default:
      return `${kind}: wants an API key, which has no blanks`;
  }
}

function parametersOf(kind: ProviderKind): string {
  return ['rate', 'daily', 'connections', ...(kind === 'mailgun' ? ['region'] : [])].join(', ');
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // URIError is the answer here: a % that begins no escape.
    return undefined;
  }
}
