import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import type { RequestSource } from '../core/request-source.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import type { Account, PendingConfirmation } from '../generated/prisma/client.js';
import type { Challenge } from '../otp/challenges.js';
import { holdAddress } from './addresses.js';
import { unauthorized } from './sessions/bearer.guard.js';
import { EmailChanges } from './me/email-changes.js';
import { type IssuedTokens, Sessions } from './sessions/sessions.js';

/** Who is signed in. */
export interface SessionHolder {
  accountId: string;
  sessionId: string;
}

/** Codes that a signed-in person asked for: to change the address, or to show that it is still they. */
@Injectable()
export class Confirmations {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(EmailChanges) private readonly emailChanges: EmailChanges,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /**
   * What waits on a challenge; undefined for purposes that belong to no session. Only the session that asked may give
   * the code back (ASVS 5.0, 6.6.2).
   * @throws Problem unauthorized, before a try is counted
   */
  async of({ id, purpose }: Challenge, holder: SessionHolder | undefined): Promise<PendingConfirmation | undefined> {
    if (purpose !== 'change_email' && purpose !== 'reauthenticate') return undefined;
    const waiting = await this.prisma.pendingConfirmation.findUnique({ where: { challengeId: id } });
    if (!waiting || holder?.sessionId !== waiting.sessionId) throw unauthorized();
    return waiting;
  }

  /**
   * Undefined: the new address became somebody else's meanwhile.
   * @throws Problem unauthorized, where the session or the account ended meanwhile
   */
  async finish(
    { accountId, sessionId }: PendingConfirmation,
    challenge: Challenge,
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<{ account: Account; tokens: IssuedTokens } | undefined> {
    if (challenge.purpose === 'change_email') await holdAddress(challenge.destinationCanonical, unit.db); // before any account's row, as everywhere
    await unit.db.$queryRaw`SELECT 1 FROM accounts WHERE id = ${accountId}::uuid FOR UPDATE`;
    const account = await unit.db.account.findUnique({ where: { id: accountId } });
    // It may have ended while the code was looked at: by its owner, from another device.
    if (!account || !(await this.sessions.live(sessionId, unit))) throw unauthorized();
    const confirmed = challenge.purpose === 'change_email' ? await this.emailChanges.apply(account, challenge, sessionId, source, unit) : account;
    if (!confirmed) return undefined;
    const tokens = await this.sessions.reauthenticated(sessionId, unit);
    await this.audit.record(
      { action: 'session.reauthenticated', result: 'done', actor: { kind: 'account', id: accountId }, target: { kind: 'session', id: sessionId }, source, details: { purpose: challenge.purpose } },
      unit,
    );
    return { account: confirmed, tokens };
  }
}
