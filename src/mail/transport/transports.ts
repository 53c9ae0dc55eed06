import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings, type TransportSettings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { Keyring } from '../../core/keyring.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { PrismaService } from '../../database/prisma.service.js';
import type { Outcome } from '../outcome.js';
import { CaptureTransport } from './capture.js';
import { PATIENCE } from './patience.js';
import { SmtpTransport } from './smtp.js';
import { TransportStates, UNREACHABLE, type Way } from './transport-states.js';
import type { ComposedMessage, Offer, Transport } from './transport.js';

/** Milliseconds that a message waits at least when its transport failed it, come what may: no busy loop. */
const SOONEST_MS = 500;

export interface Attempted {
  outcome: Outcome;
  /** The transport that had the last word; `none` when every one was closed. */
  transport: string;
}

interface Choice {
  /** Names its state; its name, but for a second account at the same server. */
  key: string;
  kind: TransportSettings['kind'];
  transport: Transport;
}

/** The configured transports in order of preference. */
@Injectable()
export class Transports implements OnModuleInit, OnApplicationShutdown {
  private readonly choices: Choice[];
  private readonly states: TransportStates;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    @Inject(PrismaService) prisma: PrismaService,
    @Inject(Clock) clock: Clock,
    @Inject(Keyring) keyring: Keyring,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const { lanes, concurrency, transports } = settings.mail;
    const connections = lanes.reduce((sum, lane) => sum + concurrency[lane], 0);
    const open = (transport: TransportSettings): Transport =>
      transport.kind === 'smtp'
        ? new SmtpTransport(transport, connections, PATIENCE)
        : new CaptureTransport(transport.name, prisma, clock, log);
    const keys = keysOf(transports);
    this.choices = transports.map((transport, index) => ({ key: keys[index]!, kind: transport.kind, transport: open(transport) }));
    const fingerprint = (transport: TransportSettings) => keyring.hash(keyring.currentId, ['transport', JSON.stringify(transport)]);
    this.states = new TransportStates(
      prisma,
      log,
      PATIENCE,
      new Map(transports.map((transport, index) => [keys[index]!, fingerprint(transport)])),
    );
  }

  /** Before the first drain. */
  async onModuleInit(): Promise<void> {
    await this.states.declare();
  }

  /**
   * How many of `wanted` messages may start now: all while a transport is open, one when one is to be tried again, none
   * while all are closed. Whoever claims asks first, so that waiting mail is not claimed and put back over and over.
   */
  async room(wanted: number): Promise<number> {
    let room = 0;
    for (const { key } of this.choices) {
      const { kind } = await this.states.look(key);
      if (kind === 'open') return wanted;
      if (kind === 'trial') room = Math.min(1, wanted);
    }
    return room;
  }

  /** Goes on to the next transport only while the message was provably not taken. */
  async send(message: ComposedMessage, offer: Offer): Promise<Attempted> {
    let last: Attempted | undefined;
    for (const { key, transport } of this.choices) {
      const way = await this.states.take(key);
      if (way.kind === 'closed') continue;
      const outcome = await transport.send(message, offer);
      await this.learn(key, outcome, way);
      // A server's word about the message weighs more than another server's absence.
      if (!isUncounted(outcome) || !last) last = { outcome, transport: transport.name };
      if (outcome.kind !== 'deferred' || outcome.sameTransport) break;
    }
    last ??= { outcome: { kind: 'deferred', uncounted: true, errorCode: 'no_transport' }, transport: 'none' };
    return isUncounted(last.outcome) ? { ...last, outcome: { ...last.outcome, afterMs: await this.soonestMs() } } : last;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.choices.map(({ transport }) => transport.close()));
  }

  /** The outcome stands, whether or not it can be learned from. */
  private async learn(key: string, outcome: Outcome, way: Way): Promise<void> {
    try {
      if (await this.states.learn(key, outcome, way)) await this.tellIfBlocked();
    } catch (error) {
      this.log.error({ err: error, transport: key }, 'the state of a transport could not be recorded');
    }
  }

  private async tellIfBlocked(): Promise<void> {
    const smtp = this.choices.filter(({ kind }) => kind === 'smtp');
    for (const { key } of smtp) if ((await this.states.reasonOf(key)) !== UNREACHABLE) return;
    this.log.error(
      { transports: smtp.map(({ key }) => key) },
      'no SMTP server can be reached: this host probably blocks SMTP. Mail is kept. Try another port, or ask the host to open it',
    );
  }

  /** Milliseconds until a transport may be tried. */
  private async soonestMs(): Promise<number> {
    const ways = await Promise.all(this.choices.map(({ key }) => this.states.look(key)));
    return Math.max(SOONEST_MS, Math.min(...ways.map((way) => (way.kind === 'closed' ? way.forMs : 0))));
  }
}

function isUncounted(outcome: Outcome): outcome is Extract<Outcome, { kind: 'deferred' }> {
  return outcome.kind === 'deferred' && outcome.uncounted === true;
}

/** Two accounts at one server have one name, but troubles of their own. */
function keysOf(transports: TransportSettings[]): string[] {
  const seen = new Map<string, number>();
  return transports.map(({ name }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}#${times}`;
  });
}
