import { createPrivateKey } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { isHostName } from './hosts.js';
import { fault, type Parsed, value } from './parsed.js';

/** Verifiers refuse shorter ones (RFC 8301 §3.2). */
const MIN_KEY_BITS = 1024;

export function parseDkimDomain(text: string): Parsed<string> {
  // In DNS, and so in the signature, a domain beyond ASCII has its form in ASCII (UTS 46).
  const domain = /[^\0-\x7f]/.test(text) ? domainToASCII(text) : text.toLowerCase();
  return isHostName(domain) && domain.includes('.') ? value(domain) : fault('must be a domain, such as DKIM_DOMAIN=example.com.');
}

export function parseDkimSelector(text: string): Parsed<string> {
  const isSelector = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text);
  return isSelector ? value(text) : fault('must be what stands before ._domainkey in DNS, such as DKIM_SELECTOR=otpost.');
}

/** PEM, as it is, on one line with \n for its line breaks, or in base64. nodemailer signs with RSA only. */
export function parseDkimKey(text: string): Parsed<string> {
  const remedy = 'must be an RSA private key of at least 1024 bits in PEM, or that in base64, such as DKIM_PRIVATE_KEY=<the output of: openssl genrsa 2048 | base64 -w0>.';
  const pem = text.includes('-----BEGIN') ? text.replaceAll('\\n', '\n') : Buffer.from(text, 'base64').toString('utf8');
  try {
    const key = createPrivateKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return key.asymmetricKeyType === 'rsa' && bits >= MIN_KEY_BITS ? value(pem) : fault(remedy);
  } catch {
    // What OpenSSL makes of it would repeat none of the text, and help nobody.
    return fault(remedy);
  }
}
