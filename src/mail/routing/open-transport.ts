import type { DkimSettings, TransportSettings } from '../../config/settings.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { PrismaService } from '../../database/prisma.service.js';
import { HttpTransport } from '../providers/http-transport.js';
import { providerOf } from '../providers/providers.js';
import { SmtpTransport } from '../transport/smtp.js';
import { TIMEOUTS } from '../transport/timeouts.js';
import type { Transport } from '../transport/transport.js';
import { MailBuilder } from '../transport/wire-form.js';
import { CaptureTransport, FileTransport } from './capture.js';

/** What transports are made with, besides their own settings. */
export interface TransportParts {
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
export function openTransport(
  settings: TransportSettings,
  { ordinary, helo, dkim, bounceAddress, prisma, clock, log }: TransportParts,
): Transport {
  switch (settings.kind) {
    case 'smtp':
      return new SmtpTransport(settings, {
        ordinary,
        builder: new MailBuilder(dkim, bounceAddress),
        timeouts: TIMEOUTS,
        helo,
      });
    case 'capture':
      return new CaptureTransport(settings.name, new MailBuilder(dkim, bounceAddress), prisma, clock, log);
    case 'file':
      return new FileTransport(settings.name, settings.folder, new MailBuilder(dkim, bounceAddress), clock);
    case 'http': {
      const provider = providerOf(settings.provider);
      const { account, endpoint = provider.endpoint(account) } = settings;
      return new HttpTransport(settings.name, provider, { account, endpoint }, clock);
    }
  }
}
