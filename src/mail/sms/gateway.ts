import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { isKey } from '../../config/provider-entries.js';
import { fileErrorCode, StartupError } from '../../core/startup-error.js';
import { boundedLiquid } from '../../core/strict-liquid.js';
import { type ProviderRequest, textAt } from '../providers/provider.js';
import { numberOf, SMS_LIMIT, type SmsProvider } from './sms-provider.js';

interface Account {
  /** YAML that says how it is called. */
  file: string;
  /** `key` in its templates. */
  key: string;
}

/** What templates may name, and what stands for each where a file is read. */
const SAMPLES = { to: '+639171234567', number: '639171234567', text: 'Text', id: 'id', from: 'Acme', key: 'key' };
type Values = Record<keyof typeof SAMPLES, string>;

interface Gateway {
  url(values: Values): string;
  headers(values: Values): Record<string, string>;
  body(values: Values): { type: string; text: string };
  /** Where the answer has the gateway's id of the message, and the state of the message. */
  id: string[] | undefined;
  state: string[] | undefined;
  /** States that are refusals, whatever the status line says. */
  refused: readonly string[];
}

const FIELDS = ['url', 'headers', 'json', 'form', 'body', 'id', 'state', 'refused'];
const { plain: LIQUID } = boundedLiquid({ parseLimit: 20_000, renderLimit: 100, memoryLimit: 1_000_000 });

/** Any other gateway that takes a POST: a file says how it is called and where its answer has what. */
export const gateway: SmsProvider<Account> = {
  kind: 'http',
  entry: {
    example: 'http:/etc/otpost/gateway.yaml',
    wants:
      'the path of a YAML file that says how the gateway is called, and ?key= with what must not stand in it (docs/sms.md)',
    text: 'key',
    read: (body, { key = '' }) =>
      body.startsWith('/') && !body.includes('\0') && (key === '' || isKey(key)) ? { file: body, key } : undefined,
    name: ({ file }) => `http:${file.slice(file.lastIndexOf('/') + 1)}`,
    secrets: ({ key }) => (key === '' ? [] : [key]),
  },
  /** In its file. */
  endpoint: () => '',
  idempotent: false,
  limit: SMS_LIMIT,
  rows: [],
  request: (message, { account }) => {
    const { id, from, text } = message;
    const to = numberOf(message);
    return requestOf(gatewayIn(account.file), { to, number: to.slice(1), text, id, from, key: account.key });
  },
  read: () => ({}),
};

/** The same with its file read. @throws StartupError */
export function openGateway({ file }: Account): SmsProvider<Account> {
  const known = gatewayIn(file);
  return {
    ...gateway,
    endpoint: () => new URL(known.url(SAMPLES)).origin,
    read: ({ json, status }) => {
      const state = known.state && textAt(json, ...known.state);
      const isRefused = state !== undefined && known.refused.includes(state.toLowerCase());
      return {
        id: known.id && textAt(json, ...known.id),
        code: state,
        status: isRefused ? Math.max(status, 422) : status,
      };
    },
  };
}

const read = new Map<string, Gateway>();

/** Each file is read once, at the start of the process. @throws StartupError */
function gatewayIn(file: string): Gateway {
  const known = read.get(file) ?? readGateway(file);
  read.set(file, known);
  return known;
}

function requestOf(known: Gateway, values: Values): ProviderRequest {
  const { type, text } = known.body(values);
  return {
    url: known.url(values),
    headers: { accept: 'application/json', 'content-type': type, ...known.headers(values) },
    body: Buffer.from(text),
  };
}

/** @throws StartupError */
function readGateway(file: string): Gateway {
  try {
    return gatewayOf(load(readFileSync(file, 'utf8')));
  } catch (cause) {
    const code = fileErrorCode(cause);
    const why = code === undefined ? (cause as Error).message.split('\n', 1)[0]! : `it cannot be read (${code})`;
    throw new StartupError(
      `The gateway ${file} of SMS_TRANSPORTS cannot be used: ${why}.`,
      'Correct it, and start again; docs/sms.md shows what stands in it.',
      { cause },
    );
  }
}

/** @throws Error that says what is wrong with it */
function gatewayOf(document: unknown): Gateway {
  if (!isFields(document)) throw new Error('it holds no fields');
  for (const name of Object.keys(document))
    if (!FIELDS.includes(name)) throw new Error(`${name} is none of ${FIELDS.join(', ')}`);
  const bodies = ['json', 'form', 'body'].filter((name) => document[name] !== undefined);
  if (bodies.length !== 1) throw new Error('it has to have one of json, form and body');
  const known: Gateway = {
    url: templateOf('url', document['url'], encodeURIComponent),
    headers: textsOf('headers', document['headers'] ?? {}),
    body: bodyOf(document),
    id: pointerOf('id', document['id']),
    state: pointerOf('state', document['state']),
    refused: wordsOf(document['refused'] ?? []),
  };
  const url = known.url(SAMPLES);
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new Error('url has to begin with https:// or http://');
  known.headers(SAMPLES);
  if (known.body(SAMPLES).text === '') throw new Error('its body is empty');
  return known;
}

function bodyOf(document: Record<string, unknown>): Gateway['body'] {
  if (document['json'] !== undefined) {
    const make = jsonOf('json', document['json']);
    return (values) => ({ type: 'application/json', text: JSON.stringify(make(values)) });
  }
  if (document['form'] !== undefined) {
    const make = textsOf('form', document['form']);
    const type = 'application/x-www-form-urlencoded';
    return (values) => ({ type, text: new URLSearchParams(make(values)).toString() });
  }
  const make = templateOf('body', document['body']);
  return (values) => ({ type: 'text/plain; charset=utf-8', text: make(values) });
}

/** Text within it is a template; what is no text stays. What a template makes cannot break out of its place. */
function jsonOf(place: string, given: unknown): (values: Values) => unknown {
  if (typeof given === 'string') return templateOf(place, given);
  if (Array.isArray(given)) {
    const items = given.map((item, n) => jsonOf(`${place}.${n}`, item));
    return (values) => items.map((make) => make(values));
  }
  if (!isFields(given)) return () => given;
  const members = Object.entries(given).map(([name, item]) => [name, jsonOf(`${place}.${name}`, item)] as const);
  return (values) => Object.fromEntries(members.map(([name, make]) => [name, make(values)]));
}

function textsOf(place: string, given: unknown): (values: Values) => Record<string, string> {
  if (!isFields(given)) throw new Error(`${place} holds no fields`);
  const members = Object.entries(given).map(([name, text]) => [name, templateOf(`${place}.${name}`, text)] as const);
  return (values) => Object.fromEntries(members.map(([name, make]) => [name, make(values)]));
}

/** @param escape what stands in place of each value */
function templateOf(place: string, given: unknown, escape = (text: string) => text): (values: Values) => string {
  if (typeof given !== 'string' && typeof given !== 'number') throw new Error(`${place} is no text`);
  const parsed = LIQUID.parse(String(given));
  const make = (values: Values): string => {
    const written = Object.entries(values).map(([name, text]) => [name, escape(text)]);
    return String(LIQUID.renderSync(parsed, Object.fromEntries(written) as Values)).trim();
  };
  try {
    make(SAMPLES);
  } catch (cause) {
    throw new Error(`${place}: ${(cause as Error).message.split('\n', 1)[0]!}`, { cause });
  }
  return make;
}

/** A JSON pointer (RFC 6901), as its steps. */
function pointerOf(place: string, given: unknown): string[] | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'string' || !given.startsWith('/'))
    throw new Error(`${place} is no JSON pointer such as /data/id`);
  return given
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function wordsOf(given: unknown): string[] {
  if (!Array.isArray(given)) throw new Error('refused is no list of states');
  return given.map((one) => String(one).toLowerCase());
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
