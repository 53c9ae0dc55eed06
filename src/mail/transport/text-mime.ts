import { randomUUID } from 'node:crypto';
import { encode as base64, wrap as wrapBase64 } from 'nodemailer/lib/base64';
import { foldLines, hasLongerLines, isPlainText } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import { wrap as wrapQuoted } from 'nodemailer/lib/qp';
import type { ComposedMessage } from './transport.js';

/** Bytes of a part that nodemailer's encoders take in one piece; of a longer one they join pieces. */
const ONE_PIECE = 64 * 1_024;
/** What our own headers may be called without standing for one that is written anyway. */
const OWN_HEADER = /^(?:x-|list-|references$|in-reply-to$|importance$|auto-submitted$)/i;
/** Bytes that quoted-printable writes as such (RFC 2045 §6.7): not `=`, and no blank at the end of a line. */
const QUOTED = /[^\t\n\r -<>-~]|[\t ](?=[\r\n]|$)/g;
const ESCAPES = Array.from({ length: 256 }, (_, byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`);

const node = new MimeNode() as MimeNode & { _normalizeHeaderKey(name: string): string };

/** A message in both forms and nothing else, with CRLF at the end of each line. */
export interface TextMail extends Pick<ComposedMessage, 'messageId' | 'date' | 'subject' | 'text' | 'html'> {
  /** In their order, each value on one line. */
  headers: readonly { key: string; value: string }[];
  /** Values of fields that are written already, by name in lower case. */
  fields: ReadonlyMap<string, string>;
}

/**
 * The bytes that nodemailer's MailComposer makes of text and HTML (10.6.0), written at once: there each part goes
 * through a dozen streams, which costs a worker more than all else that it does for a message (measured: ten times as
 * much). Undefined where there is more to it: the composer shall do it.
 */
export function writeTextMail({ headers, fields, messageId, date, subject, text, html }: TextMail): Buffer | undefined {
  if (headers.some(({ key }) => !OWN_HEADER.test(key))) return undefined;
  const parts = [partOf('plain', text), partOf('html', html)];
  if (parts.includes(undefined)) return undefined;
  const line = (name: string, value: string | undefined): string =>
    value === undefined || value.trim() === '' ? '' : `${foldLines(`${name}: ${value}`, 76)}\r\n`;
  const boundary = `--_NmP-${randomUUID().replaceAll('-', '').slice(0, 16)}-Part_1`;
  return Buffer.from(
    headers
      .map(({ key, value }) =>
        line(node._normalizeHeaderKey(key), fields.get(key.toLowerCase()) ?? node.encodeHeaderValue(key, value)),
      )
      .join('') +
      line('From', fields.get('from')) +
      line('To', fields.get('to')) +
      line('Cc', fields.get('cc')) +
      line('Reply-To', fields.get('reply-to')) +
      (subject === '' ? '' : line('Subject', fields.get('subject'))) +
      line('Message-ID', messageId) +
      line('Date', date.toUTCString().replace('GMT', '+0000')) +
      `MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="${boundary}"\r\n\r\n` +
      `--${boundary}\r\n${parts.join(`\r\n--${boundary}\r\n`)}\r\n--${boundary}--\r\n`,
  );
}

/** Undefined: empty, long, or with blanks at its end, which nodemailer's streams hold back until they know. */
function partOf(form: 'plain' | 'html', content: string): string | undefined {
  if (content === '' || /[\t ]$/.test(content) || content.length > ONE_PIECE) return undefined;
  const isPlain = isPlainText(content);
  if (isPlain && !hasLongerLines(content, 76)) return part(form, '7bit', content);
  const bytes = Buffer.from(content);
  if (bytes.length > ONE_PIECE) return undefined;
  if (!(isPlain ? /[a-z]/i.test(content) : isMostlyLatin(content)))
    return part(form, 'base64', wrapBase64(base64(bytes), 76));
  const quoted = bytes.toString('latin1').replaceAll(QUOTED, (byte) => ESCAPES[byte.charCodeAt(0)]!);
  return part(form, 'quoted-printable', wrapQuoted(quoted, 76));
}

function part(form: 'plain' | 'html', encoding: string, content: string): string {
  return `Content-Type: text/${form}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${content}`;
}

/** More letters from A to Z than characters that quoted-printable would write as three. */
function isMostlyLatin(content: string): boolean {
  let latin = 0;
  for (let index = 0; index < content.length; index++) {
    const code = content.charCodeAt(index);
    if (code >= 0x80 || (code < 0x20 && code !== 9 && code !== 10 && code !== 13)) latin--;
    else if ((code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)) latin++;
  }
  return latin > 0;
}
