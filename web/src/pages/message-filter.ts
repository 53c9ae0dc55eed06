import type { Schemas } from '../api/client';

/** What the address says of messages. `last` stands for a time that goes along, such as 24h. */
export interface Filter {
  status?: string;
  lane?: string;
  transport?: string;
  template?: string;
  tag?: string;
  apiKey?: string;
  broadcast?: string;
  errorCode?: string;
  to?: string;
  from?: string;
  q?: string;
  last?: string;
  since?: string;
  until?: string;
  cursor?: string;
}

export const FIELDS = ['q', 'to', 'from', 'template', 'tag', 'transport', 'errorCode', 'apiKey', 'broadcast'] as const;
export const FIELD_WORDS: Record<(typeof FIELDS)[number], string> = {
  q: 'Words',
  to: 'Recipient',
  from: 'Sender',
  template: 'Template',
  tag: 'Tag',
  transport: 'Transport',
  errorCode: 'Error code',
  apiKey: 'API key (id)',
  broadcast: 'Broadcast (id)',
};
/** All of them: a lane that is missing is a fault of types. */
export const LANES = Object.keys({ critical: 0, default: 0, bulk: 0, sms: 0 } satisfies Record<
  NonNullable<Schemas['EmailFilterFields']['lane']>,
  0
>);
export const SPANS = [
  ['1h', 'Last hour', 1],
  ['24h', 'Last 24 hours', 24],
  ['7d', 'Last 7 days', 168],
  ['30d', 'Last 30 days', 720],
] as const;

const NAMES: (keyof Filter)[] = [
  'status',
  'lane',
  'transport',
  'template',
  'tag',
  'apiKey',
  'broadcast',
  'errorCode',
  'to',
  'from',
  'q',
  'last',
  'since',
  'until',
  'cursor',
];

export function filterIn(search: Record<string, unknown>): Filter {
  return Object.fromEntries(
    NAMES.flatMap((name) => (typeof search[name] === 'string' && search[name] ? [[name, search[name]]] : [])),
  );
}

export type ApiFilter = Partial<Schemas['EmailFilterFields']>;

/** As the API takes it. @param now where the time goes along, to the minute, so that one look is asked once */
export function apiFilter({ last, cursor: _cursor, since, until, lane, ...rest }: Filter, now = Date.now()): ApiFilter {
  const hours = SPANS.find(([name]) => name === last)?.[2];
  const from =
    hours === undefined ? since : new Date(Math.floor(now / 60_000) * 60_000 - hours * 3_600_000).toISOString();
  const asMoment = (text: string | undefined) =>
    text && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : undefined;
  return JSON.parse(
    JSON.stringify({ ...rest, lane, since: asMoment(from), until: hours === undefined ? asMoment(until) : undefined }),
  ) as ApiFilter;
}

/** What was typed: an address or a number with its + is a recipient, the rest is looked for in subjects and replies. */
export function searched(text: string): Pick<Filter, 'q' | 'to'> {
  const word = text.trim();
  if (word === '') return {};
  return /^(\S+@\S+\.\S+|\+[\d\s().-]{6,})$/.test(word) ? { to: word } : { q: word };
}
export const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
