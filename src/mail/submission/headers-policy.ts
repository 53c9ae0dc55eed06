import { isOneLine } from '../../core/one-line.js';
import type { FieldError } from '../../core/problems.js';

/** Fields of a message. */
export const MOST_HEADERS = 30;
/** Bytes of one (RFC 5322 §2.1.1). */
const LONGEST_VALUE = 998;

/** Besides `X-*`. Everything else follows from the members of the request, or would contradict them. */
const ALLOWED = /^(?:x-.+|references|in-reply-to|list-.+|importance)$/;
/** What we, or providers, steer by. */
const RESERVED = /^x-(?:otpost-.*|mailin-custom|pm-keepid|smtpapi)$/;
/** RFC 5322 §3.6.8 */
const NAME = /^[!-9;-~]{1,76}$/;

/** What is wrong with the headers that somebody wants their message to have. */
export function headerFaults(headers: Readonly<Record<string, unknown>>): FieldError[] {
  const names = Object.keys(headers);
  if (names.length > MOST_HEADERS) {
    return [{ field: 'headers', code: 'too_many_headers', message: `must be at most ${MOST_HEADERS}` }];
  }
  const seen = new Set<string>();
  return names.flatMap((name) => {
    const lower = name.toLowerCase();
    const field = `headers.${name.slice(0, 80)}`;
    if (seen.has(lower)) return [{ field, code: 'repeated', message: 'is there twice; case makes no difference' }];
    seen.add(lower);
    if (!NAME.test(name) || !ALLOWED.test(lower) || RESERVED.test(lower)) {
      const message =
        'is not a header that a message may be given: X-*, References, In-Reply-To, List-* and Importance are';
      return [{ field, code: 'header_not_allowed', message }];
    }
    const fault = valueFault(lower, headers[name]);
    return fault === undefined ? [] : [{ field, code: 'invalid_header', message: fault }];
  });
}

function valueFault(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string' || value.trim() === '') return 'must be a text that is not empty';
  if (Buffer.byteLength(value) > LONGEST_VALUE) return `must have at most ${LONGEST_VALUE} bytes`;
  if (!isOneLine(value)) return 'must be one line without control characters';
  // Structured fields have no encoded words where their ids and addresses stand.
  if (!name.startsWith('x-') && !/^[\x20-\x7e]*$/.test(value)) return 'must be printable ASCII';
  return undefined;
}
