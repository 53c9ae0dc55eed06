import { REFUSES_ALL } from './refusals-policy.js';
import type { TroubleWords } from './troubles.js';

/** One sentence each, for whoever runs this. */
export interface Cause {
  cause: string;
  remedy: string;
}

type Words = (name: string) => Cause;

const NOT_THE_PROTOCOL: Words = (name) => ({ cause: `${name} answers with something that is no mail server's.`, remedy: 'Another program probably listens there. Correct host and port in MAIL_TRANSPORTS.' });
const DOCTOR = 'Run otpost doctor on this host, which says what is in the way.';
const RELAY = 'Ask whoever runs it, or add another transport to MAIL_TRANSPORTS.';

/** By error code, without smtp_ or http_ in front: a server that cannot be reached is that, whatever it speaks. */
const CAUSES: Record<string, Words> = {
  connect_timeout: (name) => ({
    cause: `${name} does not answer: the connection hangs, as where a host blocks SMTP.`,
    remedy: 'Try port 2525 or another one in MAIL_TRANSPORTS, use an HTTP provider, or ask the host to open the port.',
  }),
  greeting_timeout: (name) => ({
    cause: `${name} connects, and sends no greeting.`,
    remedy: 'The server is overloaded, makes unknown hosts wait, or wants TLS from the first byte: then write smtps://. It gets five minutes, and mail goes out as soon as it greets.',
  }),
  setup_timeout: (name) => ({ cause: `${name} greets, and does not come to the end of the login.`, remedy: 'Some servers make clients wait after wrong passwords. Look at the user and the password in MAIL_TRANSPORTS.' }),
  refused: (name) => ({ cause: `${name} refuses the connection: no server listens there.`, remedy: 'Correct host and port in MAIL_TRANSPORTS, or start the server.' }),
  dns: (name) => ({ cause: `The name of ${name} cannot be resolved.`, remedy: 'Correct the host in MAIL_TRANSPORTS, or look at the DNS of this host.' }),
  unreachable: (name) => ({ cause: `There is no route from this host to ${name}.`, remedy: 'Look at the network of this host; Railway has IPv6 off by default.' }),
  closed: (name) => ({ cause: `${name} closes the connection without a word.`, remedy: `The server, or something in between, does not want this host. ${DOCTOR}` }),
  eprotocol: NOT_THE_PROTOCOL,
  garbage: NOT_THE_PROTOCOL,
  timeout: (name) => ({ cause: `${name} falls silent in the middle of a message.`, remedy: RELAY }),
  tls: (name) => ({ cause: `No TLS that can be trusted comes about with ${name}.`, remedy: DOCTOR }),
  auth: (name) => ({ cause: `${name} refuses the login.`, remedy: 'Mend the user and the password, or the key, in MAIL_TRANSPORTS.' }),
  token: (name) => ({ cause: `The login of ${name} gets no access token.`, remedy: 'Look whether oauth_token_url can be reached from here.' }),
  quota: (name) => ({ cause: `The quota of the account at ${name} is used up.`, remedy: 'Wait until it is renewed, raise it at the provider, or add another transport to MAIL_TRANSPORTS.' }),
  sender: (name) => ({ cause: `${name} does not let us send as MAIL_FROM.`, remedy: 'Verify the address or its domain at the provider, or correct MAIL_FROM.' }),
  [REFUSES_ALL]: (name) => ({ cause: `${name} refuses every recipient alike.`, remedy: 'It has something against this account, sender or host. Its words tell what; ask whoever runs it.' }),
  final_reply_late: (name) => ({ cause: `${name} takes messages and does not say what becomes of them.`, remedy: `Each of them has 10 minutes, and then counts as unknown. ${RELAY}` }),
};

/** The codes of a server's own refusal, where the code alone says enough. */
const REFUSALS: readonly [pattern: RegExp, words: Words][] = [
  [/^smtp_421$/, (name) => ({ cause: `${name} is not available to us for now (421).`, remedy: 'The break ends by itself. Fewer connections (?connections=) or a rate (?rate=) may help.' })],
  [/^smtp_4\d\d$/, (name) => ({ cause: `${name} refuses mail from us for now.`, remedy: 'The break ends by itself. Its words tell what it waits for.' })],
  [/^smtp_5\d\d$/, (name) => ({ cause: `${name} turns this host away.`, remedy: 'The address of this host is probably on a list of those it does not want. Ask whoever runs it, or use another server.' })],
  [/^http_429$/, (name) => ({ cause: `${name} wants fewer messages at a time (429).`, remedy: 'The break ends by itself; a rate (?rate=) avoids it.' })],
  [/^http_5\d\d$/, (name) => ({ cause: `${name} has a fault of its own for now.`, remedy: 'The break ends by itself. Look at the status page of the provider.' })],
  [/^file_/, (name) => ({ cause: `The folder of ${name} cannot be written.`, remedy: 'Look at the rights of the folder and at the free space of the disk.' })],
];

/** Why a transport is in trouble and what to do, with the server's words where there are any. */
export function causeOf(name: string, { errorCode, reply }: TroubleWords): Cause {
  const words = CAUSES[errorCode.replace(/^(smtp|http)_/, '')] ?? REFUSALS.find(([pattern]) => pattern.test(errorCode))?.[1];
  const { cause, remedy } = words?.(name) ?? { cause: `${name} cannot be used for now (${errorCode}).`, remedy: DOCTOR };
  return { cause: reply === null ? cause : `${cause} It says: ${/[.!?…]$/.test(reply) ? reply : `${reply}.`}`, remedy };
}
