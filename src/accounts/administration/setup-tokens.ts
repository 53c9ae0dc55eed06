import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { hashOfToken } from '../../core/credentials.js';
import { PrismaService } from '../../database/prisma.service.js';
import type { UnitOfWork } from '../../database/unit-of-work.js';
import { Administrators } from './administrators.js';

/** Milliseconds for which a setup link is good. */
const LIFETIME_MS = 24 * 60 * 60_000;

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

  private open(token: string) {
    return { tokenHash: hashOfToken(token), usedAt: null, expiresAt: { gt: this.clock.now() } };
  }
}
