import { inWireLines } from '../line-ends.js';
import { headerText, phrase } from './header-text.js';
import { type Mailbox, mailboxOf, oneLine } from './http/provider.js';
import type { ComposedMessage } from './transport.js';

/** What nodemailer needs of a message; one for all transports, so that all build the same bytes. */
export function envelopeOf(message: ComposedMessage): object {
  return {
    messageId: message.messageId,
    from: mailboxOf(message.from),
    to: mailboxOf(message.to),
    date: message.date,
    subject: message.subject,
    ...(message.replyTo ? { replyTo: mailboxOf(message.replyTo) } : {}),
    text: inWireLines(message.text),
    html: inWireLines(message.html),
    headers: Object.entries(message.headers).map(([key, value]) => ({ key, value: oneLine(value) })),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Fields that people's words reach, by name in lower case, as they stand on the wire but for folding. */
export function fieldsOf(message: ComposedMessage): ReadonlyMap<string, string> {
  const free = Object.entries(message.headers).filter(([name]) => /^x-/i.test(name));
  return new Map([
    ['from', written(mailboxOf(message.from))],
    ['to', written(mailboxOf(message.to))],
    ...(message.replyTo ? [['reply-to', written(mailboxOf(message.replyTo))] as const] : []),
    ['subject', headerText(message.subject)],
    ...free.map(([name, value]) => [name.toLowerCase(), headerText(value)] as const),
  ]);
}

function written({ name, address }: Mailbox): string {
  return name === '' ? address : `${phrase(name)} <${address}>`;
}
