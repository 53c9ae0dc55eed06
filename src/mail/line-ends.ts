/** CRLF, LF, and CR on its own; a reader of mail may take each of them for the end of a line. */
const LINE_END = /\r\n?|\n/g;

/** The form in which content is kept and given to HTTP providers: LF alone ends a line. */
export function inLines(text: string): string {
  return text.replaceAll(LINE_END, '\n');
}

/**
 * The form on the wire (RFC 5321 §2.3.8). nodemailer makes CRLF of every other line end only while it writes into the
 * connection, after DKIM has signed (measured on nodemailer 10.6.0): a CR on its own broke the signature.
 */
export function inWireLines(text: string): string {
  return text.replaceAll(LINE_END, '\r\n');
}
