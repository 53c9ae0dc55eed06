import type { FailureWords } from './breaker-records.js';
import { REFUSES_ALL } from './refusals-policy.js';

/** One sentence each, for whoever runs this. */
interface Cause {
  cause: string;
  remedy: string;
}

/** `@` stands for the name of the transport. */
type Words = readonly [cause: string, remedy: string];

const NOT_THE_PROTOCOL: Words = [
  "@ answers with something that is no mail server's.",
  'Another program probably listens there. Correct host and port in MAIL_TRANSPORTS.',
];
const DOCTOR = 'Run otpost doctor on this host, which says what is in the way.';
const RELAY = 'Ask whoever runs it, or add another transport to MAIL_TRANSPORTS.';

/** By error code, without smtp_ or http_ in front: a server that cannot be reached is that, whatever it speaks. */
const CAUSES: Record<string, Words> = {
  connect_timeout: [
    '@ does not answer: the connection hangs, as where a host blocks SMTP.',
    'Try port 2525 or another one in MAIL_TRANSPORTS, use an HTTP provider, or ask the host to open the port.',
  ],
  greeting_timeout: [
    '@ connects, and sends no greeting.',
    'The server is overloaded, makes unknown hosts wait, or wants TLS from the first byte: then write smtps://. It gets five minutes, and mail goes out as soon as it greets.',
  ],
  setup_timeout: [
    '@ greets, and does not come to the end of the login.',
    'Some servers make clients wait after wrong passwords. Look at the user and the password in MAIL_TRANSPORTS.',
  ],
  refused: [
    '@ refuses the connection: no server listens there.',
    'Correct host and port in MAIL_TRANSPORTS, or start the server.',
  ],
  dns: ['The name of @ cannot be resolved.', 'Correct the host in MAIL_TRANSPORTS, or look at the DNS of this host.'],
  unreachable: [
    'There is no route from this host to @.',
    'Look at the network of this host; Railway has IPv6 off by default.',
  ],
  closed: [
    '@ closes the connection without a word.',
    `The server, or something in between, does not want this host. ${DOCTOR}`,
  ],
  eprotocol: NOT_THE_PROTOCOL,
  garbage: NOT_THE_PROTOCOL,
  timeout: ['@ falls silent in the middle of a message.', RELAY],
  tls: ['No TLS that can be trusted comes about with @.', DOCTOR],
  auth: ['@ refuses the login.', 'Mend the user and the password, or the key, in MAIL_TRANSPORTS.'],
  token: ['The login of @ gets no access token.', 'Look whether oauth_token_url can be reached from here.'],
  quota: [
    'The quota of the account at @ is used up.',
    'Wait until it is renewed, raise it at the provider, or add another transport to MAIL_TRANSPORTS.',
  ],
  sender: [
    '@ does not let us send as MAIL_FROM.',
    'Verify the address or its domain at the provider, or correct MAIL_FROM.',
  ],
  [REFUSES_ALL]: [
    '@ refuses every recipient alike.',
    'It has something against this account, sender or host. Its words tell what; ask whoever runs it.',
  ],
  final_reply_late: [
    '@ takes messages and does not say what becomes of them.',
    `Each of them has 10 minutes, and then counts as unknown. ${RELAY}`,
  ],
};

/** The codes of a server's own refusal, where the code alone says enough. */
const CODES: readonly [pattern: RegExp, words: Words][] = [
  [
    /^smtp_421$/,
    [
      '@ is not available to us for now (421).',
      'The break ends by itself. Fewer connections (?connections=) or a rate (?rate=) may help.',
    ],
  ],
  [/^smtp_4\d\d$/, ['@ refuses mail from us for now.', 'The break ends by itself. Its words tell what it waits for.']],
  [
    /^smtp_5\d\d$/,
    [
      '@ turns this host away.',
      'The address of this host is probably on a list of those it does not want. Ask whoever runs it, or use another server.',
    ],
  ],
  [/^http_429$/, ['@ wants fewer messages at a time (429).', 'The break ends by itself; a rate (?rate=) avoids it.']],
  [
    /^http_5\d\d$/,
    ['@ has a fault of its own for now.', 'The break ends by itself. Look at the status page of the provider.'],
  ],
  [
    /^file_/,
    ['The folder of @ cannot be written.', 'Look at the rights of the folder and at the free space of the disk.'],
  ],
];

/** Why a transport cannot be used and what to do, with the server's words where there are any. */
export function causeOf(name: string, { errorCode, reply }: FailureWords): Cause {
  const [cause, remedy] = CAUSES[errorCode.replace(/^(smtp|http)_/, '')] ??
    CODES.find(([pattern]) => pattern.test(errorCode))?.[1] ?? [`@ cannot be used for now (${errorCode}).`, DOCTOR];
  const says = reply === null ? '' : ` It says: ${/[.!?…]$/.test(reply) ? reply : `${reply}.`}`;
  return { cause: cause.replace('@', () => name) + says, remedy };
}
