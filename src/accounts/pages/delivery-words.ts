import type { DeliveryStatus } from '../../otp/delivery/delivery-status.js';
import type { DeliveryFault } from '../../otp/delivery/fault-policy.js';

const OUR_FAULT = 'We could not send the mail, and the fault is ours. Please try again later.';

/** What the person who waits for a code is told of its mail. A server's "taken" is not a mail in the inbox, and is not told as one. */
export function deliveryWords({ status, fault }: { status: DeliveryStatus; fault: DeliveryFault | undefined }): string {
  switch (status) {
    case 'queued':
      return 'The mail is about to be sent.';
    case 'sending':
      return 'The mail is being sent.';
    case 'sent':
      return 'The mail is on its way: the next mail server has taken it. Look among the junk, too.';
    case 'deferred':
      return 'We could not send the mail yet; we try again by ourselves.';
    case 'failed':
      return fault === 'ours' ? OUR_FAULT : 'No mail can be sent to this address. Compare it, or use another one.';
    case 'unknown':
      return 'We do not know whether the mail was sent. Send it again if it does not come.';
    case 'expired':
      return 'We could not send the mail in time, and the fault is ours. Ask for a new code.';
    case 'delivered':
      return 'The mail was delivered. Look among the junk, too.';
    case 'bounced':
      return fault === 'ours' ? OUR_FAULT : 'The mail came back: the mail server of your address refused it. Compare the address, or use another one.';
  }
}
