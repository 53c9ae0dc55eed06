import type { ParsedMail } from 'mailparser';
import { inOneLine } from '../../core/one-line.js';
import { inLines } from './mailbox.js';
import type { ComposedAttachment, ComposedMessage } from './transport.js';

/** Where the fields of a message end (RFC 5322 §2.1). */
function fieldsEnd(mime: Buffer): number {
  const end = mime.indexOf('\r\n\r\n');
  return end < 0 ? mime.length : end + 2;
}

/** Each field with its line end, folded lines included. Bytes are read as latin1, and so keep their number. */
function fieldsIn(mime: Buffer): string[] {
  return mime.toString('latin1', 0, fieldsEnd(mime)).match(/^[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*/gm) ?? [];
}

function nameOf(field: string): string {
  return field
    .slice(0, Math.max(field.indexOf(':'), 0))
    .trim()
    .toLowerCase();
}

/** Names of the fields of a message, in lower case. @param mime lines end with CRLF */
export function fieldNamesOf(mime: Buffer): string[] {
  return fieldsIn(mime).map(nameOf);
}

/**
 * The same message with another Message-ID. Its signature by DKIM breaks where that covers the Message-ID; a body's
 * never does.
 */
export function withMessageId(mime: Buffer, messageId: string): Buffer {
  const fields = fieldsIn(mime).map((field) =>
    nameOf(field) === 'message-id' ? `Message-ID: ${messageId}\r\n` : field,
  );
  return Buffer.concat([Buffer.from(fields.join(''), 'latin1'), mime.subarray(fieldsEnd(mime))]);
}

/** @param fields printable ASCII */
export function withFieldsBefore(mime: Buffer, fields: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return lines.length === 0 ? mime : Buffer.concat([Buffer.from(lines.join('')), mime]);
}

/** Of a message as a whole: what fields and files can say. */
const EXPRESSIBLE = /^(?:text\/(?:plain|html)|multipart\/(?:mixed|alternative|related))$/;
/** Of a part: a signature over bytes that nobody but MIME keeps, what is encrypted, reports. */
const NEEDS_MIME =
  /^(?:application\/(?:x-)?(?:pkcs7-(?:mime|signature)|pgp-(?:signature|encrypted))|message\/(?:delivery-status|disposition-notification|partial|external-body))$/;

/** What follows from the members of a message, or was true of the MIME alone. */
const NOT_HANDED_ON =
  /^(?:from|to|cc|bcc|reply-to|sender|subject|date|message-id|mime-version|content-.*|received|return-path|dkim-signature|arc-.*|authentication-results|delivered-to|x-mailin-custom|x-pm-keepid|x-smtpapi)$/;

/**
 * A message that its sender composed, in the words of providers that take no MIME. `lost`: what they could not express,
 * where there is something; it is to go another way then.
 */
export async function takenApart(given: ComposedMessage): Promise<{ message: ComposedMessage; lost?: string }> {
  // Late: most processes never take a message apart.
  const { simpleParser } = (await import('mailparser')).default;
  const { mime, ...message } = given;
  const parsed = await simpleParser(mime!, {
    ...{ skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true, skipImageLinks: true },
  });
  const attachments = parsed.attachments.map((part): ComposedAttachment => {
    const { cid, contentDisposition, contentType, filename, content } = part;
    return {
      ...{ filename: inOneLine(filename ?? nameFor(contentType)), contentType, bytes: content },
      ...(cid === undefined ? {} : { contentId: cid }),
      inline: cid !== undefined && contentDisposition !== 'attachment',
    };
  });
  const [text, html] = [inLines(parsed.text ?? ''), inLines(parsed.html || '')];
  const lost = lostOf(parsed);
  return {
    message: {
      ...message,
      headers: { ...headersOf(parsed), ...given.headers },
      // Providers want words; a message may be its files alone.
      ...{ text: text === '' && html === '' ? '\n' : text, html, attachments },
    },
    ...(lost === undefined ? {} : { lost }),
  };
}

function lostOf({ headers, attachments }: ParsedMail): string | undefined {
  const whole = (headers.get('content-type') as { value?: string } | undefined)?.value ?? 'text/plain';
  if (!EXPRESSIBLE.test(whole)) return `it is ${whole}, which only MIME can carry`;
  const part = attachments.find(
    ({ contentType, contentDisposition, cid }) =>
      NEEDS_MIME.test(contentType) ||
      // Another form of the same words, such as an invitation to a meeting.
      (contentType.startsWith('text/') && contentDisposition !== 'attachment' && cid === undefined),
  );
  return part && `it has a part of the type ${part.contentType}, which only MIME can carry`;
}

/** As they were written, encoded words too; of several of one name the first. */
function headersOf({ headerLines }: ParsedMail): Record<string, string> {
  const found = new Map<string, [name: string, value: string]>();
  for (const { key, line } of headerLines) {
    const name = line.slice(0, line.indexOf(':'));
    const value = line.slice(name.length + 1).replaceAll(/\r?\n(?=[ \t])/g, '');
    if (!found.has(key) && !NOT_HANDED_ON.test(key)) found.set(key, [name, inOneLine(value).trim()]);
  }
  return Object.fromEntries(found.values());
}

function nameFor(contentType: string): string {
  return contentType === 'message/rfc822' ? 'message.eml' : 'attachment';
}
