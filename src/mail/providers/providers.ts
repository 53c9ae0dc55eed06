import { brevo } from './brevo.js';
import { mailgun } from './mailgun.js';
import { mailjet } from './mailjet.js';
import { postmark } from './postmark.js';
import type { Provider } from './provider.js';
import { resend } from './resend.js';
import { sendgrid } from './sendgrid.js';
import { ses } from './ses.js';

/** All of them, in the order in which remedies and documents name them. */
export const PROVIDERS: readonly Provider[] = [sendgrid, mailgun, resend, postmark, brevo, mailjet, ses];

/** @param kind as settings name it */
export function providerOf(kind: string): Provider {
  const provider = PROVIDERS.find((one) => one.kind === kind);
  if (!provider) throw new Error(`Settings name the provider ${kind}, which is none.`);
  return provider;
}
