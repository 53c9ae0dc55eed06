import { Webhook } from 'standardwebhooks';
import type { HookInProof } from '../../config/settings.js';
import { sameSecret } from '../../core/credentials.js';
import {
  AUTHENTIC,
  headerOf,
  hmacSha256,
  type HookRequest,
  isFresh,
  type Proof,
  proveBasic,
  proveBearer,
  refused,
} from '../providers/hook.js';

/** Worse comes later: where none of several secrets fits, the refusal tells what came nearest. */
const NEARNESS = ['unsigned', 'forged', 'stale'] as const;

/** Whether any of the secrets of a source proves it. */
export function proveByAny(request: HookRequest, proofs: readonly HookInProof[]): Proof {
  return best(proofs.map((proof) => prove(request, proof)));
}

/**
 * As far as the head of a request tells, before its body is read: whether it is proven where a header does that; else
 * whether there is a signature, and of a time that is let.
 */
export function proveByHead(request: HookRequest, proofs: readonly HookInProof[]): Proof {
  return best(
    proofs.map((proof) => {
      if (proof.kind === 'standard') return timed(standardHeaders(request), request.now);
      if (proof.kind === 'signed') return timed(signedHeader(request, proof.name), request.now);
      if (proof.kind === 'hmac') return headerOf(request, proof.name) === undefined ? refused('unsigned') : AUTHENTIC;
      return prove(request, proof);
    }),
  );
}

function best(outcomes: readonly Proof[]): Proof {
  const isNear = (reason: (typeof NEARNESS)[number]) => (outcome: Proof) =>
    outcome.kind === 'refused' && outcome.reason === reason;
  return (
    outcomes.find(({ kind }) => kind === 'authentic') ??
    NEARNESS.toReversed().flatMap((reason) => outcomes.find(isNear(reason)) ?? [])[0]!
  );
}

function prove(request: HookRequest, proof: HookInProof): Proof {
  switch (proof.kind) {
    case 'standard':
      return proveStandard(request, proof.key);
    case 'basic':
      return proveBasic(request, proof);
    case 'bearer':
      return proveBearer(request, proof.token);
    case 'header':
      return equal(headerOf(request, proof.name), proof.value);
    case 'cookie':
      return equal(cookieOf(request, proof.name), proof.value);
    case 'hmac':
      return proveHmac(request, proof);
    case 'signed':
      return proveSigned(request, proof);
  }
}

function equal(given: string | undefined, expected: string): Proof {
  if (given === undefined) return refused('unsigned');
  return sameSecret(given, expected) ? AUTHENTIC : refused('forged');
}

/** RFC 6265 §4.2.1; the first of that name. */
function cookieOf(request: HookRequest, name: string): string | undefined {
  const pairs = (headerOf(request, 'cookie') ?? '').split(';').map((pair) => pair.trim());
  const start = `${name}=`;
  return pairs
    .find((pair) => pair.startsWith(start))
    ?.slice(start.length)
    .replace(/^"(.*)"$/, '$1');
}

interface Signed {
  /** Seconds since 1970. */
  timestamp: string;
  signatures: string[];
}

function timed(signed: Signed | undefined, now: Date): Proof {
  if (signed === undefined) return refused('unsigned');
  return isFresh(signed.timestamp, now) ? AUTHENTIC : refused('stale');
}

/** Signatures are separated by blanks as the specification says, or by `, ` as Supabase does it. */
function standardHeaders(request: HookRequest): (Signed & { id: string }) | undefined {
  const id = headerOf(request, 'webhook-id');
  const timestamp = headerOf(request, 'webhook-timestamp');
  const signatures = headerOf(request, 'webhook-signature')?.match(/(?<![^\s,])v1,[A-Za-z0-9+/]+={0,2}(?![^\s,])/g);
  return id === undefined || timestamp === undefined || !signatures ? undefined : { id, timestamp, signatures };
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
function proveStandard(request: HookRequest, key: string): Proof {
  const signed = standardHeaders(request);
  if (!signed) return refused('unsigned');
  // Its `verify` knows no clock of ours, and no signatures that are separated as Supabase does it.
  const scheme = new Webhook(Buffer.from(key, 'base64'), { format: 'raw' });
  const expected = scheme.sign(signed.id, new Date(Number(signed.timestamp) * 1_000), request.body);
  if (!signed.signatures.some((signature) => sameSecret(signature, expected))) return refused('forged');
  return timed(signed, request.now);
}

/** Without a time in it, so it proves who and what, and not when: the same body again is the same mail. */
function proveHmac(request: HookRequest, { name, key }: { name: string; key: string }): Proof {
  const given = headerOf(request, name)?.replace(/^sha256=/i, '');
  if (given === undefined) return refused('unsigned');
  const expected = hmacSha256(key, request.body);
  const isHex = /^[0-9a-f]{64}$/i.test(given);
  return sameSecret(Buffer.from(given, isHex ? 'hex' : 'base64'), expected) ? AUTHENTIC : refused('forged');
}

/** `t=<seconds>,v1=<hex>`, with a `v1` for each key while one is replaced. */
function signedHeader(request: HookRequest, name: string): Signed | undefined {
  const parts = (headerOf(request, name) ?? '').split(',').map((part) => part.trim().split('=', 2));
  const all = (word: string): string[] => parts.flatMap(([key, text]) => (key === word && text ? [text] : []));
  const [timestamp] = all('t');
  const signatures = all('v1');
  return timestamp === undefined || signatures.length === 0 ? undefined : { timestamp, signatures };
}

function proveSigned(request: HookRequest, { name, key }: { name: string; key: string }): Proof {
  const signed = signedHeader(request, name);
  if (!signed) return refused('unsigned');
  const expected = hmacSha256(key, signed.timestamp, '.', request.body).toString('hex');
  if (!signed.signatures.some((signature) => sameSecret(signature.toLowerCase(), expected))) return refused('forged');
  return timed(signed, request.now);
}
