import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { AuditEvent } from '../generated/prisma/client.js';
import type { AuditResult } from './audit.js';

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
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Newest first. @param before the id of the last row that was seen */
  async list({ action, actorId, targetId, result, since, until }: AuditFilter, limit: number, before?: bigint): Promise<AuditRecord[]> {
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
