import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { hashOfToken } from '../../core/credentials.js';
import { PrismaService } from '../../database/prisma.service.js';
import type { UnitOfWork } from '../../database/unit-of-work.js';
import type { Account } from '../../generated/prisma/client.js';
import { Administrators } from './administrators.js';

/** Milliseconds for which a setup link is good. */
const LIFETIME_MS = 24 * 60 * 60_000;
/** Milliseconds after its use in which whoever used it, and did not hear the answer, gets it again. */
const REPEAT_MS = 60_000;

/** The use of a link, and whom it made an administrator. */
export interface SetupUse {
  at: Date;
  account: Account;
}

/** open: it makes the first administrator. done: there is one. invalid: unknown, used, or too old. */
export type SetupState = 'open' | 'done' | 'invalid';

/** The one-time links of the console: whoever can read it is taken for the owner of the deployment. */
@Injectable()
export class SetupTokens {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Administrators) private readonly administrators: Administrators,
  ) {}

  /** A new token, 256 random bits of which only the SHA-256 is kept; undefined once there is an administrator. */
  async offer(): Promise<string | undefined> {
    const now = this.clock.now();
    await this.prisma.setupToken.deleteMany({ where: { expiresAt: { lte: now } } });
    if (await this.administrators.any()) return undefined;
    const token = randomBytes(32).toString('base64url');
    await this.prisma.setupToken.createMany({
      data: [{ tokenHash: hashOfToken(token), createdAt: now, expiresAt: new Date(now.getTime() + LIFETIME_MS) }],
    });
    return token;
  }

  /** Looking uses nothing up: browsers and chats open links ahead of people. */
  async look(token: string): Promise<SetupState> {
    if (await this.administrators.any()) return 'done';
    const open = await this.prisma.setupToken.count({ where: this.open(token) });
    return open === 1 ? 'open' : 'invalid';
  }

  /** Of two at once, one. */
  async use(token: string, { db }: UnitOfWork): Promise<boolean> {
    const { count } = await db.setupToken.updateMany({ where: this.open(token), data: { usedAt: this.clock.now() } });
    return count === 1;
  }

  /** For {@link lately}; the caller used the token in the same transaction. */
  async note(token: string, { id }: Account, { db }: UnitOfWork): Promise<void> {
    await db.setupToken.updateMany({ where: { tokenHash: hashOfToken(token) }, data: { accountId: id } });
  }

  /** Undefined when the link was not used a moment ago, or whom it made is gone. */
  async lately(token: string): Promise<SetupUse | undefined> {
    const since = new Date(this.clock.now().getTime() - REPEAT_MS);
    const used = await this.prisma.setupToken.findFirst({ where: { tokenHash: hashOfToken(token), usedAt: { gt: since } } });
    if (!used?.usedAt || used.accountId === null) return undefined;
    const account = await this.prisma.account.findUnique({ where: { id: used.accountId } });
    return account ? { at: used.usedAt, account } : undefined;
  }

  /** As a session knows the link that began it; no challenge has such an id. */
  beginning(token: string): string {
    return `setup:${Buffer.from(hashOfToken(token)).toString('base64url')}`;
  }

  private open(token: string) {
    return { tokenHash: hashOfToken(token), usedAt: null, expiresAt: { gt: this.clock.now() } };
  }
}
