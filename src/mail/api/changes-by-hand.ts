import { Injectable } from '@nestjs/common';
import type { CallerIdentity } from '../../access/access.guard.js';
import { Audit, type Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { Problem } from '../../core/problems.js';
import { Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import { type Resolution, type TransitionResult, Transitions } from '../outbox/changes.js';
import { OutboxRecords } from '../outbox/records.js';
import { rescheduleFaults } from '../submission/schedule-policy.js';
import { ownerFor, sees } from './own-view.js';

/** Who changes a message: what they see, and how the audit record names them. */
interface Changer {
  caller: CallerIdentity;
  by: Doer;
}

/** What became of it. */
interface Changed {
  id: string;
  status: EmailStatus;
}

/** What callers do to one message. Each throws Problem email_not_found, invalid_state or content_erased. */
@Injectable()
export class ChangesByHand {
  constructor(
    private readonly transitions: Transitions,
    private readonly records: OutboxRecords,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  /** @throws Problem `validation_failed` for a time that cannot be */
  async reschedule(id: string, scheduledAt: Date, { caller, by }: Changer): Promise<Changed> {
    const now = this.clock.now();
    const record = await this.records.find(id);
    if (!record || !(await sees(caller, record))) throw new Problem('email_not_found');
    const errors = rescheduleFaults({ scheduledAt, expiresAt: record.expiresAt ?? undefined }, now);
    if (errors.length > 0) throw new Problem('validation_failed', { errors });
    const change = (unit: UnitOfWork) => this.transitions.reschedule(id, scheduledAt, now, unit);
    return this.change('email.rescheduled', id, by, change, { scheduledAt: scheduledAt.toISOString() });
  }

  async cancel(id: string, { caller, by }: Changer): Promise<Changed> {
    await this.requireSeen(id, caller);
    return this.change('email.cancelled', id, by, (unit) => this.transitions.cancel(id, unit));
  }

  async retry(id: string, { caller, by }: Changer): Promise<Changed> {
    await this.requireSeen(id, caller);
    return this.change('email.retried', id, by, (unit) => this.transitions.retry(id, unit));
  }

  async resolve(id: string, as: Resolution, { caller, by }: Changer): Promise<Changed> {
    await this.requireSeen(id, caller);
    return this.change('email.resolved', id, by, (unit) => this.transitions.resolve(id, as, unit), { as });
  }

  /** Of keys that see their own messages alone. */
  private async requireSeen(id: string, caller: CallerIdentity): Promise<void> {
    if (ownerFor(caller) === undefined) return;
    const record = await this.records.find(id);
    if (!record || !(await sees(caller, record))) throw new Problem('email_not_found');
  }

  /** Nothing that people did to a message stays unrecorded: both are committed, or neither. */
  private async change(
    action: string,
    id: string,
    by: Doer,
    change: (unit: UnitOfWork) => Promise<TransitionResult>,
    details: { as?: string; scheduledAt?: string } = {},
  ): Promise<Changed> {
    return this.transactions.run(async (unit) => {
      const changed = changedBy(id, await change(unit));
      await this.audit.record({ action, result: 'done', ...by, target: { kind: 'email', id }, details }, unit);
      return changed;
    });
  }
}

/** @throws Problem where nothing was changed */
function changedBy(id: string, result: TransitionResult): Changed {
  switch (result.kind) {
    case 'done':
      return { id, status: result.status };
    case 'not_found':
      throw new Problem('email_not_found');
    case 'content_erased':
      throw new Problem('content_erased');
    case 'invalid_state':
      throw new Problem('invalid_state', {
        detail: `The message is ${result.status}.`,
        extensions: { state: result.status },
      });
  }
}
