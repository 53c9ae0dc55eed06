import { setDefaultResultOrder } from 'node:dns';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../core/clock.js';
import type { Outcome } from '../../outcome.js';
import type { ComposedMessage, Offer, Transport } from '../transport.js';
import { type Exchanged, exchange, type StageTimes } from './exchange.js';
import { classifyFailure } from './http-failure.js';
import { HTTP_PATIENCE } from './http-patience.js';
import { judgeAnswer } from './judge-answer.js';
import type { Provider, ProviderRequest } from './provider.js';

/** A provider's HTTP API. */
export class HttpTransport implements Transport {
  constructor(
    private readonly provider: Provider,
    private readonly clock: Clock,
  ) {
    // For all of this process: fetch takes no lookup of its own. Hosts with an IPv6 address and no route are many; where
    // the first address does not answer, Node tries the other family 250 ms later.
    setDefaultResultOrder('ipv4first');
  }

  get name(): string {
    return this.provider.name;
  }

  async send(message: ComposedMessage, offer: Offer): Promise<Outcome> {
    const request = await this.provider.request(message, this.clock.now());
    const outcome = this.judge(await this.post(request, offer));
    return outcome.kind === 'unknown' && this.provider.idempotent ? this.sendAgain(request, outcome) : outcome;
  }

  /** Connections are fetch's, and closed by it when they have been idle for 4 s. */
  async close(): Promise<void> {}

  /** Once more at once where the connection broke before the last byte: mostly one that was kept, and is closed by now. */
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
  private async sendAgain(request: ProviderRequest, unknown: Outcome): Promise<Outcome> {
    for (const waitMs of HTTP_PATIENCE.resendAfterMs) {
      await delay(waitMs);
      const outcome = this.judge(await exchange(request, alreadyOffered, this.times()));
      if (outcome.kind === 'sent') return outcome;
    }
    return unknown;
  }

  private judge(exchanged: Exchanged): Outcome {
    switch (exchanged.kind) {
      case 'withdrawn':
        return exchanged;
      case 'failed':
        return classifyFailure(exchanged.stage, exchanged.code);
      case 'answered':
        return judgeAnswer(this.provider, exchanged.answer, this.clock.now());
    }
  }

  private times(): StageTimes {
    const { connectMs, transferMs, answerMs, idempotentAnswerMs } = HTTP_PATIENCE;
    return { connecting: connectMs, transferring: transferMs, released: this.provider.idempotent ? idempotentAnswerMs : answerMs };
  }
}

async function alreadyOffered(): Promise<void> {}
