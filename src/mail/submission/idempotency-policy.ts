import { createHash, type Hash } from 'node:crypto';
import { Problem } from '../../core/problems.js';

export const IDEMPOTENCY_HEADER = 'Idempotency-Key';
/** Of an answer that was given before. */
export const REPLAYED_HEADER = 'Idempotency-Replayed';
/** Characters. */
export const MAX_KEY_LENGTH = 256;
/** Hours for which an answer is kept: longer than any client goes on repeating a request. */
export const KEPT_HOURS = 24;

/** A request that must not be carried out twice, and who sends it. */
export interface KeyedRequest {
  /** Id of the API key or of the account. */
  caller: string;
  /** Undefined: the caller asks for no such protection. */
  key: string | undefined;
  /** Method and path, such as `POST /v1/emails`. */
  call: string;
  /** What was asked for, once it has been found valid. */
  body: unknown;
}

/**
 * The key of a request. Two of them could mean either, so they are refused as a bad one is.
 * @param values of each header of that name
 * @throws Problem `validation_failed`
 */
export function readIdempotencyKey(values: readonly string[] = []): string | undefined {
  const [key, ...more] = values;
  if (key === undefined) return undefined;
  if (more.length > 0) throw refusal('repeated', 'must be sent once');
  // Readers of headers disagree on what stands beyond ASCII (RFC 9110 §5.5).
  if (/^[\x20-\x7e]{1,256}$/.test(key)) return key;
  throw refusal('invalid_key', `must be 1 to ${MAX_KEY_LENGTH} printable ASCII characters`);
}

function refusal(code: string, message: string): Problem {
  return new Problem('validation_failed', { errors: [{ field: IDEMPOTENCY_HEADER, code, message }] });
}

/**
 * SHA-256 of what is asked for: the same for bodies that differ in the order of members, or in members that are
 * undefined.
 */
export function fingerprintOf({ call, body }: Pick<KeyedRequest, 'call' | 'body'>): Buffer {
  const hash = createHash('sha256');
  feed(hash, call);
  feed(hash, body);
  return hash.digest();
}

/**
 * Piece by piece, for a body may hold attachments of many megabytes. Each piece says how long it is, so none can pass
 * for two.
 */
function feed(hash: Hash, value: unknown): void {
  if (typeof value === 'string') {
    hash.update(`s${value.length}:`).update(value);
  } else if (Array.isArray(value)) {
    hash.update(`a${value.length}:`);
    for (const item of value) feed(hash, item);
  } else if (value instanceof Uint8Array) {
    hash.update(`b${value.length}:`).update(value);
  } else if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    hash.update(`o${members.length}:`);
    for (const [name, member] of members.sort(([left], [right]) => (left < right ? -1 : 1))) {
      feed(hash, name);
      feed(hash, member);
    }
  } else {
    hash.update(`${String(value)};`);
  }
}
