import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { domainOf, parseEmailAddress } from '../core/email-address.js';
import { uuidv7 } from '../core/ids.js';
import { Keyring } from '../core/keyring.js';
import type { Lane } from '../core/lanes.js';
import { passing } from '../core/milestones.js';
import { during, type Span, Tracing } from '../core/tracing.js';
import { DatabaseClock } from '../database/database-clock.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import { MailQueue } from '../queue/mail-queue.js';
import { sealContext } from './composer.js';
import type { NewEmail } from './email-rows.js';
import { Outbox } from './outbox.js';
import { Transitions } from './transitions.js';

export type DraftContent =
  /** `secret`: the variables hold a code and are erased at hand-over. */
  | { kind: 'template'; template: string; variables: Record<string, string>; secret: boolean }
  | { kind: 'raw'; subject: string; text?: string; html?: string };

/** A message to be accepted. */
export interface Draft {
  lane: Lane;
  /** The stored form of an address. */
  to: string;
  replyTo?: string;
  /** Sealed before it reaches Postgres. */
  content: DraftContent;
  locale: string;
  scheduledAt?: Date;
  expiresAt?: Date;
  /** Milliseconds from now on after which it is not worth sending, for what lives by a Clock: `expiresAt` is a time of Postgres. */
  livesMs?: number;
  maxAttempts: number;
  /** Copies with the same key that have not started are cancelled. */
  supersedeKey?: string;
  apiKeyId?: string;
  /** Follows the message into the worker's log. */
  requestId?: string;
}

export interface Accepted {
  id: string;
  status: 'queued' | 'scheduled';
}

/** The way in: once the caller's transaction holds, the message is in the outbox and a worker is woken. */
@Injectable()
export class Mail {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(DatabaseClock) private readonly clock: DatabaseClock,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Transitions) private readonly transitions: Transitions,
    @Inject(MailQueue) private readonly queue: MailQueue,
    @Inject(Tracing) private readonly tracing: Tracing,
  ) {}

  async accept(draft: Draft, unit: UnitOfWork): Promise<Accepted> {
    const id = uuidv7(this.clock.now());
    if (draft.supersedeKey) await this.transitions.supersede(draft.supersedeKey, unit);
    const facts = { 'messaging.destination.name': draft.lane, 'messaging.message.id': id };
    const span = this.tracing.current.child(`accept ${draft.lane}`, 'producer', facts);
    await during(span, () => this.outbox.insert(this.rowOf(id, draft, span), unit));
    if (draft.scheduledAt) return { id, status: 'scheduled' };
    unit.afterCommit(() => {
      passing('accepted');
      this.queue.wake(draft.lane);
    });
    return { id, status: 'queued' };
  }

  /** Copies under a key that have not started are not sent. */
  async withdraw(supersedeKey: string, unit: UnitOfWork): Promise<void> {
    await this.transitions.supersede(supersedeKey, unit, 'withdrawn');
  }

  private rowOf(id: string, draft: Draft, { traceparent }: Span): NewEmail {
    const { name, address } = this.settings.mail.from;
    const sealed = this.keyring.seal(JSON.stringify(sealable(draft.content)), sealContext(id));
    return {
      id,
      lane: draft.lane,
      from: name ? `${quoted(name)} <${address}>` : address,
      to: draft.to,
      toCanonical: parseEmailAddress(draft.to)?.canonical ?? draft.to.toLowerCase(),
      replyTo: draft.replyTo ?? null,
      template: draft.content.kind === 'template' ? draft.content.template : null,
      locale: draft.locale,
      sealedVariables: sealed.bytes,
      sealKeyId: sealed.keyId,
      secret: draft.content.kind === 'template' && draft.content.secret,
      maxAttempts: draft.maxAttempts,
      scheduledAt: draft.scheduledAt ?? null,
      expiresAt: draft.expiresAt ?? null,
      livesMs: draft.livesMs ?? null,
      supersedeKey: draft.supersedeKey ?? null,
      messageId: `<${id}@${domainOf(address)}>`,
      apiKeyId: draft.apiKeyId ?? null,
      requestId: draft.requestId ?? null,
      traceparent: traceparent ?? null,
    };
  }
}

function sealable(content: DraftContent): object {
  if (content.kind === 'template') return content.variables;
  const { subject, text, html } = content;
  return { subject, text, html };
}

/** A quoted-string, RFC 5322 §3.2.4. */
function quoted(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&')}"`;
}
