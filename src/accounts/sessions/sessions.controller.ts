import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../../core/clock.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { sourceOf } from '../../core/request-source.js';
import type { Session } from '../../generated/prisma/client.js';
import { Limits } from '../../limits/limits.js';
import { tooManyFailures } from '../../otp/failure-budgets.js';
import { SignedInView, TokensView } from '../account-view.js';
import { BearerGuard, CurrentSession } from './bearer.guard.js';
import { OwnSessions } from './own-sessions.js';
import { PasswordSignIn } from '../passwords/password-sign-in.js';
import { RefreshRequest } from '../requests.js';
import { SessionIdPipe } from './session-id.pipe.js';
import { SessionListView, SessionView } from './session-view.js';
import { Sessions } from './sessions.js';
import { SignInRequest } from './sessions.requests.js';

@ApiTags('sessions')
@Controller('v1/sessions')
export class SessionsController {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(OwnSessions) private readonly own: OwnSessions,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(PasswordSignIn) private readonly passwords: PasswordSignIn,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Sign in with address and password',
    description: 'A wrong password, an account without one and an address that nobody has get the same answer. By code: POST /v1/otp.',
  })
  @ApiResponse({ status: 200, type: SignedInView })
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
  @HttpCode(200)
  @ApiOperation({
    summary: 'New tokens for a refresh token',
    description: 'Each works once, and for 10 s more for another tab, or where the answer was lost; using one again later ends the session.',
  })
  @ApiResponse({ status: 200, type: TokensView })
  async refresh(@Body() { refreshToken }: RefreshRequest, @Req() { ip }: FastifyRequest): Promise<TokensView> {
    const tokens = await this.sessions.refresh(refreshToken, (sessionId) => this.limits.takeRefresh(ip, sessionId));
    if (!tokens) throw new Problem('refresh_invalid');
    return tokens;
  }

  @Get()
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Where the account is signed in', description: 'The last used first.' })
  @ApiResponse({ status: 200, type: SessionListView })
  async list(@CurrentSession() { id, accountId }: Session): Promise<SessionListView> {
    const sessions = await this.sessions.list(accountId);
    return { items: sessions.map((session) => SessionView.of(session, id)), nextCursor: null };
  }

  @Delete('current')
  @HttpCode(204)
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Sign out' })
  @ApiResponse({ status: 204 })
  async signOut(@CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    await this.own.signOut(session, sourceOf(request));
  }

  @Delete(':id')
  @HttpCode(204)
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'End one session' })
  @ApiResponse({ status: 204 })
  async end(@Param('id', SessionIdPipe) id: string, @CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    if (!(await this.own.end(id, session, sourceOf(request)))) throw new Problem('session_not_found');
  }

  @Delete()
  @HttpCode(204)
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Sign out everywhere', description: 'This session ends, too.' })
  @ApiResponse({ status: 204 })
  async endAll(@CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    await this.own.endAll(session, sourceOf(request));
  }
}
