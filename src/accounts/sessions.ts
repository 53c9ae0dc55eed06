import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import { uuidv7 } from '../core/ids.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions, type UnitOfWork } from '../database/unit-of-work.js';
import type { Account, RefreshToken } from '../generated/prisma/client.js';
import { AccessTokens } from './access-tokens.js';
import { ABSOLUTE_MS, ACCESS_TOKEN_SECONDS, decideRefresh, IDLE_MS } from './session-policy.js';

export interface Device {
  userAgent: string | undefined;
}

export interface IssuedTokens {
  accessToken: string;
  /** Opaque; stored as a hash only. */
  refreshToken: string;
  /** Seconds the access token is good for. */
  expiresIn: number;
}

const MAX_USER_AGENT = 300;

/** Sessions and their families of refresh tokens: each token works once, and using one again later ends the session. */
@Injectable()
export class Sessions {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(AccessTokens) private readonly accessTokens: AccessTokens,
  ) {}

  async start(accountId: string, device: Device, unit: UnitOfWork): Promise<IssuedTokens> {
    const now = this.clock.now();
    const id = uuidv7(now);
    const expiresAt = new Date(now.getTime() + ABSOLUTE_MS);
    const userAgent = device.userAgent?.slice(0, MAX_USER_AGENT) ?? null;
    await unit.db.session.createMany({
      data: [{ id, accountId, userAgent, createdAt: now, lastUsedAt: now, expiresAt }],
    });
    return this.issue({ id, accountId }, unit);
  }

  /** New tokens for a refresh token; undefined when it is not, or no longer, good for any. */
  async refresh(refreshToken: string): Promise<IssuedTokens | undefined> {
    const tokenHash = hashOf(refreshToken);
    const known = await this.prisma.refreshToken.findUnique({ where: { tokenHash } });
    if (!known) return undefined;
    return this.transactions.run(async (unit) => {
      // One refresh of a session at a time: what it decides on must hold until it has written.
      await unit.db.$queryRaw`SELECT 1 FROM sessions WHERE id = ${known.sessionId}::uuid FOR UPDATE`;
      return this.refreshLocked(tokenHash, unit);
    });
  }

  /** The account behind a session that has not ended; undefined otherwise. */
  async accountOf(sessionId: string): Promise<Account | undefined> {
    const session = await this.prisma.session.findFirst({
      where: { id: sessionId, revokedAt: null, expiresAt: { gt: this.clock.now() } },
      include: { account: true },
    });
    return session?.account;
  }

  async signOut(sessionId: string): Promise<void> {
    await this.prisma.session.updateMany({
      where: { id: sessionId, revokedAt: null },
      data: { revokedAt: this.clock.now(), revokedReason: 'signed_out' },
    });
  }

  private async refreshLocked(tokenHash: Bytes, unit: UnitOfWork): Promise<IssuedTokens | undefined> {
    const now = this.clock.now();
    const token = await unit.db.refreshToken.findUniqueOrThrow({ where: { tokenHash }, include: { session: true } });
    const successor = await successorOf(token, unit);
    const decision = decideRefresh({
      now,
      sessionRevoked: token.session.revokedAt !== null,
      sessionExpiresAt: token.session.expiresAt,
      tokenExpiresAt: token.expiresAt,
      usedAt: token.usedAt,
      voided: token.voidedAt !== null,
      successorUsed: successor !== undefined && successor.usedAt !== null,
    });
    switch (decision) {
      case 'invalid':
        return undefined;
      case 'reuse':
        await unit.db.session.update({
          where: { id: token.sessionId },
          data: { revokedAt: now, revokedReason: 'refresh_reuse' },
        });
        return undefined;
      case 'replace':
        await unit.db.refreshToken.updateMany({
          where: { tokenHash: successor!.tokenHash },
          data: { voidedAt: now },
        });
    }
    const issued = await this.issue(token.session, unit);
    await unit.db.refreshToken.updateMany({
      where: { tokenHash },
      data: { usedAt: token.usedAt ?? now, successor: hashOf(issued.refreshToken) },
    });
    await unit.db.session.updateMany({ where: { id: token.sessionId }, data: { lastUsedAt: now } });
    return issued;
  }

  private async issue(session: { id: string; accountId: string }, { db }: UnitOfWork): Promise<IssuedTokens> {
    const now = this.clock.now();
    const refreshToken = `otr_${randomBytes(32).toString('base64url')}`;
    await db.refreshToken.createMany({
      data: [
        {
          tokenHash: hashOf(refreshToken),
          sessionId: session.id,
          createdAt: now,
          expiresAt: new Date(now.getTime() + IDLE_MS),
        },
      ],
    });
    const accessToken = await this.accessTokens.issue(session.accountId, session.id, now);
    return { accessToken, refreshToken, expiresIn: ACCESS_TOKEN_SECONDS };
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

async function successorOf(token: RefreshToken, { db }: UnitOfWork): Promise<RefreshToken | undefined> {
  if (token.successor === null) return undefined;
  return (await db.refreshToken.findUnique({ where: { tokenHash: token.successor } })) ?? undefined;
}

/** 256 random bits need no slow hash. */
function hashOf(token: string): Bytes {
  return new Uint8Array(createHash('sha256').update(token).digest());
}
