import { setDefaultResultOrder } from 'node:dns';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../core/clock.js';
import { SECOND_MS } from '../../core/durations.js';
import { TLS_CODES } from '../transport/smtp-reply.js';
import { takenApart } from '../transport/given-mime.js';
import { mailboxOf } from '../transport/mailbox.js';
import type { Addressee, ComposedMessage, Offer, Outcome, Transport } from '../transport/transport.js';
import { exchange, type Exchanged, type HttpStage, type StageTimes } from './exchange.js';
import type { Api, Provider, ProviderAnswer, ProviderRequest } from './provider.js';
import { classifyReply, waitAskedFor } from './replies.js';
import { type MessageSize, sizeFault } from './size-policy.js';

const CODES: Record<string, string> = {
  ENOTFOUND: 'http_dns',
  EAI_AGAIN: 'http_dns',
  ECONNREFUSED: 'http_refused',
  EHOSTUNREACH: 'http_unreachable',
  ENETUNREACH: 'http_unreachable',
  ETIMEDOUT: 'http_connect_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'http_connect_timeout',
  UND_ERR_SOCKET: 'http_closed',
  ECONNRESET: 'http_closed',
  EPIPE: 'http_closed',
};

/** What it means that a request got no answer. Only this host felt it. Pure. */
export function classifyFailure(stage: HttpStage, code: string): Outcome {
  const errorCode = nameOf(stage, code);
  if (stage === 'released') return { kind: 'unknown', errorCode };
  if (stage === 'transferring') {
    // Counted, and no break: it may be this message that something on the way does not bear.
    return { kind: 'deferred', errorCode };
  }
  if (errorCode === 'http_tls') {
    return {
      kind: 'deferred',
      uncounted: true,
      alert: true,
      transport: { kind: 'backoff', ms: 5 * SECOND_MS, here: true },
      errorCode,
    };
  }
  return {
    kind: 'deferred',
    uncounted: true,
    transport: { kind: 'backoff', ms: SECOND_MS, here: true, unreachable: true },
    errorCode,
  };
}

function nameOf(stage: HttpStage, code: string): string {
  if (code === 'STALLED') return stage === 'connecting' ? 'http_connect_timeout' : 'http_timeout';
  if (TLS_CODES.test(code)) return 'http_tls';
  if (code.startsWith('HPE_')) return 'http_garbage';
  return CODES[code] ?? 'http_closed';
}

/** How long we wait for providers, in milliseconds. */
export interface HttpTimeouts {
  /** For name, connection and TLS. */
  connectMs: number;
  /** For the request to flow, up to its last byte. */
  transferMs: number;
  /** For the answer. Every time-out here manufactures an unknown. */
  answerMs: number;
  /** The same where the request may be sent again, so that a time-out costs little. */
  idempotentAnswerMs: number;
  /** Before each time that an unanswered request is sent again to a provider that takes it once. */
  againAfterMs: readonly number[];
}

export const HTTP_TIMEOUTS: HttpTimeouts = {
  connectMs: 10_000,
  transferMs: 30_000,
  answerMs: 120_000,
  idempotentAnswerMs: 20_000,
  againAfterMs: [1_000, 4_000],
};

/** What an answer means. A 2xx is a yes, whatever the body looks like; only its id may be missing then. */
export function judgeAnswer(
  provider: Pick<Provider, 'read' | 'rows'>,
  answer: ProviderAnswer,
  now: Date,
  recipients: readonly Addressee[] = [],
): Outcome {
  const { id, code = '', message = '', status = answer.status, retryAfterMs, inactive } = provider.read(answer, now);
  const reply = `${answer.status} ${answer.text}`.replaceAll(/\s+/g, ' ').trim();
  if (status >= 200 && status < 300) {
    const sent: Outcome = { kind: 'sent', reply, ...(id === undefined ? {} : { providerMessageId: id }) };
    return inactive === undefined ? sent : withoutInactive(sent, inactive, recipients);
  }
  return classifyReply(provider.rows, {
    status,
    code,
    message,
    retryAfterMs: waitAskedFor(answer.headers, now) ?? retryAfterMs,
    told: { errorCode: `http_${status}`, reply },
  });
}

function sizeOf({ text, html, attachments, mime }: ComposedMessage): MessageSize {
  return {
    files: attachments.map(({ bytes }) => bytes.length),
    words: mime?.length ?? Buffer.byteLength(text) + Buffer.byteLength(html),
  };
}

function withoutInactive(
  sent: Extract<Outcome, { kind: 'sent' }>,
  inactive: readonly string[],
  recipients: readonly Addressee[],
): Outcome {
  const { reply } = sent;
  const outcome = { kind: 'failed', suppress: true, errorCode: 'http_inactive', reply } as const;
  const refused = recipients
    .filter(({ address }) => inactive.includes(mailboxOf(address).address.toLowerCase()))
    .map(({ address }) => ({ address, outcome }));
  if (refused.length === 0) return sent;
  return refused.length === recipients.length ? { ...outcome, refused: refused.slice(1) } : { ...sent, refused };
}

/** What is needed of a provider to hand a message over. */
export type Caller<Account = unknown> = Pick<
  Provider<Account>,
  'takesMime' | 'limit' | 'idempotent' | 'rows' | 'request' | 'read'
>;

/** A provider's HTTP API. */
export class HttpTransport implements Transport {
  /** @param name as the settings have it */
  constructor(
    readonly name: string,
    private readonly provider: Caller,
    private readonly api: Omit<Api<unknown>, 'now'>,
    private readonly clock: Clock,
  ) {
    // For all of this process: fetch takes no lookup of its own. Hosts with an IPv6 address and no route are many;
    // where the first address does not answer, Node tries the other family 250 ms later.
    setDefaultResultOrder('ipv4first');
  }

  async send(given: ComposedMessage, offer: Offer): Promise<Outcome> {
    const { message, lost } = given.mime && !this.provider.takesMime ? await takenApart(given) : { message: given };
    if (lost !== undefined) return { kind: 'failed', elsewhere: true, errorCode: 'mime_not_expressible', reply: lost };
    const reply = sizeFault(this.provider.limit, sizeOf(message));
    if (reply !== undefined) return { kind: 'failed', elsewhere: true, errorCode: 'too_large_for_provider', reply };
    const request = await this.provider.request(message, { ...this.api, now: this.clock.now() });
    const outcome = this.judge(await this.post(request, offer), message);
    return outcome.kind === 'unknown' && this.provider.idempotent ? this.sendAgain(request, message, outcome) : outcome;
  }

  /** Connections are fetch's, and closed by it when they have been idle for 4 s. */
  async close(): Promise<void> {}

  /**
   * Once more at once where the connection broke before the last byte: mostly one that was kept, and is closed by now.
   */
  private async post(request: ProviderRequest, offer: Offer): Promise<Exchanged> {
    const exchanged = await exchange(request, offer, this.times());
    const early = exchanged.kind === 'failed' && exchanged.stage === 'transferring' && exchanged.code !== 'STALLED';
    return early ? exchange(request, offer, this.times()) : exchanged;
  }

  /**
   * Asks a provider that takes a request once what became of it, by the very same request. That happens here and not in
   * a later attempt, which might take another transport, and would compose other bytes: "10 minutes" are 9 by then.
   * Only a yes settles it: a no says nothing of the first request.
   */
  private async sendAgain(request: ProviderRequest, message: ComposedMessage, unknown: Outcome): Promise<Outcome> {
    for (const waitMs of HTTP_TIMEOUTS.againAfterMs) {
      await delay(waitMs);
      const outcome = this.judge(await exchange(request, alreadyOffered, this.times()), message);
      if (outcome.kind === 'sent') return outcome;
    }
    return unknown;
  }

  private judge(exchanged: Exchanged, { recipients }: ComposedMessage): Outcome {
    switch (exchanged.kind) {
      case 'withdrawn':
        return exchanged;
      case 'failed':
        return classifyFailure(exchanged.stage, exchanged.code);
      case 'answered':
        return judgeAnswer(this.provider, exchanged.answer, this.clock.now(), recipients);
    }
  }

  private times(): StageTimes {
    const { connectMs, transferMs, answerMs, idempotentAnswerMs } = HTTP_TIMEOUTS;
    return {
      connecting: connectMs,
      transferring: transferMs,
      released: this.provider.idempotent ? idempotentAnswerMs : answerMs,
    };
  }
}

async function alreadyOffered(): Promise<void> {}
