import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { hashOfToken } from '../../core/credentials.js';
import { uuidv7 } from '../../core/ids.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import type { Account, Prisma, Session } from '../../generated/prisma/client.js';
import { newGeneration } from '../../otp/device-token.js';
import { ABSOLUTE_MS, idleSince, TOUCH_EVERY_MS } from '../tokens/session-policy.js';
import { holdSession, type IssuedTokens, RefreshTokens } from './refresh-tokens.js';
import type { EndReason } from './session-end.js';

/** How a session began, and where. */
export interface Begun {
  method: 'code' | 'link' | 'password';
  userAgent?: string | undefined;
  ip?: string | undefined;
  /** The challenge or setup link that began it: whoever repeats the request that did finds the session again. */
  challengeId?: string | undefined;
}

/** A session that has not ended, and whose it is. */
export interface LiveSession {
  session: Session;
  account: Account;
}

const MAX_USER_AGENT = 300;

/** Who is signed in where: apps by tokens, our own pages by a cookie. */
@Injectable()
export class Sessions {
  constructor(
    private readonly clock: Clock,
    private readonly prisma: PrismaService,
    private readonly tokens: RefreshTokens,
  ) {}

  /** Of an app or another page: an access token, and a refresh token to go on with. */
  async start(accountId: string, begun: Begun, unit: UnitOfWork): Promise<IssuedTokens> {
    return this.tokens.issue(await this.insert(accountId, begun, null, unit), unit);
  }

  /**
   * Of our own pages, known by the value of a cookie, stored as a hash only.
   * @param cookie at least 256 bits that nobody can guess, where the caller has to be able to make it again
   */
  async startBrowser(
    accountId: string,
    begun: Begun,
    unit: UnitOfWork,
    cookie = newCookie(),
  ): Promise<{ sessionId: string; cookie: string }> {
    const { id } = await this.insert(accountId, begun, hashOfToken(cookie), unit);
    return { sessionId: id, cookie };
  }

  /**
   * Further tokens for a session of an app, beside those that it has; undefined when it has ended. The caller has seen
   * a proof.
   */
  async again(sessionId: string, unit: UnitOfWork): Promise<IssuedTokens | undefined> {
    await holdSession(sessionId, unit);
    const session = await this.live(sessionId, unit);
    return session && session.cookieHash === null ? this.tokens.issueBeside(session, unit) : undefined;
  }

  /** The session, if it has not ended; one select, in the caller's transaction where there is one. */
  async live(sessionId: string, unit?: UnitOfWork): Promise<Session | undefined> {
    return (
      (await (unit?.db ?? this.prisma).session.findFirst({ where: { id: sessionId, ...this.alive() } })) ?? undefined
    );
  }

  async find(sessionId: string): Promise<LiveSession | undefined> {
    return this.findWhere({ id: sessionId });
  }

  /** The session of a cookie's value, noted as used, at most once a minute. */
  async byCookie(cookie: string): Promise<LiveSession | undefined> {
    const found = await this.lookByCookie(cookie);
    if (found) await this.touch(found.session);
    return found;
  }

  /** The same, and nothing is noted. */
  async lookByCookie(cookie: string): Promise<LiveSession | undefined> {
    return this.findWhere({ cookieHash: hashOfToken(cookie) });
  }

  /** The session that a challenge began, the newest of several, if it has not ended. */
  async begunBy(challengeId: string): Promise<LiveSession | undefined> {
    return this.findWhere({ challengeId });
  }

  /** Those that have not ended, the last used first. */
  async list(accountId: string): Promise<Session[]> {
    return this.prisma.session.findMany({
      where: { accountId, ...this.alive() },
      orderBy: [{ lastUsedAt: 'desc' }, { id: 'desc' }],
    });
  }

  /** False: not one of this account's that has not ended. */
  async end(sessionId: string, accountId: string, reason: EndReason, unit: UnitOfWork): Promise<boolean> {
    const { count } = await unit.db.session.updateMany({
      where: { id: sessionId, accountId, ...this.alive() },
      data: { revokedAt: this.clock.now(), revokedReason: reason },
    });
    return count === 1;
  }

  /**
   * All sessions of an account, or all but one. With all of them its devices are known no more: one may be an
   * intruder's. Returns how many sessions there were.
   */
  async endOthers(accountId: string, except: string | null, reason: EndReason, unit: UnitOfWork): Promise<number> {
    // The account's row before those of its sessions, as everywhere.
    if (except === null)
      await unit.db.account.updateMany({ where: { id: accountId }, data: { deviceGeneration: newGeneration() } });
    const { count } = await unit.db.session.updateMany({
      where: { accountId, ...this.alive(), ...(except === null ? {} : { id: { not: except } }) },
      data: { revokedAt: this.clock.now(), revokedReason: reason },
    });
    return count;
  }

  /** Its holder proved again who they are: new tokens, and the former ones are good for nothing (ASVS 7.2.4). */
  async reauthenticated(sessionId: string, unit: UnitOfWork): Promise<IssuedTokens> {
    const now = this.clock.now();
    await holdSession(sessionId, unit);
    const session = await unit.db.session.update({
      where: { id: sessionId },
      data: { authenticatedAt: now, lastUsedAt: now },
    });
    return this.tokens.renew(session, unit);
  }

  /**
   * A new cookie for a session of our own pages, and the former one opens nothing.
   * @param proven whether its holder gave a code that shows who they are
   */
  async renewBrowser(sessionId: string, proven: boolean, unit: UnitOfWork, cookie = newCookie()): Promise<string> {
    const now = this.clock.now();
    await holdSession(sessionId, unit);
    const data = { lastUsedAt: now, cookieHash: hashOfToken(cookie), ...(proven ? { authenticatedAt: now } : {}) };
    await unit.db.session.update({ where: { id: sessionId }, data });
    return cookie;
  }

  /** The session that has this cookie, or had it when it ended. */
  async everOf(cookie: string, unit: UnitOfWork): Promise<Session | undefined> {
    return (await unit.db.session.findFirst({ where: { cookieHash: hashOfToken(cookie) } })) ?? undefined;
  }

  private async insert(
    accountId: string,
    begun: Begun,
    cookieHash: Bytes | null,
    { db }: UnitOfWork,
  ): Promise<Session> {
    const now = this.clock.now();
    const [session] = await db.session.createManyAndReturn({
      data: [
        {
          id: uuidv7(now),
          accountId,
          cookieHash,
          challengeId: begun.challengeId ?? null,
          method: begun.method,
          userAgent: begun.userAgent?.slice(0, MAX_USER_AGENT) ?? null,
          ip: begun.ip ?? null,
          authenticatedAt: now,
          createdAt: now,
          lastUsedAt: now,
          expiresAt: new Date(now.getTime() + ABSOLUTE_MS),
        },
      ],
    });
    return session!;
  }

  private async findWhere(which: Prisma.SessionWhereInput): Promise<LiveSession | undefined> {
    const { session: sessions, account: accounts } = this.prisma;
    const session = await sessions.findFirst({ where: { ...which, ...this.alive() }, orderBy: { id: 'desc' } });
    // Not with `include`: that is a second select as well, and throws where the account was deleted in between.
    const account = session && (await accounts.findUnique({ where: { id: session.accountId } }));
    return session && account ? { session, account } : undefined;
  }

  private alive() {
    const now = this.clock.now();
    return { revokedAt: null, expiresAt: { gt: now }, lastUsedAt: { gt: idleSince(now) } };
  }

  private async touch({ id, lastUsedAt }: Session): Promise<void> {
    const now = this.clock.now();
    const due = new Date(now.getTime() - TOUCH_EVERY_MS);
    if (lastUsedAt > due) return;
    await this.prisma.session.updateMany({ where: { id, lastUsedAt: { lte: due } }, data: { lastUsedAt: now } });
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

/** 256 random bits. */
function newCookie(): string {
  return `ots_${randomBytes(32).toString('base64url')}`;
}
