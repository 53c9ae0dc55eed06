import { isAscii } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import DKIM from 'nodemailer/lib/dkim';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import type { DkimSettings } from '../../config/settings.js';
import { inOneLine } from '../../core/one-line.js';
import { LINE_END, type Mailbox, mailboxOf, oneLine } from './mailbox.js';
import { withFieldsBefore } from './given-mime.js';
import { writeTextMail } from './text-mime.js';
import type { ComposedMessage } from './transport.js';

/**
 * The form on the wire (RFC 5321 §2.3.8). nodemailer makes CRLF of every other line end only while it writes into the
 * connection, after DKIM has signed (measured on nodemailer 10.6.0): a CR on its own broke the signature.
 */
function inWireLines(text: string): string {
  return text.includes('\r') ? text.replaceAll(LINE_END, '\r\n') : text.replaceAll('\n', '\r\n');
}

/**
 * Bytes of text in an encoded word: in base64, with `=?UTF-8?B?` and `?=` around them, at most 72 characters of 75 (RFC
 * 2047 §2).
 */
const BYTES_OF_A_WORD = 45;
/** Characters of a word that a line of 78 can hold beside the name of the field and the bracket of an address. */
const LONGEST_PLAIN_WORD = 60;

/**
 * The value of an unstructured field, such as a subject, that every reader turns back into this very text. A blank
 * stands for each control character. Text that looks encoded (`=?utf-8?Q?x?=`) is encoded once more: nodemailer lets
 * such text pass, because callers of other libraries encode before they call, and mail programs then show another text.
 */
function headerText(text: string): string {
  const line = inOneLine(text);
  return isPlain(line) ? line : encodedWords(line);
}

/**
 * A display name before an address (RFC 5322 §3.2.5). A quoted string is no place for an encoded word (RFC 2047 §5),
 * and mail programs decode them there all the same: what looks encoded is encoded once more, never quoted.
 */
export function phrase(name: string): string {
  const line = inOneLine(name);
  if (!isPlain(line)) return encodedWords(line);
  return /^[\w ]*$/.test(line) ? line : `"${line.replaceAll(/["\\]/g, '\\$&')}"`;
}

/**
 * Printable ASCII in words with one blank between them: folding and unfolding change nothing, and nothing is decoded.
 */
function isPlain(line: string): boolean {
  return (
    /^[!-~]+(?: [!-~]+)*$/.test(line) &&
    !line.includes('=?') &&
    line.split(' ').every(({ length }) => length <= LONGEST_PLAIN_WORD)
  );
}

/** Whole characters in each: RFC 2047 §5 (3) allows no character in two words. */
function encodedWords(line: string): string {
  const words = [''];
  for (const character of line) {
    const grown = words.at(-1)! + character;
    if (Buffer.byteLength(grown) > BYTES_OF_A_WORD) words.push(character);
    else words[words.length - 1] = grown;
  }
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ');
}

interface Written {
  text: string;
  html: string;
  headers: { key: string; value: string }[];
}

/** The words in their form on the wire; one for all transports, so that all build the same bytes. */
function writtenOf({ text, html, headers }: ComposedMessage): Written {
  return {
    text: inWireLines(text),
    html: inWireLines(html),
    headers: Object.entries(headers).map(([key, value]) => ({ key, value: oneLine(value) })),
  };
}

/** What nodemailer needs of a message. */
function envelopeOf(message: ComposedMessage, written: Written): object {
  return {
    ...written,
    messageId: message.messageId,
    from: mailboxOf(message.from),
    to: message.to.map(mailboxOf),
    ...(message.cc.length > 0 ? { cc: message.cc.map(mailboxOf) } : {}),
    date: message.date,
    subject: message.subject,
    ...(message.replyTo.length > 0 ? { replyTo: message.replyTo.map(mailboxOf) } : {}),
    attachments: message.attachments.map(({ filename, contentType, contentId, inline, bytes }) => ({
      ...{ contentType, content: bytes, contentTransferEncoding: 'base64' },
      ...named(filename, inline ? 'inline' : 'attachment'),
      ...(contentId === undefined ? {} : { cid: contentId }),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Characters of one piece of a parameter: with its name and number it stands in a line of 78. */
const LONGEST_PIECE = 55;

/**
 * The name of a file. nodemailer writes most of them well (measured on 10.6.0), but not those that look like an encoded
 * word, which readers decode also in a quoted string, and not long ones in ASCII: where it divides them, blanks get
 * lost. These are written as RFC 2231 §4.1 says, each character that could mean something as its bytes.
 */
function named(filename: string, disposition: 'inline' | 'attachment'): object {
  const isLong = /^[\x20-\x7e]*$/.test(filename) && filename.length > LONGEST_PIECE;
  if (!filename.includes('=?') && !isLong) return { filename, contentDisposition: disposition };
  const pieces = [''];
  for (const character of filename) {
    const written = encodeURIComponent(character).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
    if ((pieces.at(-1)! + written).length > LONGEST_PIECE) pieces.push(written);
    else pieces[pieces.length - 1] += written;
  }
  const parameters = pieces.map((piece, n) => `filename*${n}*=${n === 0 ? "utf-8''" : ''}${piece}`);
  return {
    filename: false,
    contentDisposition: { prepared: true, value: [disposition, ...parameters].join(';\r\n ') },
  };
}

/** Fields that people's words reach, by name in lower case, as they stand on the wire but for folding. */
export function fieldsOf(message: ComposedMessage): ReadonlyMap<string, string> {
  const free = Object.entries(message.headers).filter(([name]) => /^x-/i.test(name));
  return new Map([
    ['from', writtenAll([message.from])],
    ['to', writtenAll(message.to)],
    ...(message.cc.length > 0 ? [['cc', writtenAll(message.cc)] as const] : []),
    ...(message.replyTo.length > 0 ? [['reply-to', writtenAll(message.replyTo)] as const] : []),
    ['subject', headerText(message.subject)],
    ...free.map(([name, value]) => [name.toLowerCase(), headerText(value)] as const),
  ]);
}

function writtenAll(mailboxes: readonly string[]): string {
  return mailboxes.map((text) => written(mailboxOf(text))).join(', ');
}

function written({ name, address }: Mailbox): string {
  return name === '' ? address : `${phrase(name)} <${address}>`;
}

/** nodemailer's own choice but for the two that RFC 8058 §4 wants covered, and without those that we never write. */
const SIGNED_HEADERS =
  'From:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:Auto-Submitted:List-Unsubscribe:List-Unsubscribe-Post';

export interface BuiltMail {
  /** A new one each time: nodemailer's connection writes into it. */
  envelope: () => SMTPEnvelope;
  /** As it goes over the wire, but for the dots. */
  bytes: Buffer;
}

/** Builds messages, and signs them where there is a key. */
export class MailBuilder {
  private readonly dkim: DKIM | undefined;

  /** @param bounceAddress as in the settings */
  constructor(
    settings: DkimSettings | undefined,
    private readonly bounceAddress?: string,
  ) {
    this.dkim =
      settings &&
      new DKIM({
        domainName: settings.domain,
        keySelector: settings.selector,
        privateKey: settings.privateKey,
        headerFieldNames: SIGNED_HEADERS,
      });
  }

  /** The words of fields are written by ourselves, see headerText. */
  async build(message: ComposedMessage): Promise<BuiltMail> {
    const bytes = message.mime ? withFieldsBefore(message.mime, message.headers) : await this.compose(message);
    const returnPath = this.returnPathOf(message);
    return {
      envelope: () => ({
        from: returnPath ?? message.returnPath ?? mailboxOf(message.from).address,
        to: message.recipients.map(({ address }) => mailboxOf(address).address),
        use8BitMime: message.mime !== undefined && !isAscii(bytes), // RFC 6152; what we compose is ASCII
      }),
      bytes: this.dkim ? await buffer(this.dkim.sign(bytes)) : bytes,
    };
  }

  private async compose(message: ComposedMessage): Promise<Buffer> {
    const written = writtenOf(message);
    const fields = fieldsOf(message);
    const text = message.attachments.length === 0 ? writeTextMail({ ...message, ...written, fields }) : undefined;
    return text ?? (await composed(envelopeOf(message, written), fields));
  }

  /** Variable envelope return path: says which message bounced, however little of it comes back. */
  private returnPathOf({ id }: ComposedMessage): string | undefined {
    return this.bounceAddress?.replace('@', `+${id}@`);
  }
}

/** nodemailer builds and folds. */
function composed(envelope: object, fields: ReadonlyMap<string, string>): Promise<Buffer> {
  const mime = new MailComposer(envelope).compile();
  const encode = mime.encodeHeaderValue.bind(mime);
  mime.encodeHeaderValue = (key, value) => fields.get(key.toLowerCase()) ?? encode(key, value);
  return mime.build();
}
