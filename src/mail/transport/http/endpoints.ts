import type { ProviderSettings } from '../../../config/http-transports.js';

export type HttpSettings = Exclude<ProviderSettings, { kind: 'file' }>;

/** Where each provider's API is, for who sends through it and for who looks whether it can be reached. */
export const ENDPOINTS = {
  resend: 'https://api.resend.com',
  sendgrid: 'https://api.sendgrid.com',
  postmark: 'https://api.postmarkapp.com',
  brevo: 'https://api.brevo.com',
  mailjet: 'https://api.mailjet.com',
} as const;

export const MAILGUN_REGIONS = { us: 'https://api.mailgun.net', eu: 'https://api.eu.mailgun.net' } as const;

export function sesEndpoint(region: string): string {
  return `https://email.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** The one of the settings, or else the provider's own. */
export function endpointOf(settings: HttpSettings): string {
  if (settings.endpoint !== undefined) return settings.endpoint;
  switch (settings.kind) {
    case 'mailgun':
      return MAILGUN_REGIONS[settings.region];
    case 'ses':
      return sesEndpoint(settings.region);
    default:
      return ENDPOINTS[settings.kind];
  }
}
