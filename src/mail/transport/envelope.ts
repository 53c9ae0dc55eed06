import type { ComposedMessage } from './transport.js';

/** What nodemailer needs of a message; one for all transports, so that all build the same bytes. */
export function envelopeOf(message: ComposedMessage): object {
  return {
    messageId: message.messageId,
    from: message.from,
    to: message.to,
    date: message.date,
    subject: message.subject,
    ...(message.replyTo ? { replyTo: message.replyTo } : {}),
    text: message.text,
    html: message.html,
    headers: message.headers,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
