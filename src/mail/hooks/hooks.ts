import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import type { Doorkeeper } from '../../core/credentials.js';
import { isStorable, requireStorable } from '../../core/input.js';
import { Logger } from '../../core/logger.js';
import { Problem } from '../../core/problems.js';
import { requesterOf } from '../../limits/limit-policy.js';
import { type Hook, type HookRequest, jsonOf, type Proof, type ProviderEvent } from '../providers/hook.js';
import { providerOf } from '../providers/providers.js';
import { findSmsProvider } from '../sms/sms-providers.js';
import { SnsSite, SnsUnavailable } from '../providers/sns.js';
import { LIFTED, ProviderEvents, type Recorded } from '../events/provider-events.js';

interface Caller {
  requestId: string;
  /** Shares what is fetched to prove something with the other requesters. */
  requester: string;
}

/** Events of providers, from the request to the record: who said it is settled before what is said is looked at. */
@Injectable()
export class Hooks implements Doorkeeper {
  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly events: ProviderEvents,
    private readonly sns: SnsSite,
    private readonly log: Logger,
  ) {}

  /** Before the body is read, as far as its head tells: nobody else's megabyte is kept. @throws Problem */
  async admit({ params, headers, id, ip, url }: FastifyRequest): Promise<void> {
    const { kind, hook, secrets } = this.known((params as { provider: string }).provider.toLowerCase());
    if (!hook.provenByHeader) return;
    const request = { url: this.publicUrl(url), headers, body: Buffer.alloc(0), now: this.clock.now() };
    this.insist(await this.proofOf(hook, secrets, request, requesterOf(ip)), kind, id);
  }

  /**
   * Commits what is new and applies what can be applied; what holds text that is not storable is refused, after the
   * rest was taken. @throws Problem
   */
  async take(
    provider: string,
    { url, headers, body }: Pick<HookRequest, 'headers' | 'body'> & { url: string },
    { requestId, requester }: Caller,
  ): Promise<Recorded> {
    const { kind, hook, secrets } = this.known(provider);
    const request = { url: this.publicUrl(url), headers, body, now: this.clock.now() };
    this.insist(await readable(() => this.proofOf(hook, secrets, request, requester)), kind, requestId);
    const told = await readable(async () => hook.read(request));
    // One that was made unstorable, by a hostile server's reply for instance, must not cost the others that came with
    // it.
    const recorded = await this.events.record(kind, told.filter(holdsStorableText));
    const settled = await this.events.settle(recorded.ids);
    for (const change of settled.changed)
      this.log.info({ ...change, requestId }, 'a provider told what became of a message');
    for (const emailId of settled.lifted) this.log.info({ emailId, requestId }, LIFTED);
    if (settled.foreign > 0)
      this.log.warn(
        { provider: kind, events: settled.foreign, requestId },
        'a provider spoke of messages it never carried',
      );
    if (hasEscapes(body)) requireStorable(jsonOf(body), ...told);
    return recorded;
  }

  private known(kind: string): { kind: string; hook: Hook<unknown>; secrets: unknown[] } {
    const secrets = this.settings.mail.hookSecrets.filter(({ provider }) => provider === kind);
    if (secrets.length === 0) throw new Problem('hook_not_configured');
    const hook = findSmsProvider(kind)?.hook ?? providerOf(kind).hook;
    return { kind, hook, secrets: secrets.map(({ secret }) => secret) };
  }

  /** Proxies may have changed host and scheme, and what is signed is what the provider was given. */
  private publicUrl(path: string): string {
    return `${this.settings.http.appUrl}${path}`;
  }

  private insist(proof: Proof, provider: string, requestId: string): void {
    if (proof.kind === 'authentic') return;
    this.log.warn(
      { provider, reason: proof.reason, requestId },
      'an event was refused: it is not proven to come from the provider',
    );
    throw new Problem('hook_refused', { detail: DETAILS[proof.reason] });
  }

  /** By the account, or the older or newer secret, for which it holds; else why it holds for none. */
  private async proofOf(
    hook: Hook<unknown>,
    secrets: readonly unknown[],
    request: HookRequest,
    requester: string,
  ): Promise<Proof> {
    const help = { sns: this.sns, requester, log: this.log };
    let best: Proof | undefined;
    for (const secret of secrets) {
      const proof = await provable(async () => hook.prove(request, secret, help));
      if (proof.kind === 'authentic') return proof;
      if (best?.kind !== 'refused' || (best.reason !== 'stale' && proof.reason === 'stale')) best = proof;
    }
    return best!;
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

/**
 * Without an escape there is no NUL in JSON (RFC 8259 §7), and no half of a pair in UTF-8. A form has no escapes of
 * JSON.
 */
function hasEscapes(body: Buffer): boolean {
  return body.includes('\\u') && /^\s*[[{]/.test(body.toString('latin1', 0, 100));
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    // A RangeError: it is nested deeper than the stack.
    throw error instanceof SyntaxError || error instanceof RangeError
      ? new Problem('malformed_json', { cause: error })
      : error;
  }
}

async function provable<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof SnsUnavailable
      ? new Problem('hook_unprovable', { cause: error, headers: { 'retry-after': '30' } })
      : error;
  }
}
