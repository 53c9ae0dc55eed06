import type { FieldError } from '../../core/problems.js';
import { MOST_IN_ENVELOPE, type Recipient } from '../outbox/email-rows.js';
import { readNamedAddress } from '../transport/mailbox.js';

/** In To, Cc and Bcc together. */
export const MOST_RECIPIENTS = MOST_IN_ENVELOPE;

export interface AddressFields {
  to: readonly string[];
  cc?: readonly string[] | undefined;
  bcc?: readonly string[] | undefined;
  /** They are whom the message goes to, whatever it shows. */
  isEnvelope?: boolean;
  /** {@link MOST_RECIPIENTS} where nothing else is said. */
  most?: number | undefined;
}

/** Whom a message is for, each once, where it is shown first; and what is wrong with the lists. */
export function readRecipients({ to, cc = [], bcc = [], isEnvelope = false, most = MOST_RECIPIENTS }: AddressFields): {
  recipients: Recipient[];
  faults: FieldError[];
} {
  const faults: FieldError[] = [];
  const found = new Map<string, Recipient>();
  const needed = isEnvelope ? [...to, ...cc, ...bcc] : to;
  if (needed.length === 0) faults.push({ field: 'to', code: 'required', message: 'must name at least one recipient' });
  if (to.length + cc.length + bcc.length > most) {
    const message = `must be at most ${most} recipients, cc and bcc included`;
    return { recipients: [], faults: [...faults, { field: 'to', code: 'too_many_recipients', message }] };
  }
  for (const [kind, list] of [
    ['to', to],
    ['cc', cc],
    ['bcc', bcc],
  ] as const) {
    for (const [n, text] of list.entries()) {
      const read = readNamedAddress(text);
      if (read) found.set(read.canonical, found.get(read.canonical) ?? { kind, ...read });
      else faults.push(addressFault(list.length === 1 ? kind : `${kind}.${n}`));
    }
  }
  return { recipients: [...found.values()], faults };
}

export function addressFault(field: string): FieldError {
  return {
    field,
    code: 'invalid_address',
    message: 'must be an e-mail address such as ada@example.com, or Ada <ada@example.com>',
  };
}
