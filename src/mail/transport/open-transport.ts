import type { DkimSettings, TransportSettings } from '../../config/settings.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { PrismaService } from '../../database/prisma.service.js';
import { MailBuilder } from './build-mail.js';
import { CaptureTransport } from './capture.js';
import { FileTransport } from './file.js';
import { Brevo } from './http/brevo.js';
import { endpointOf, type HttpSettings } from './http/endpoints.js';
import { HttpTransport } from './http/http-transport.js';
import { Mailgun } from './http/mailgun.js';
import { Mailjet } from './http/mailjet.js';
import { Postmark } from './http/postmark.js';
import type { Provider } from './http/provider.js';
import { Resend } from './http/resend.js';
import { SendGrid } from './http/sendgrid.js';
import { PATIENCE } from './patience.js';
import { Ses } from './ses.js';
import { SmtpTransport } from './smtp.js';
import type { Transport } from './transport.js';

export interface Surroundings {
  /** Deliveries side by side in this process, but for codes. */
  ordinary: number;
  /** The name in EHLO. */
  helo: string;
  dkim: DkimSettings | undefined;
  bounceAddress: string | undefined;
  prisma: PrismaService;
  clock: Clock;
  log: Logger;
}

/** Makes the transport of one entry of MAIL_TRANSPORTS. */
export function openTransport(settings: TransportSettings, { ordinary, helo, dkim, bounceAddress, prisma, clock, log }: Surroundings): Transport {
  switch (settings.kind) {
    case 'smtp':
      return new SmtpTransport(settings, { ordinary, builder: new MailBuilder(dkim, bounceAddress), patience: PATIENCE, helo });
    case 'capture':
      return new CaptureTransport(settings.name, new MailBuilder(dkim, bounceAddress), prisma, clock, log);
    case 'file':
      return new FileTransport(settings.name, settings.folder, new MailBuilder(dkim, bounceAddress), clock);
    default:
      return new HttpTransport(providerOf(settings), clock);
  }
}

function providerOf(settings: HttpSettings): Provider {
  const endpoint = endpointOf(settings);
  switch (settings.kind) {
    case 'resend':
      return new Resend(settings.key, endpoint);
    case 'sendgrid':
      return new SendGrid(settings.key, endpoint);
    case 'postmark':
      return new Postmark(settings.key, endpoint);
    case 'brevo':
      return new Brevo(settings.key, endpoint);
    case 'mailgun':
      return new Mailgun(settings.domain, settings.key, endpoint);
    case 'mailjet':
      return new Mailjet(settings.key, settings.secret, endpoint);
    case 'ses':
      if (!settings.credentials) throw new Error('SES was opened without the credentials that the settings were to have.');
      return new Ses(settings.region, settings.credentials, new MailBuilder(undefined), endpoint);
  }
}
