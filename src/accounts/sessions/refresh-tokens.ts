import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Audit } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { hashOfToken, type RequestSource } from '../../core/credentials.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { Session } from '../../generated/prisma/client.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { ACCESS_TOKEN_SECONDS, decideRefresh, IDLE_MS, MAX_UNUSED } from '../tokens/session-policy.js';
import { endOfSession } from './session-end.js';

export interface IssuedTokens {
  accessToken: string;
  /** Opaque; stored as a hash only. */
  refreshToken: string;
  /** Seconds the access token is good for. */
  expiresIn: number;
}

/**
 * The families of refresh tokens by which apps go on with their sessions: each token works once and a moment longer,
 * and using one again later ends the session.
 */
@Injectable()
export class RefreshTokens {
  constructor(
    private readonly clock: Clock,
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly accessTokens: AccessTokens,
    private readonly audit: Audit,
  ) {}

  /**
   * New tokens for a refresh token; undefined when it is not, or no longer, good for any.
   * @param source goes to the record where a used token ends the session
   * @param admit takes the limits, of the token's session too where there is one; nothing has been changed yet
   */
  async refresh(
    refreshToken: string,
    source: RequestSource,
    admit: (sessionId: string | undefined) => Promise<void>,
  ): Promise<IssuedTokens | undefined> {
    const tokenHash = hashOfToken(refreshToken);
    const known = await this.prisma.refreshToken.findFirst({
      where: { tokenHash, expiresAt: { gt: this.clock.now() } },
    });
    await admit(known?.sessionId);
    if (!known) return undefined;
    return this.transactions.run(async (unit) => {
      await holdSession(known.sessionId, unit);
      return this.refreshLocked(tokenHash, source, unit);
    });
  }

  /** To go on with: of a session that begins, or that the caller holds. */
  async issue(session: Session, { db }: UnitOfWork): Promise<IssuedTokens> {
    const now = this.clock.now();
    const refreshToken = `otr_${randomBytes(32).toString('base64url')}`;
    await db.refreshToken.createMany({
      data: [
        {
          tokenHash: hashOfToken(refreshToken),
          sessionId: session.id,
          createdAt: now,
          expiresAt: new Date(now.getTime() + IDLE_MS),
        },
      ],
    });
    const accessToken = await this.accessTokens.issue(session, now);
    return { accessToken, refreshToken, expiresIn: ACCESS_TOKEN_SECONDS };
  }

  /**
   * Beside tokens that may never be used, because no client received them or a tab was closed. Lest these gather, the
   * oldest unused token ends where there are too many; whoever holds it is refused later, and is no thief. The caller
   * holds the session.
   */
  async issueBeside(session: Session, unit: UnitOfWork): Promise<IssuedTokens> {
    const now = this.clock.now();
    await unit.db.$executeRaw`
      UPDATE refresh_tokens SET expires_at = ${now}::timestamptz WHERE token_hash IN (
        SELECT token_hash FROM refresh_tokens
        WHERE session_id = ${session.id}::uuid AND used_at IS NULL AND expires_at > ${now}::timestamptz
        ORDER BY created_at DESC OFFSET ${MAX_UNUSED - 1})`;
    return this.issue(session, unit);
  }

  /** New tokens, and the former ones are good for nothing. The caller holds the session. */
  async renew(session: Session, unit: UnitOfWork): Promise<IssuedTokens> {
    const now = this.clock.now();
    // They end rather than being voided: a client that lost this answer and comes with one is no thief.
    await unit.db.refreshToken.updateMany({
      where: { sessionId: session.id, expiresAt: { gt: now } },
      data: { expiresAt: now },
    });
    return this.issue(session, unit);
  }

  private async refreshLocked(
    tokenHash: Uint8Array<ArrayBuffer>,
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<IssuedTokens | undefined> {
    const now = this.clock.now();
    const token = await unit.db.refreshToken.findUnique({ where: { tokenHash }, include: { session: true } });
    if (!token) return undefined; // its account was deleted meanwhile
    const { session, usedAt } = token;
    const decision = decideRefresh({
      now,
      sessionRevoked: session.revokedAt !== null,
      sessionExpiresAt: session.expiresAt,
      tokenExpiresAt: token.expiresAt,
      usedAt,
    });
    switch (decision) {
      case 'invalid':
        return undefined;
      case 'reuse':
        await unit.db.session.update({
          where: { id: session.id },
          data: { revokedAt: now, revokedReason: 'refresh_reuse' },
        });
        // By one of two who hold the token, and nobody knows which.
        await this.audit.record(endOfSession(session.id, 'refresh_reuse', { kind: 'anonymous' }, source), unit);
        return undefined;
      case 'first':
      case 'sibling': {
        await unit.db.session.updateMany({ where: { id: session.id }, data: { lastUsedAt: now } });
        if (decision === 'sibling') return this.issueBeside(session, unit);
        const issued = await this.issue(session, unit);
        await unit.db.refreshToken.updateMany({
          where: { tokenHash },
          data: { usedAt: now, successor: hashOfToken(issued.refreshToken) },
        });
        return issued;
      }
    }
  }
}

/** One change of a session at a time: what is decided on must hold until it is written. */
export async function holdSession(sessionId: string, { db }: UnitOfWork): Promise<void> {
  await db.$queryRaw`SELECT 1 FROM sessions WHERE id = ${sessionId}::uuid FOR UPDATE`;
}
