import type { HookProviderName } from '../../config/hook-secrets.js';

/** The providers' own SMTP servers, for who relays through them instead of calling their API. */
const RELAYS: Record<HookProviderName, RegExp> = {
  sendgrid: /^smtp\.(eu\.)?sendgrid\.net$/,
  mailgun: /^smtp\.(eu\.)?mailgun\.(org|net)$/,
  resend: /^smtp\.resend\.com$/,
  postmark: /^smtp(-broadcasts)?\.postmarkapp\.com$/,
  brevo: /^smtp-relay\.(brevo|sendinblue)\.com$/,
  mailjet: /^in(-v3)?\.mailjet\.com$/,
  ses: /^email-smtp(-fips)?\.[a-z\d-]+\.amazonaws\.com$/,
};

/**
 * Whether a transport, named as in the timeline (`mailgun:example.org`, `smtp.sendgrid.net:587`), hands over to this
 * provider: one that never carried a message has nothing to say about it, however authentic its events are.
 */
export function isCarrier(provider: HookProviderName, transport: string): boolean {
  const [name, ...rest] = transport.toLowerCase().split(/[:#]/);
  return name === provider || (rest.length < 2 && RELAYS[provider].test(name!));
}
