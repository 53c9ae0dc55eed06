import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { HookProviderName, HookSecret, SecretOf } from '../../config/hook-secrets.js';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import type { Doorkeeper } from '../../core/doorkeeper.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { Problem } from '../../core/problems.js';
import { isStorable, requireStorable } from '../../core/storable.js';
import { requesterOf } from '../../limits/requester.js';
import * as brevo from './brevo.js';
import { type Fields, fieldsOf, jsonOf } from './fields.js';
import * as mailgun from './mailgun.js';
import * as mailjet from './mailjet.js';
import * as postmark from './postmark.js';
import { type HookRequest, type Proof, type ProviderEvent, refused } from './provider-event.js';
import { LIFTED, ProviderEvents, type Recorded } from './provider-events.js';
import * as resend from './resend.js';
import * as sendgrid from './sendgrid.js';
import { readNotification } from './ses.js';
import { certificateUrlIn, isWorthFetching, proveBy, subscribeUrlIn } from './sns.js';
import { SnsSite, SnsUnavailable } from './sns-site.js';

type Told = { proof: Proof; events: () => ProviderEvent[] };

interface Caller {
  requestId: string;
  /** Shares what is fetched to prove something with the other requesters. */
  requester: string;
}

interface Reader<Name extends HookProviderName> {
  prove(request: HookRequest, secret: SecretOf<Name>): Proof;
  read(request: HookRequest): ProviderEvent[];
}

/** SES is apart: its proof has to be fetched. */
const READERS: { [Name in Exclude<HookProviderName, 'ses'>]: Reader<Name> } = { brevo, mailgun, mailjet, postmark, resend, sendgrid };

/** What proves itself by a header alone, body or not. */
const PROVEN_BY_HEADER: readonly HookProviderName[] = ['brevo', 'mailjet', 'postmark'];

const NO_EVENTS = (): ProviderEvent[] => [];

/** Events of providers, from the request to the record: who said it is settled before what is said is looked at. */
@Injectable()
export class Hooks implements Doorkeeper {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(ProviderEvents) private readonly events: ProviderEvents,
    @Inject(SnsSite) private readonly sns: SnsSite,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** Before the body is read, as far as its head tells: nobody else's megabyte is kept. @throws Problem */
  async admit({ params, headers, id, ip }: FastifyRequest): Promise<void> {
    const secrets = this.secretsOf((params as { provider: string }).provider.toLowerCase());
    const { provider } = secrets[0]!;
    if (!PROVEN_BY_HEADER.includes(provider)) return;
    const { proof } = await this.ask(secrets, { headers, body: Buffer.alloc(0), now: this.clock.now() }, requesterOf(ip));
    this.insist(proof, provider, id);
  }

  /** Commits what is new and applies what can be applied; what holds text that is not storable is refused, after the rest was taken. @throws Problem */
  async take(provider: string, { headers, body }: Pick<HookRequest, 'headers' | 'body'>, { requestId, requester }: Caller): Promise<Recorded> {
    const secrets = this.secretsOf(provider);
    const source = secrets[0]!.provider;
    const request = { headers, body, now: this.clock.now() };
    const { proof, events } = await readable(() => this.ask(secrets, request, requester));
    this.insist(proof, source, requestId);
    const told = await readable(async () => events());
    // One that was made unstorable, by a hostile server's reply for instance, must not cost the others that came with it.
    const recorded = await this.events.record(source, told.filter(holdsStorableText));
    const settled = await this.events.settle(recorded.ids);
    for (const change of settled.changed) this.log.info({ ...change, requestId }, 'a provider told what became of a message');
    for (const emailId of settled.lifted) this.log.info({ emailId, requestId }, LIFTED);
    if (settled.foreign > 0) this.log.warn({ provider: source, events: settled.foreign, requestId }, 'a provider spoke of messages it never carried');
    if (hasEscapes(body)) requireStorable(jsonOf(body), ...told);
    return recorded;
  }

  private secretsOf(provider: string): HookSecret[] {
    const secrets = this.settings.mail.hookSecrets.filter((secret) => secret.provider === provider);
    if (secrets.length === 0) throw new Problem('hook_not_configured');
    return secrets;
  }

  private insist(proof: Proof, provider: HookProviderName, requestId: string): void {
    if (proof.kind === 'authentic') return;
    this.log.warn({ provider, reason: proof.reason, requestId }, 'an event was refused: it is not proven to come from the provider');
    throw new Problem('hook_refused', { detail: DETAILS[proof.reason] });
  }

  /** The account, or the older or newer secret, for which it holds; else why it holds for none. */
  private async ask(secrets: readonly HookSecret[], request: HookRequest, requester: string): Promise<Told> {
    const told: Told[] = [];
    for (const secret of secrets) {
      told.push(secret.provider === 'ses' ? await this.askSns(secret, request, requester) : askReader(secret, request));
      if (told.at(-1)!.proof.kind === 'authentic') break;
    }
    const rank = ({ proof }: Told): number => (proof.kind === 'authentic' ? 0 : proof.reason === 'stale' ? 1 : 2);
    return told.sort((a, b) => rank(a) - rank(b))[0]!;
  }

  private async askSns({ topicArn }: SecretOf<'ses'>, { body, now }: HookRequest, requester: string): Promise<Told> {
    const message = fieldsOf(jsonOf(body));
    const proof = await this.proveSns(message, topicArn, now, requester);
    if (proof.kind === 'refused' || message['Type'] === 'Notification') return { proof, events: () => readNotification(message, now) };
    if (message['Type'] === 'UnsubscribeConfirmation') {
      this.log.warn({ provider: 'ses' }, 'the SNS topic no longer sends events here');
      return { proof, events: NO_EVENTS };
    }
    const url = subscribeUrlIn(message, topicArn);
    if (url === undefined) return { proof: refused('forged'), events: NO_EVENTS };
    await provable(() => this.sns.confirm(url));
    this.log.info({ provider: 'ses' }, 'the subscription to the SNS topic is confirmed');
    return { proof, events: NO_EVENTS };
  }

  private async proveSns(message: Fields, topicArn: string, now: Date, requester: string): Promise<Proof> {
    const worth = isWorthFetching(message, topicArn, now);
    if (worth.kind === 'refused') return worth;
    const url = certificateUrlIn(message, topicArn)!;
    const certificate = await provable(() => this.sns.certificate(url, requester));
    const proof = proveBy(certificate, message, now);
    if (proof.kind === 'authentic') this.sns.keep(url, certificate);
    return proof;
  }
}

const DETAILS: Record<Extract<Proof, { kind: 'refused' }>['reason'], string> = {
  unsigned: 'The request carries no proof.',
  forged: 'The proof does not fit the request.',
  stale: 'The proof is too old, or of the future.',
};

function holdsStorableText(event: ProviderEvent): boolean {
  return Object.values(event).every((value) => typeof value !== 'string' || isStorable(value));
}

/** Without an escape there is no NUL in JSON (RFC 8259 §7), and no half of a pair in UTF-8. */
function hasEscapes(body: Buffer): boolean {
  return body.includes('\\u');
}

function askReader(secret: Exclude<HookSecret, { provider: 'ses' }>, request: HookRequest): Told {
  // The name chose the reader, which TypeScript cannot follow.
  const reader: { prove(request: HookRequest, secret: HookSecret): Proof; read(request: HookRequest): ProviderEvent[] } = READERS[secret.provider];
  return { proof: reader.prove(request, secret), events: () => reader.read(request) };
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    // A RangeError: it is nested deeper than the stack.
    throw error instanceof SyntaxError || error instanceof RangeError ? new Problem('malformed_json', { cause: error }) : error;
  }
}

async function provable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof SnsUnavailable ? new Problem('hook_unprovable', { cause: error, headers: { 'retry-after': '30' } }) : error;
  }
}
