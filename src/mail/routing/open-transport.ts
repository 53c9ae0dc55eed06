import type { DkimSettings, TestNumber, TransportSettings } from '../../config/settings.js';
import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { PrismaService } from '../../database/prisma.service.js';
import { HttpTransport } from '../providers/http-transport.js';
import { providerOf } from '../providers/providers.js';
import { smsProviderOf } from '../sms/sms-providers.js';
import { sparingTestNumbers } from '../sms/test-numbers.js';
import { SmtpTransport } from '../transport/smtp.js';
import { TIMEOUTS } from '../transport/timeouts.js';
import type { Transport } from '../transport/transport.js';
import { MailBuilder } from '../transport/wire-form.js';
import { CaptureTransport, FileTransport, keptMail, keptText } from './capture.js';
import { sufferingFaults } from './capture-faults.js';

/** What transports are made with, besides their own settings. */
export interface TransportParts {
  /** Deliveries side by side in this process, but for codes. */
  ordinary: number;
  /** The name in EHLO. */
  helo: string;
  dkim: DkimSettings | undefined;
  bounceAddress: string | undefined;
  /** Where a provider of SMS tells what became of a text; undefined: its receipts are not taken in. */
  callbackOf: (provider: string) => string | undefined;
  /** Of SMS. */
  testNumbers: readonly TestNumber[];
  prisma: PrismaService;
  clock: Clock;
  log: Logger;
}

/** Makes the transport of one entry of MAIL_TRANSPORTS or SMS_TRANSPORTS. @throws StartupError */
export function openTransport(settings: TransportSettings, parts: TransportParts): Transport {
  const transport = opened(settings, parts);
  return settings.channel === 'sms' ? sparingTestNumbers(transport, parts.testNumbers, parts.clock) : transport;
}

function opened(
  settings: TransportSettings,
  { ordinary, helo, dkim, bounceAddress, callbackOf, prisma, clock, log }: TransportParts,
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
      if (settings.channel === 'sms') return new CaptureTransport(settings.name, keptText, prisma, clock, log);
      return sufferingFaults(
        new CaptureTransport(settings.name, keptMail(new MailBuilder(dkim, bounceAddress)), prisma, clock, log),
        prisma,
      );
    case 'file':
      return new FileTransport(settings.name, settings.folder, new MailBuilder(dkim, bounceAddress), clock);
    case 'http': {
      const isSms = settings.channel === 'sms';
      const provider = isSms ? smsProviderOf(settings) : providerOf(settings.provider);
      const { account, endpoint = provider.endpoint(account) } = settings;
      const callback = isSms ? callbackOf(settings.provider) : undefined;
      return new HttpTransport(settings.name, provider, { account, endpoint, callback }, clock);
    }
  }
}
