import { X509Certificate } from 'node:crypto';

const WITHIN_MS = 5_000;
/** Bytes; a certificate has about two thousand. */
const LARGEST = 16 * 1024;
/** One is in use at a time, for about a year. */
const KEPT = 5;
/** Milliseconds. */
const MINUTE = 60_000;
/** A forged message that names the right topic may name any number of certificates. */
const FETCHES_A_MINUTE = 10;

/** Amazon could not be asked; the same message may be proven later. */
export class SnsUnavailable extends Error {
  override readonly name = 'SnsUnavailable';
}

/** What is fetched from sns.<region>.amazonaws.com. That an address is there is for the caller to see to. */
export class SnsSite {
  private readonly certificates = new Map<string, Promise<X509Certificate>>();
  private readonly fetchedAt: number[] = [];

  /** @param get the text behind an address */
  constructor(private readonly get: (url: string) => Promise<string> = getPinned) {}

  /** @throws SnsUnavailable */
  async certificate(url: string, now: Date): Promise<X509Certificate> {
    const known = this.certificates.get(url);
    if (known) return known;
    this.spend(now);
    const fetched = this.text(url).then((pem) => new X509Certificate(pem));
    this.certificates.set(url, fetched);
    if (this.certificates.size > KEPT) this.certificates.delete(this.certificates.keys().next().value!);
    try {
      return await fetched;
    } catch (error) {
      this.certificates.delete(url); // the next one asks again
      throw new SnsUnavailable('the certificate could not be had', { cause: error });
    }
  }

  /** @throws SnsUnavailable */
  async confirm(url: string): Promise<void> {
    await this.text(url);
  }

  private spend(now: Date): void {
    const since = now.getTime() - MINUTE;
    while (this.fetchedAt.length > 0 && this.fetchedAt[0]! <= since) this.fetchedAt.shift();
    if (this.fetchedAt.length >= FETCHES_A_MINUTE) throw new SnsUnavailable('too many certificates were asked for');
    this.fetchedAt.push(now.getTime());
  }

  private async text(url: string): Promise<string> {
    try {
      return await this.get(url);
    } catch (error) {
      throw new SnsUnavailable('Amazon SNS did not answer as expected', { cause: error });
    }
  }
}

async function getPinned(url: string): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(WITHIN_MS) });
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > LARGEST) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
