import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { pooledBytes } from './ids.js';

const IV_BYTES = 12;
const TAG_BYTES = 16;
const CIPHERTEXT_AT = IV_BYTES + TAG_BYTES;

export interface Sealed {
  /** Names the secret that sealed it, so that the secret can be rotated. */
  keyId: string;
  /** iv (12) ‖ tag (16) ‖ ciphertext */
  bytes: Uint8Array<ArrayBuffer>;
}

/** A sealed value names a secret that is not configured, or was changed. */
export class UnsealError extends Error {
  override readonly name = 'UnsealError';
}

interface Secret {
  id: string;
  seal: Buffer;
  pepper: Buffer;
}

/**
 * Everything that is kept secret in Postgres goes through here: AES-256-GCM to seal, HMAC-SHA-256 with a pepper to
 * compare. Keys are derived from APP_SECRET by HKDF (RFC 5869), one per use. The first secret seals; all of them open.
 */
export class Keyring {
  private readonly secrets: Map<string, Secret>;
  readonly currentId: string;

  constructor(appSecret: string, previous: string[] = []) {
    const secrets = [appSecret, ...previous].map(derive);
    this.secrets = new Map(secrets.map((secret) => [secret.id, secret]));
    this.currentId = secrets[0]!.id;
  }

  /** `context` binds the value to its place (such as `email:<id>`): moved to another row it does not open. */
  seal(plain: string, context: string): Sealed {
    return this.sealBytes(Buffer.from(plain), context);
  }

  /** @throws UnsealError when the secret is unknown, or the value was tampered with or moved. */
  open(sealed: { keyId: string; bytes: Uint8Array }, context: string): string {
    return this.openBytes(sealed, context).toString('utf8');
  }

  /** The same for what is no text. */
  sealBytes(plain: Uint8Array, context: string): Sealed {
    const { id, seal } = this.secret(this.currentId);
    const iv = pooledBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', seal, iv).setAAD(Buffer.from(context));
    const bytes = new Uint8Array(CIPHERTEXT_AT + plain.length);
    bytes.set(cipher.update(plain), CIPHERTEXT_AT);
    cipher.final(); // of GCM there is nothing left
    bytes.set(iv);
    bytes.set(cipher.getAuthTag(), IV_BYTES);
    return { keyId: id, bytes };
  }

  /** @throws UnsealError as {@link open} */
  openBytes(sealed: { keyId: string; bytes: Uint8Array }, context: string): Buffer<ArrayBuffer> {
    const { seal } = this.secret(sealed.keyId);
    const { bytes } = sealed;
    try {
      const decipher = createDecipheriv('aes-256-gcm', seal, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(IV_BYTES, CIPHERTEXT_AT));
      const plain = decipher.update(bytes.subarray(CIPHERTEXT_AT));
      decipher.final(); // throws unless every byte before it is genuine
      return plain;
    } catch (cause) {
      throw new UnsealError(`a value sealed for ${context.split(':')[0]} does not open`, { cause });
    }
  }

  /** Keyed hash over unambiguously joined parts. */
  hash(keyId: string, parts: string[]): Uint8Array<ArrayBuffer> {
    return new Uint8Array(createHmac('sha256', this.secret(keyId).pepper).update(JSON.stringify(parts)).digest());
  }

  /**
   * Whether `mac` is the base64url of that hash, in constant time; false also where the secret is not known any more.
   */
  verifies(keyId: string, parts: string[], mac: string): boolean {
    if (!this.secrets.has(keyId)) return false;
    const expected = Buffer.from(Buffer.from(this.hash(keyId, parts)).toString('base64url'));
    const given = Buffer.from(mac);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  private secret(id: string): Secret {
    const secret = this.secrets.get(id);
    if (!secret) throw new UnsealError(`the secret ${id} is neither APP_SECRET nor in APP_SECRET_PREVIOUS`);
    return secret;
  }
}

function derive(appSecret: string): Secret {
  const key = (use: string, length: number) => Buffer.from(hkdfSync('sha256', appSecret, '', `otpost/${use}`, length));
  return { id: key('id', 4).toString('hex'), seal: key('seal', 32), pepper: key('pepper', 32) };
}
