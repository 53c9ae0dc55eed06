import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { SmtpPort } from '../config/settings.js';
import { quote } from '../core/mask.js';
import { type Login, SmtpSession } from '../mail/transport/smtp-session.js';
import { abortCode, dial, DialError, NameError, type Names, secured } from './network.js';

/** `tls` is of ports that speak it from the first byte; `starttls` the upgrade of the others. */
type SmtpStage = 'dns' | 'connect' | 'tls' | 'greeting' | 'ehlo' | 'starttls' | 'login';

interface SmtpTarget extends SmtpPort {
  host: string;
  /** Undefined: no login is tried. */
  login: Login | undefined;
  /** The name in EHLO. */
  helo: string;
  /** Lest a server's words repeat them. */
  secrets: readonly string[];
}

export interface Certificate {
  subject: string;
  issuer: string;
  validTo: string;
}

export interface SmtpFinding extends SmtpPort {
  /** Milliseconds of each stage that was reached. */
  stages: Partial<Record<SmtpStage, number>>;
  ms: number;
  addresses: string[];
  greeting?: string;
  certificate?: Certificate;
  /** Whether the server offered AUTH. */
  offersLogin: boolean;
  failure?: ProbeFailure;
}

export interface ProbeFailure {
  stage: SmtpStage;
  /** The system's, OpenSSL's or nodemailer's. */
  code: string;
  /** Verbatim, but for secrets. */
  reply?: string;
  /** Of SMTP. */
  responseCode?: number;
}

/** Milliseconds. */
const GREETING_MS = 15_000;
const REST_MS = 10_000;
const QUIT_MS = 1_000;

const NO_LOGIN: Login = { present: () => Promise.resolve(undefined), order: () => [], worked: () => undefined };

/**
 * Goes the way of a delivery as far as the login, on the session that deliveries use, and takes leave. Never sends.
 * What fails is a finding; nothing is thrown.
 */
export async function probeSmtp(target: SmtpTarget, names: Names, signal: AbortSignal): Promise<SmtpFinding> {
  const probe = new Probe(target);
  try {
    await probe.run(names, signal);
  } catch (error) {
    probe.failed(error);
  }
  return probe.finding();
}

class Probe {
  private readonly found: SmtpFinding;
  private readonly startedAt = performance.now();
  private stage: SmtpStage = 'dns';
  private enteredAt = this.startedAt;

  constructor(private readonly target: SmtpTarget) {
    this.found = { port: target.port, tls: target.tls, stages: {}, ms: 0, addresses: [], offersLogin: false };
  }

  async run(names: Names, signal: AbortSignal): Promise<void> {
    const { host, port, tls } = this.target;
    this.found.addresses = await names.addressesOf(host);
    this.enter('connect');
    const plain = await dial(this.found.addresses, port, signal);
    if (tls === 'implicit') this.enter('tls');
    const socket =
      tls === 'implicit'
        ? await secured(plain, host, isIP(host) === 0 ? host : undefined, signal, (seen) => this.see(seen))
        : plain;
    const giveUp = () => void socket.destroy(new DialError(abortCode(signal)));
    signal.addEventListener('abort', giveUp);
    try {
      await this.talk(socket);
    } finally {
      signal.removeEventListener('abort', giveUp);
      socket.destroy();
    }
  }

  failed(error: unknown): void {
    const { code, originalCode, response, responseCode } = error as {
      code?: string;
      originalCode?: string;
      response?: string;
      responseCode?: number;
    };
    const known = error instanceof NameError || error instanceof DialError || code !== undefined;
    if (!known) throw error;
    this.found.failure = {
      stage: this.stage,
      code: originalCode ?? code ?? 'unknown',
      ...(typeof response === 'string' ? { reply: quote(response, this.target.secrets) } : {}),
      ...(responseCode ? { responseCode } : {}),
    };
  }

  finding(): SmtpFinding {
    if (this.found.failure) this.leave();
    return { ...this.found, ms: rounded(this.enteredAt - this.startedAt) };
  }

  private async talk(socket: Socket): Promise<void> {
    this.enter('greeting');
    const { host, port, tls, login, helo } = this.target;
    const session = await SmtpSession.open({
      connection: {
        host,
        port,
        name: helo,
        connection: socket,
        secure: tls === 'implicit',
        secured: tls === 'implicit',
        requireTLS: tls === 'starttls',
        ignoreTLS: tls === 'off',
        connectionTimeout: GREETING_MS + REST_MS,
        greetingTimeout: GREETING_MS,
        socketTimeout: GREETING_MS + REST_MS,
        transactionLog: true,
        logger: this.listener(),
        tls: {
          checkServerIdentity: (name, certificate) => (this.see(certificate), checkServerIdentity(name, certificate)),
        },
      },
      login: login ?? NO_LOGIN,
      loggingIn: () => this.enter('login'),
      connectMs: GREETING_MS,
      setupMs: GREETING_MS + REST_MS,
    });
    this.leave();
    session.quit();
    await closed(socket, QUIT_MS);
  }

  /** nodemailer tells no stages but through its log. Credentials are not in what it logs. */
  private listener(): Record<
    'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal',
    (entry: object, ...words: unknown[]) => void
  > {
    const ignore = () => undefined;
    const debug = (entry: object, words: unknown) => {
      const { tnx } = entry as { tnx?: string };
      if (tnx === 'server') this.heard(String(words));
      if (tnx === 'client') this.said(String(words));
    };
    return { trace: ignore, debug, info: ignore, warn: ignore, error: ignore, fatal: ignore };
  }

  private heard(reply: string): void {
    if (this.stage === 'greeting') this.found.greeting = quote(reply, this.target.secrets);
    if (this.stage === 'ehlo' && /^250[ -]AUTH[ =]/im.test(reply)) this.found.offersLogin = true;
  }

  private said(command: string): void {
    if (/^(EHLO|HELO)\b/.test(command)) this.enter('ehlo');
    if (command.startsWith('STARTTLS')) {
      this.found.offersLogin = false; // what was offered in plain text does not count (RFC 3207 §4.2)
      this.enter('starttls');
    }
  }

  private see({ subject, issuer, valid_to: validTo }: PeerCertificate): void {
    this.found.certificate = {
      subject: commonName(subject),
      issuer: commonName(issuer),
      validTo: new Date(validTo).toISOString(),
    };
  }

  private enter(stage: SmtpStage): void {
    this.leave();
    this.stage = stage;
  }

  private leave(): void {
    const now = performance.now();
    this.found.stages[this.stage] = rounded((this.found.stages[this.stage] ?? 0) + now - this.enteredAt);
    this.enteredAt = now;
  }
}

/** Until the server has hung up, as it should after QUIT. */
async function closed(socket: Socket, withinMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, withinMs);
    socket.once('close', () => (clearTimeout(timer), resolve()));
  });
}

function commonName({ CN, O }: { CN?: string | string[]; O?: string | string[] } = {}): string {
  return [CN ?? O ?? 'nobody'].flat()[0]!;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
