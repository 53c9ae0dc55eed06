import { EmailStatus } from '../../generated/prisma/enums.js';

/** What a message may become that others want to know of; being tried is not. */
export type ToldStatus = Exclude<EmailStatus, 'sending'>;
export type EmailEventType = `email.${ToldStatus}`;

const NOT_TOLD: EmailStatus = 'sending';

/** One for each change of a message's state. The trigger on `email_events` makes the same names. */
export const EMAIL_EVENT_TYPES = Object.values(EmailStatus)
  .filter((status): status is ToldStatus => status !== NOT_TOLD)
  .map((status): EmailEventType => `email.${status}`);

/** Sent on demand, whatever events an endpoint wants. */
export const TEST_EVENT_TYPE = 'webhook.test';
