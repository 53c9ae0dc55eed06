import { createTransport, type Transporter } from 'nodemailer';
import type { TransportSettings } from '../../config/settings.js';
import type { Outcome } from '../outcome.js';
import { classifySmtpFailure, type SmtpFailure } from '../smtp-reply.js';
import { envelopeOf } from './envelope.js';
import { StageRecorder } from './stage.js';
import { type ComposedMessage, type Offer, OfferRefused, type Transport } from './transport.js';

/** Milliseconds. Short before the message, long for its final reply: a short one there manufactures unknowns. */
const CONNECT_TIMEOUT_MS = 10_000;
const GREETING_TIMEOUT_MS = 10_000;
const SOCKET_TIMEOUT_MS = 60_000;

type SmtpSettings = Extract<TransportSettings, { kind: 'smtp' }>;

/** SMTP over a pool of nodemailer's connections. */
export class SmtpTransport implements Transport {
  readonly name: string;
  private readonly pool: Transporter;

  /** `connections`: as many as there are deliveries side by side, so that none waits inside the pool. */
  constructor(settings: SmtpSettings, connections: number) {
    this.name = settings.name;
    this.pool = createTransport({
      pool: true,
      host: settings.host,
      port: settings.port,
      secure: settings.tls === 'implicit',
      requireTLS: settings.tls === 'starttls',
      ignoreTLS: settings.tls === 'off',
      ...(settings.user === undefined ? {} : { auth: { user: settings.user, pass: settings.password ?? '' } }),
      maxConnections: connections,
      maxMessages: Number.POSITIVE_INFINITY,
      maxRequeues: 0, // retries are ours: nodemailer's own would send again after an unknown outcome
      connectionTimeout: CONNECT_TIMEOUT_MS,
      greetingTimeout: GREETING_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
    });
    this.pool.use('stream', (mail, done) => {
      const { stages } = mail.data as { stages: StageRecorder };
      const open = mail.message.createReadStream.bind(mail.message);
      mail.message.createReadStream = () => stages.gate(open());
      done();
    });
  }

  async send(message: ComposedMessage, offer: Offer): Promise<Outcome> {
    const stages = new StageRecorder(offer);
    try {
      const { response } = await this.pool.sendMail({ ...envelopeOf(message), stages } as object);
      return { kind: 'sent', reply: response ?? '' };
    } catch (error) {
      if (error instanceof OfferRefused) return { kind: 'withdrawn' };
      return classifySmtpFailure(error as SmtpFailure, stages.stage);
    }
  }

  async close(): Promise<void> {
    this.pool.close();
  }
}
