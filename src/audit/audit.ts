import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import type { RequestSource } from '../core/credentials.js';
import type { CompanionRow } from '../database/companion-rows.js';
import { PrismaService, type UnitOfWork } from '../database/prisma.service.js';
import type { AuditEvent } from '../generated/prisma/client.js';

export const ACTOR_KINDS = ['account', 'api_key', 'operator', 'anonymous'] as const;

/** Who acted: a signed-in person, a back end by its key, somebody with the command line of the host, or a stranger. */
export interface Actor {
  kind: (typeof ACTOR_KINDS)[number];
  id?: string;
}

export const AUDIT_RESULTS = ['done', 'refused'] as const;
export type AuditResult = (typeof AUDIT_RESULTS)[number];

/** One row of the record of who did what (ASVS 5.0, 16.2.1). Never a secret, never a whole address. */
export interface AuditEntry {
  /** Such as session.started, password.changed, api_key.created */
  action: string;
  /** Done unless it is said. */
  result?: AuditResult;
  actor: Actor;
  /** Such as account, session, api_key, challenge, email */
  target?: { kind: string; id: string };
  source?: RequestSource;
  details?: Record<string, string | number | boolean | null>;
}

/** On whose behalf something changes, and from where. */
export interface Doer {
  actor: Actor;
  source?: RequestSource;
}

/** Whoever acts at the command line: they hold the host, and nothing tells one of them from another. */
export const OPERATOR: Doer = { actor: { kind: 'operator' } };

/** An account that does something to itself. */
export function onOwnAccount(
  accountId: string,
  source: RequestSource,
): Required<Pick<AuditEntry, 'actor' | 'target' | 'source'>> {
  const who = { kind: 'account' as const, id: accountId };
  return { actor: who, target: who, source };
}

const MAX_USER_AGENT = 300;

/** Writes the record of security events. What must not happen unrecorded hands over its transaction. */
@Injectable()
export class Audit {
  constructor(
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
  ) {}

  /** In the caller's transaction where there is one, otherwise committed when this resolves. */
  async record(entry: AuditEntry, unit?: UnitOfWork): Promise<void> {
    await (unit?.db ?? this.prisma).auditEvent.createMany({ data: [this.eventOf(entry)] });
  }

  /** The same, to be committed with a message. */
  companion(entry: AuditEntry): CompanionRow {
    const { at, action, result, ip, details, ...event } = this.eventOf(entry);
    return {
      table: 'audit_events',
      row: {
        ...{ at, action, result, ip, details: details ?? null },
        ...{ actor_kind: event.actorKind, actor_id: event.actorId },
        ...{ target_kind: event.targetKind, target_id: event.targetId },
        ...{ user_agent: event.userAgent, request_id: event.requestId },
      },
    };
  }

  private eventOf({ action, result = 'done', actor, target, source, details }: AuditEntry) {
    return {
      at: this.clock.now(),
      action,
      result,
      actorKind: actor.kind,
      actorId: actor.id ?? null,
      targetKind: target?.kind ?? null,
      targetId: target?.id ?? null,
      ip: source?.ip ?? null,
      userAgent: source?.userAgent?.slice(0, MAX_USER_AGENT) ?? null,
      requestId: source?.requestId ?? null,
      ...(details ? { details } : {}),
    };
  }
}

export type AuditRecord = AuditEvent;

/** What is left out matches everything. */
export interface AuditFilter {
  /** All of it, such as session.started, or the beginning before a dot, such as session */
  action?: string | undefined;
  actorId?: string | undefined;
  targetId?: string | undefined;
  result?: AuditResult | undefined;
  /** At or after. */
  since?: Date | undefined;
  /** Before. */
  until?: Date | undefined;
}

/** Reads the record of who did what. */
@Injectable()
export class AuditRecords {
  constructor(private readonly prisma: PrismaService) {}

  /** Newest first. @param before the id of the last row that was seen */
  async list(
    { action, actorId, targetId, result, since, until }: AuditFilter,
    limit: number,
    before?: bigint,
  ): Promise<AuditRecord[]> {
    return this.prisma.auditEvent.findMany({
      where: {
        ...(before === undefined ? {} : { id: { lt: before } }),
        ...(action === undefined ? {} : action.includes('.') ? { action } : { action: { startsWith: `${action}.` } }),
        ...(actorId === undefined ? {} : { actorId }),
        ...(targetId === undefined ? {} : { targetId }),
        ...(result === undefined ? {} : { result }),
        ...(since || until ? { at: { ...(since ? { gte: since } : {}), ...(until ? { lt: until } : {}) } } : {}),
      },
      orderBy: { id: 'desc' },
      take: limit,
    });
  }
}
