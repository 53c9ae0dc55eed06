import { createHash, createPublicKey, type KeyLike, verify } from 'node:crypto';

export interface DkimVerdict {
  /** The hash in the signature is that of the body (RFC 6376 §3.7). */
  body: boolean;
  /** The signature is that of the fields it names. */
  fields: boolean;
}

/**
 * Verifies the one signature of a message, relaxed/relaxed and RSA with SHA-256 (RFC 6376 §3.4.2, §3.4.4). Written for
 * tests and from the RFC, so that the signer's reading of it is not taken for granted.
 * @param bytes as they were on the wire, without the stuffing of dots
 */
export function verifyDkim(bytes: Buffer, publicKey: KeyLike): DkimVerdict {
  const message = bytes.toString('latin1');
  const end = message.indexOf('\r\n\r\n');
  const fields = message.slice(0, end).split(/\r\n(?![ \t])/);
  const signature = fields.find((field) => /^dkim-signature:/i.test(field))!;
  const tags = new Map(
    signature
      .slice(signature.indexOf(':') + 1)
      .split(';')
      .map((tag) => [tag.slice(0, tag.indexOf('=')).trim(), tag.slice(tag.indexOf('=') + 1).replace(/\s/g, '')]),
  );
  const signed = tags
    .get('h')!
    .split(':')
    .map((name) => relaxed(fields.filter((field) => new RegExp(`^${name}[ \\t]*:`, 'i').test(field)).at(-1)!));
  const own = relaxed(signature.replace(/(;[ \t\r\n]*b=)[^;]*/, '$1'));
  return {
    body:
      createHash('sha256')
        .update(relaxedBody(message.slice(end + 4)), 'latin1')
        .digest('base64') === tags.get('bh'),
    fields: verify(
      'rsa-sha256',
      Buffer.from([...signed, own].join('\r\n'), 'latin1'),
      createPublicKey(publicKey),
      Buffer.from(tags.get('b')!, 'base64'),
    ),
  };
}

function relaxed(field: string): string {
  const colon = field.indexOf(':');
  const text = field
    .slice(colon + 1)
    .replaceAll('\r\n', '')
    .replaceAll(/[ \t]+/g, ' ')
    .trim();
  return `${field.slice(0, colon).trimEnd().toLowerCase()}:${text}`;
}

/** Only CRLF ends a line here. */
function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replaceAll(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  return lines.map((line) => `${line}\r\n`).join('');
}
