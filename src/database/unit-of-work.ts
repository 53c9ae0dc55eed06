import { Inject, Injectable } from '@nestjs/common';
import type { Prisma } from '../generated/prisma/client.js';
import { PrismaService } from './prisma.service.js';

/** What must be atomic takes one of these: the caller's transaction, and what is to happen once it holds. */
export interface UnitOfWork {
  readonly db: Prisma.TransactionClient;
  /** Runs after the commit, never after a rollback; must not throw and is not awaited by the caller's answer. */
  afterCommit(effect: () => void): void;
}

@Injectable()
export class Transactions {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Commits when `work` resolves; a 2xx may be sent only after this resolved. */
  async run<T>(work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    const effects: (() => void)[] = [];
    const result = await this.prisma.$transaction((db) =>
      work({ db, afterCommit: (effect) => void effects.push(effect) }),
    );
    for (const effect of effects) effect();
    return result;
  }
}
