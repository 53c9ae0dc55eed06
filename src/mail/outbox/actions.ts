import { Injectable } from '@nestjs/common';
import { keyLine } from '../../access/key-line.js';
import { Audit, type AuditEntry, type Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { parseDestination, partOf } from '../../core/destination.js';
import { domainOf } from '../../core/email-address.js';
import { uuidv7 } from '../../core/ids.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { ScheduledTasks } from '../../database/scheduled-tasks.js';
import type { Prisma } from '../../generated/prisma/client.js';
import { countDiffers, uuidBefore } from './action-policy.js';
import { type AskedFilter, filterOf } from './asked-filter.js';
import { legalFor } from './batch-changes.js';
import { CANCEL, type Change, RESOLVE, type Resolution, RETRY } from './changes.js';
import { OutboxSearch } from './search.js';

export const ACTIONS = ['retry', 'cancel', 'resolve'] as const;
export type ActionKind = (typeof ACTIONS)[number];

/** The scheduled task that works them. */
export const ACTION_TASK = 'mail.actions';

const AUDITED: Record<ActionKind, string> = {
  retry: 'email.retried',
  cancel: 'email.cancelled',
  resolve: 'email.resolved',
};

export interface ActionRequest {
  action: ActionKind;
  /** Of resolve, and of nothing else. */
  as?: Resolution | undefined;
  filter: AskedFilter;
  reason: string;
  /** How many messages the caller has seen that the filter finds. */
  expected: number;
  /** An API key that sees its own messages alone: nothing but what its line of keys sent. */
  owner?: string | undefined;
}

/** What is kept in `email_actions.filter`: which messages, and what becomes of them. */
export type KeptFilter = { asked: AskedFilter } & Pick<ActionRequest, 'as' | 'owner'>;

export interface ActionRecord {
  id: string;
  action: ActionKind;
  as: Resolution | null;
  filter: AskedFilter;
  reason: string | null;
  found: number;
  done: number;
  createdAt: Date;
  /** Null: it is under way. */
  finishedAt: Date | null;
  actor: Doer['actor'];
}

export type Acceptance = { kind: 'accepted'; record: ActionRecord } | { kind: 'count_differs'; found: number };

/** What an action does to each message. */
export function changeOf(action: ActionKind, as: Resolution | undefined): Change {
  if (action === 'resolve') return RESOLVE[as!];
  return action === 'retry' ? RETRY : CANCEL;
}

/** The keys whose messages an action is about, where these are not all. */
export async function ownersOf(owner: string | undefined, { db }: UnitOfWork): Promise<string[] | undefined> {
  if (owner === undefined) return undefined;
  return (await db.$queryRaw<{ id: string }[]>(keyLine(owner))).map(({ id }) => id);
}

/** Retry, cancel or resolve for all messages that a filter finds: accepted here, worked by ActionBatches. */
@Injectable()
export class EmailActions {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly search: OutboxSearch,
    private readonly audit: Audit,
    private readonly clock: Clock,
    private readonly scheduled: ScheduledTasks,
  ) {}

  /** Counts what is there; the messages that are accepted from now on are none of it. */
  async accept(request: ActionRequest, by: Doer): Promise<Acceptance> {
    const { action, as, filter, reason, expected, owner } = request;
    return this.transactions.run(async (unit) => {
      const matching = legalFor(changeOf(action, as), filterOf(filter, await ownersOf(owner, unit)));
      const { count: found, firstId, lastId } = await this.search.count(matching, unit);
      if (countDiffers(found, expected)) return { kind: 'count_differs', found };
      const id = uuidv7(this.clock.now());
      const kept: KeptFilter = { asked: filter, as, owner };
      const row = await unit.db.emailAction.create({
        data: {
          ...{ id, action, reason, found },
          filter: JSON.parse(JSON.stringify(kept)) as Prisma.InputJsonObject,
          cursor: firstId === null ? null : uuidBefore(firstId),
          lastId: lastId ?? id,
          actorKind: by.actor.kind,
          actorId: by.actor.id ?? null,
        },
      });
      await this.note(request, { id, found }, by, unit);
      await this.scheduled.makeDue(ACTION_TASK, unit);
      return { kind: 'accepted', record: recordOf(row) };
    });
  }

  async find(id: string): Promise<ActionRecord | undefined> {
    const row = await this.prisma.emailAction.findUnique({ where: { id } });
    return row ? recordOf(row) : undefined;
  }

  /** Domains alone: the record of who did what outlives addresses. Words of a search may be one. */
  private async note(
    { action, as, filter, reason, owner }: ActionRequest,
    { id, found }: { id: string; found: number },
    by: Doer,
    unit: UnitOfWork,
  ): Promise<void> {
    const { to, from, q, ...rest } = filter;
    const details: AuditEntry['details'] = {
      ...{ found, reason, ...rest },
      ...(as ? { as } : {}),
      ...(to ? recipientPart(to) : {}),
      ...(from ? { fromDomain: domainOf(from) } : {}),
      ...(q ? { searched: true } : {}),
      ...(owner ? { ownAlone: true } : {}),
    };
    const target = { kind: 'email_action', id };
    await this.audit.record({ action: AUDITED[action], result: 'done', ...by, target, details }, unit);
  }
}

function recipientPart(to: string): { toDomain: string } | { toNumbers: string } {
  const part = partOf(parseDestination(to)!.canonical);
  return 'domain' in part ? { toDomain: part.domain } : { toNumbers: part.numbers };
}

type Row = Prisma.EmailActionGetPayload<object>;

function recordOf({ action, filter, actorKind, actorId, ...row }: Row): ActionRecord {
  const { as = null, asked } = filter as unknown as KeptFilter;
  const { id, reason, found, done, createdAt, finishedAt } = row;
  return {
    ...{ id, action: action as ActionKind, as, filter: asked, reason, found, done, createdAt, finishedAt },
    actor: { kind: actorKind as Doer['actor']['kind'], ...(actorId === null ? {} : { id: actorId }) },
  };
}
