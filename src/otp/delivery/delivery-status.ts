import type { EmailStatus } from '../../generated/prisma/enums.js';

export const CODE_DELIVERY_STATUSES = [
  'queued',
  'sending',
  'sent',
  'deferred',
  'failed',
  'unknown',
  'expired',
  'delivered',
  'bounced',
] as const;
export type CodeDeliveryStatus = (typeof CODE_DELIVERY_STATUSES)[number];

/** What the person who waits is told: what is beyond their concern or their right to know is folded away. */
export function deliveryStatusOf(status: EmailStatus): CodeDeliveryStatus {
  switch (status) {
    case 'scheduled':
      return 'queued';
    case 'suppressed':
    case 'cancelled':
      return 'failed';
    case 'complained':
      return 'delivered';
    default:
      return status;
  }
}

/** After these nothing comes by itself. `sent` is not one of them: a mail server's 250 may still turn into a bounce. */
export function isFinal(status: CodeDeliveryStatus): boolean {
  return status === 'delivered' || status === 'bounced' || status === 'failed' || status === 'expired';
}

export const DELIVERY_FAULTS = ['ours', 'recipient'] as const;
/**
 * On which side something has to change before a mail arrives: with us and the servers that carry our mail, or with the
 * address.
 */
export type DeliveryFault = (typeof DELIVERY_FAULTS)[number];

interface MailAttempt {
  status: EmailStatus;
  /** As in `last_error_code`. */
  errorCode: string | null;
  /** The status code of RFC 3463 in the reply, such as `5.1.1`. */
  enhanced: string | null;
}

/** Replies that are about a mailbox (RFC 5321 §4.2.3), unless the enhanced code says otherwise. */
const ABOUT_MAILBOX = new Set(['smtp_550', 'smtp_551', 'smtp_552', 'smtp_553']);
/** Of a number that there is not, or whose holder wants no messages (src/mail/sms). */
const ABOUT_NUMBER = new Set(['sms_number', 'sms_opted_out']);

/**
 * Whose the fault is that a mail has not arrived; undefined where it may well arrive, or where nobody knows. Until
 * somebody has taken the mail we speak to servers of our own choice: that they refuse our login, cannot be reached, are
 * too busy or want none of our mail is no fault of the address. An address that gets no mail is told as one that a
 * server refused, so that nobody learns why.
 */
export function deliveryFault({ status, errorCode, enhanced }: MailAttempt): DeliveryFault | undefined {
  switch (status) {
    case 'deferred':
    case 'expired':
    case 'cancelled':
      return 'ours';
    case 'suppressed':
      return 'recipient';
    case 'failed':
      return isAboutMailbox(errorCode, enhanced) ? 'recipient' : 'ours';
    case 'bounced':
      // Taken by a provider, who then did not pass it on.
      return errorCode?.startsWith('rejected_') ? 'ours' : 'recipient';
    case 'scheduled':
    case 'queued':
    case 'sending':
    case 'sent':
    case 'delivered':
    case 'complained':
    case 'unknown':
      return undefined;
  }
}

/**
 * RFC 3463 §3.2, §3.3: X.1 is about the address of the recipient, with the exceptions of 7 and 8, X.2 about the
 * mailbox.
 */
function isAboutMailbox(errorCode: string | null, enhanced: string | null): boolean {
  if (errorCode !== null && ABOUT_NUMBER.has(errorCode)) return true;
  if (errorCode === null || !ABOUT_MAILBOX.has(errorCode)) return false;
  return enhanced === null ? errorCode !== 'smtp_552' : /^5\.(1\.(?![78]$)\d+|2\.\d+)$/.test(enhanced);
}
