import { randomBytes, randomFillSync } from 'node:crypto';
import type { PipeTransform, Type } from '@nestjs/common';
import { Problem, type ProblemCode } from './problems.js';

/** Bytes that are asked of the system at once. */
const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);

/**
 * Random bytes that nobody else gets, of a pool: to ask the system for a few costs 5 µs each time. For ids and nonces;
 * what must not be guessed is not kept in memory before it is needed.
 */
export function pooledBytes(length: number): Buffer {
  if (pool.length < length) pool = randomFillSync(Buffer.allocUnsafeSlow(Math.max(POOL_BYTES, length)));
  const bytes = pool.subarray(0, length);
  pool = pool.subarray(length);
  return bytes;
}

/**
 * UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits.
 * Rows that are made together lie together in an index, and an id tells when it was made.
 */
export function uuidv7(now: Date): string {
  const bytes = pooledBytes(16);
  bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Below every other: where a walk by ids begins. */
export const LOWEST_UUID = '00000000-0000-0000-0000-000000000000';

/** The lowest UUID of version 7 that is made at this moment or later. */
export function lowestUuidv7(at: Date): string {
  const hex = Math.max(0, at.getTime()).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** 128 random bits as 22 base64url characters, for ids that must not be guessed. */
export function randomId(): string {
  return randomBytes(16).toString('base64url');
}

export const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** What cannot be the id of anything is not looked up. */
export function uuidPipe(code: ProblemCode): Type<PipeTransform<string, string>> {
  return class implements PipeTransform<string, string> {
    transform(id: string): string {
      if (!UUID.test(id)) throw new Problem(code);
      return id;
    }
  };
}

/** A new id that sorts beside that one: of the same millisecond. */
export function besideUuidv7(id: string): string {
  return uuidv7(new Date(Number.parseInt(id.replace('-', '').slice(0, 12), 16)));
}
