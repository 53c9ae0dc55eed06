import type { Socket } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { SmtpPort } from '../config/settings.js';
import { quote } from '../core/mask.js';
import { isOfThePort } from '../mail/transport/smtp-dial.js';
import type { SmtpError } from '../mail/transport/smtp-reply.js';
import { encryptionOf, type Login, SmtpSession, TokenFailure } from '../mail/transport/smtp-session.js';
import { GreetingWatch, type Patience } from './greeting-watch.js';
import { dial, DialError, NameError, type Names, secured, speaksTls } from './network.js';

/**
 * `tls` is of ports that speak it from the first byte; `starttls` the upgrade of the others. `token` asks the address
 * that gives access tokens, which is no part of the server.
 */
type SmtpStage = 'dns' | 'connect' | 'tls' | 'greeting' | 'ehlo' | 'starttls' | 'token' | 'login';

interface SmtpTarget extends SmtpPort, Patience {
  host: string;
  /** Undefined: no login is tried. */
  login: Login | undefined;
  /** The login presents an access token, which is asked for first. */
  oauth: boolean;
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
  /** `error` of RFC 6749 §5.2, where the address for tokens refuses, such as invalid_grant. */
  refusal?: string;
  /** It did not greet, and speaks TLS from the first byte. */
  speaksTls?: true;
  /** A delivery goes to no other port after it. */
  last?: true;
}

/** Milliseconds. */
const QUIT_MS = 1_000;
/**
 * Servers take whoever speaks before their greeting for a spammer there (such as Postfix' postscreen), and none wants
 * TLS first.
 */
const MX_PORT = 25;

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
  private watching: GreetingWatch | undefined;

  constructor(private readonly target: SmtpTarget) {
    this.found = { port: target.port, tls: target.tls, stages: {}, ms: 0, addresses: [], offersLogin: false };
  }

  async run(names: Names, signal: AbortSignal): Promise<void> {
    const { host, port, tls } = this.target;
    this.found.addresses = await names.addressesOf(host);
    this.enter('connect');
    const within = { ms: this.target.times.connectMs, signal };
    const plain = await dial(this.found.addresses, port, within);
    if (tls === 'implicit') this.enter('tls');
    const socket = tls === 'implicit' ? await secured(plain, host, within, (seen) => this.see(seen)) : plain;
    try {
      await this.talk(socket, signal);
    } finally {
      socket.destroy();
    }
  }

  failed(error: unknown): void {
    const { code, originalCode, response, responseCode } = error as SmtpError;
    const ofOurs = error instanceof NameError || error instanceof DialError;
    if (!ofOurs && code === undefined) throw error;
    const token = error instanceof TokenFailure;
    this.found.failure = {
      stage: token ? 'token' : this.stage,
      code: originalCode ?? code ?? 'unknown',
      ...(typeof response === 'string' ? { reply: quote(response, this.target.secrets) } : {}),
      ...(responseCode ? { responseCode } : {}),
      ...(token && error.refusal !== undefined ? { refusal: error.refusal } : {}),
      ...(this.watching?.wantsTls ? { speaksTls: true } : {}),
      ...(ofOurs || isOfThePort(error as SmtpError) ? {} : { last: true }),
    };
  }

  finding(): SmtpFinding {
    if (this.found.failure) this.leave();
    return { ...this.found, ms: rounded(this.enteredAt - this.startedAt) };
  }

  private async talk(socket: Socket, signal: AbortSignal): Promise<void> {
    this.enter('greeting');
    const { host, port, tls, helo, times } = this.target;
    const { greetingMs, setupMs } = times;
    try {
      const session = await SmtpSession.open({
        connection: {
          host,
          port,
          name: helo,
          connection: socket,
          ...encryptionOf(tls),
          secured: tls === 'implicit',
          connectionTimeout: greetingMs + setupMs,
          greetingTimeout: greetingMs,
          socketTimeout: greetingMs + setupMs,
          transactionLog: true,
          logger: this.listener(),
          tls: {
            checkServerIdentity: (name, certificate) => (this.see(certificate), checkServerIdentity(name, certificate)),
          },
        },
        login: this.login(),
        opened: (dialled) => (this.watching = this.watch(dialled, signal)),
        loggingIn: () => this.enter('login'),
        connectMs: greetingMs,
        setupMs: greetingMs + setupMs,
      });
      this.leave();
      session.quit();
    } finally {
      this.watching?.end();
    }
    await closed(socket, QUIT_MS);
  }

  private login(): Login {
    const { login = NO_LOGIN, oauth } = this.target;
    if (!oauth) return login;
    return { ...login, present: () => (this.enter('token'), login.present()) };
  }

  private watch(session: SmtpSession, signal: AbortSignal): GreetingWatch {
    const { host, port, tls, times } = this.target;
    const asksForTls = async () =>
      tls !== 'implicit' &&
      port !== MX_PORT &&
      speaksTls(this.found.addresses, port, host, { ms: times.connectMs, signal });
    return new GreetingWatch(session, this.target, asksForTls, signal);
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
    if (this.stage === 'greeting') {
      this.watching?.greeted();
      this.found.greeting = quote(reply, this.target.secrets);
    }
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
