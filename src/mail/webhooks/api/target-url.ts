import { setTimeout as delay } from 'node:timers/promises';
import { Problem } from '../../../core/problems.js';
import { type TargetGuard, TargetRefused } from '../target-guard.js';
import type { AddressFault } from '../address-policy.js';

/** Milliseconds that a resolver gets; what it cannot say now, the first attempt finds out. */
const RESOLVE_WITHIN_MS = 3_000;

type Fault = 'invalid_url' | 'credentials_in_url' | AddressFault;

const MESSAGES: Record<Fault, string> = {
  invalid_url: 'must be a whole address without a fragment, such as https://shop.example.com/hooks/otpost',
  credentials_in_url: 'must not hold a user or a password; the signature is the proof',
  private_address: 'leads to an address that is not public; an operator may allow it with WEBHOOK_ALLOW_PRIVATE',
  https_required: 'must begin with https://',
};

/**
 * The address as the URL standard writes it, so that odd notations of an address are seen for what they are. A name that
 * does not resolve yet is let through: each attempt looks again, and that look is the one that counts.
 * @throws Problem `validation_failed` naming `url`
 */
export async function readTargetUrl(text: string, guard: TargetGuard): Promise<string> {
  const trimmed = text.trim();
  if (!/^https?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) throw refusal('invalid_url');
  const url = new URL(trimmed);
  if (url.hash !== '') throw refusal('invalid_url');
  if (url.username !== '' || url.password !== '') throw refusal('credentials_in_url');
  const fault = await addressFault(url, guard);
  if (fault) throw refusal(fault);
  return url.href;
}

async function addressFault(url: URL, guard: TargetGuard): Promise<AddressFault | undefined> {
  const enough = new AbortController();
  const looked = guard.resolve(url).then(
    () => undefined,
    (error: unknown) => (error instanceof TargetRefused ? error.fault : undefined),
  );
  try {
    return await Promise.race([looked, delay(RESOLVE_WITHIN_MS, undefined, { signal: enough.signal })]);
  } finally {
    enough.abort();
  }
}

function refusal(code: Fault): Problem {
  return new Problem('validation_failed', { errors: [{ field: 'url', code, message: MESSAGES[code] }] });
}
