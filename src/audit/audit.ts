import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import type { RequestSource } from '../core/request-source.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';

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
  result: AuditResult;
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

const MAX_USER_AGENT = 300;

/** Writes the record of security events. What must not happen unrecorded hands over its transaction. */
@Injectable()
export class Audit {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** In the caller's transaction where there is one, otherwise committed when this resolves. */
  async record({ action, result, actor, target, source, details }: AuditEntry, unit?: UnitOfWork): Promise<void> {
    await (unit?.db ?? this.prisma).auditEvent.createMany({
      data: [
        {
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
        },
      ],
    });
  }
}
