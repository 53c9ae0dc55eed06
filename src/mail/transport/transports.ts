import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SETTINGS, type Settings, type TransportSettings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { PrismaService } from '../../database/prisma.service.js';
import type { Outcome } from '../outcome.js';
import { CaptureTransport } from './capture.js';
import { SmtpTransport } from './smtp.js';
import type { ComposedMessage, Offer, Transport } from './transport.js';

export interface Attempted {
  outcome: Outcome;
  /** The transport that had the last word. */
  transport: string;
}

/** The configured transports in order of preference. */
@Injectable()
export class Transports implements OnApplicationShutdown {
  private readonly transports: Transport[];

  constructor(
    @Inject(SETTINGS) settings: Settings,
    @Inject(PrismaService) prisma: PrismaService,
    @Inject(Clock) clock: Clock,
    @Inject(LOGGER) log: Logger,
  ) {
    const { lanes, concurrency, transports } = settings.mail;
    const connections = lanes.reduce((sum, lane) => sum + concurrency[lane], 0);
    const open = (transport: TransportSettings): Transport =>
      transport.kind === 'smtp'
        ? new SmtpTransport(transport, connections)
        : new CaptureTransport(transport.name, prisma, clock, log);
    this.transports = transports.map(open);
  }

  /** Goes on to the next transport only while the message was provably not taken. */
  async send(message: ComposedMessage, offer: Offer): Promise<Attempted> {
    let attempted: Attempted | undefined;
    for (const transport of this.transports) {
      attempted = { outcome: await transport.send(message, offer), transport: transport.name };
      if (attempted.outcome.kind !== 'deferred') break;
    }
    return attempted!; // configuration guarantees one
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.transports.map((transport) => transport.close()));
  }
}
