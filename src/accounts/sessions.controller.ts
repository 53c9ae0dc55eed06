import { Body, Controller, Delete, HttpCode, Inject, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Problem } from '../core/problems.js';
import type { AccessClaims } from './access-tokens.js';
import { TokensView } from './account-view.js';
import { BearerGuard, Claims } from './bearer.guard.js';
import { RefreshRequest } from './requests.js';
import { Sessions } from './sessions.js';

@ApiTags('sessions')
@Controller('v1/sessions')
export class SessionsController {
  constructor(@Inject(Sessions) private readonly sessions: Sessions) {}

  @Post('refresh')
  @HttpCode(200)
  @ApiOperation({
    summary: 'New tokens for a refresh token',
    description: 'Each works once; using one again later ends the session. A retry within 10 s, when the answer was lost, is fine.',
  })
  @ApiResponse({ status: 200, type: TokensView })
  async refresh(@Body() body: RefreshRequest): Promise<TokensView> {
    const tokens = await this.sessions.refresh(body.refreshToken);
    if (!tokens) throw new Problem('refresh_invalid');
    return tokens;
  }

  @Delete('current')
  @HttpCode(204)
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'Sign out' })
  @ApiResponse({ status: 204 })
  async signOut(@Claims() claims: AccessClaims): Promise<void> {
    await this.sessions.signOut(claims.sessionId);
  }
}
