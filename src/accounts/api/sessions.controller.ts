import { Body, Controller, Delete, Get, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../../core/clock.js';
import { sourceOf } from '../../core/credentials.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import type { Session } from '../../generated/prisma/client.js';
import { Limits } from '../../limits/limits.js';
import { tooManyFailures } from '../../otp/failure-budgets.js';
import { PasswordSignIn } from '../passwords/password-sign-in.js';
import { BearerGuard, CurrentSession, SessionIdPipe } from '../sessions/bearer.guard.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { RefreshTokens } from '../sessions/refresh-tokens.js';
import { Sessions } from '../sessions/sessions.js';
import { RefreshRequest, SignInRequest } from './requests.js';
import { SessionListView, SessionView, SignedInView, TokensView } from './views.js';

@ApiTags('sessions')
@Controller('v1/sessions')
export class SessionsController {
  constructor(
    private readonly sessions: Sessions,
    private readonly tokens: RefreshTokens,
    private readonly own: OwnSessions,
    private readonly limits: Limits,
    private readonly passwords: PasswordSignIn,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Operation(200, SignedInView, {
    summary: 'Sign in with address and password',
    description:
      'A wrong password, an account without one and an address that nobody has get the same answer. By code: POST /v1/otp.',
  })
  @Problems('invalid_credentials', 'too_many_failures', 'rate_limited', 'busy')
  async signIn(@Body() { email, password }: SignInRequest, @Req() request: FastifyRequest): Promise<SignedInView> {
    const result = await this.passwords.signIn(parseEmailAddress(email)!, password, sourceOf(request)); // validated
    switch (result.kind) {
      case 'signed_in':
        return SignedInView.of(result.account, result.tokens, result.deviceToken);
      case 'wrong':
        throw new Problem('invalid_credentials');
      case 'blocked':
        throw tooManyFailures(result, this.clock.now());
    }
  }

  @Post('refresh')
  @Operation(200, TokensView, {
    summary: 'New tokens for a refresh token',
    description:
      'Each works once, and for 10 s more for another tab, or where the answer was lost; using one again later ends the session.',
  })
  @Problems('refresh_invalid', 'rate_limited')
  async refresh(@Body() { refreshToken }: RefreshRequest, @Req() request: FastifyRequest): Promise<TokensView> {
    const tokens = await this.tokens.refresh(refreshToken, sourceOf(request), (sessionId) =>
      this.limits.takeRefresh(request.ip, sessionId),
    );
    if (!tokens) throw new Problem('refresh_invalid');
    return tokens;
  }

  @Get()
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @Operation(200, SessionListView, { summary: 'Where the account is signed in', description: 'The last used first.' })
  async list(@CurrentSession() { id, accountId }: Session): Promise<SessionListView> {
    const sessions = await this.sessions.list(accountId);
    return { items: sessions.map((session) => SessionView.of(session, id)), nextCursor: null };
  }

  @Delete('current')
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @Operation(204, undefined, { summary: 'Sign out' })
  async signOut(@CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    await this.own.signOut(session, sourceOf(request));
  }

  @Delete(':id')
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @Operation(204, undefined, { summary: 'End one session' })
  @Problems('session_not_found')
  async end(
    @Param('id', SessionIdPipe) id: string,
    @CurrentSession() session: Session,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    if (!(await this.own.end(id, session, sourceOf(request)))) throw new Problem('session_not_found');
  }

  @Delete()
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @Operation(204, undefined, { summary: 'Sign out everywhere', description: 'This session ends, too.' })
  async endAll(@CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    await this.own.endAll(session, sourceOf(request));
  }
}
