import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { domainOf } from '../core/email-address.js';
import { uuidv7 } from '../core/ids.js';
import { Keyring } from '../core/keyring.js';
import type { Lane } from '../core/lanes.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import { MailQueue } from '../queue/mail-queue.js';
import { sealContext } from './composer.js';
import { Outbox } from './outbox.js';

/** A message to be accepted. */
export interface Draft {
  lane: Lane;
  /** The stored form of an address. */
  to: string;
  template: string;
  locale: string;
  /** Sealed before they reach Postgres. */
  variables: Record<string, string>;
  /** The variables hold a code: they are erased at hand-over. */
  secret: boolean;
  expiresAt?: Date;
  maxAttempts: number;
  /** Copies with the same key that have not started are cancelled. */
  supersedeKey?: string;
  /** Follows the message into the worker's log. */
  requestId?: string;
}

export interface Accepted {
  id: string;
  status: 'queued';
}

/** The way in: once the caller's transaction holds, the message is in the outbox and a worker is woken. */
@Injectable()
export class Mail {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(MailQueue) private readonly queue: MailQueue,
  ) {}

  async accept(draft: Draft, unit: UnitOfWork): Promise<Accepted> {
    const id = uuidv7(this.clock.now());
    const { name, address } = this.settings.mail.from;
    const sealed = this.keyring.seal(JSON.stringify(draft.variables), sealContext(id));
    if (draft.supersedeKey) await this.outbox.supersede(draft.supersedeKey, unit);
    await this.outbox.insert(
      {
        id,
        lane: draft.lane,
        from: name ? `${quoted(name)} <${address}>` : address,
        to: draft.to,
        template: draft.template,
        locale: draft.locale,
        sealedVariables: sealed.bytes,
        sealKeyId: sealed.keyId,
        secret: draft.secret,
        maxAttempts: draft.maxAttempts,
        expiresAt: draft.expiresAt ?? null,
        supersedeKey: draft.supersedeKey ?? null,
        messageId: `<${id}@${domainOf(address)}>`,
        requestId: draft.requestId ?? null,
      },
      unit,
    );
    unit.afterCommit(() => this.queue.wake(draft.lane));
    return { id, status: 'queued' };
  }
}

/** A quoted-string, RFC 5322 §3.2.4. */
function quoted(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&')}"`;
}
