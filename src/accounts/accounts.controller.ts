import { Body, Controller, Get, HttpCode, Inject, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { parseEmailAddress } from '../core/email-address.js';
import { IssuedView } from '../otp/challenge-view.js';
import type { AccessClaims } from './access-tokens.js';
import { AccountView } from './account-view.js';
import { BearerGuard, Claims, unauthorized } from './bearer.guard.js';
import { Registration } from './registration.js';
import { RegisterRequest } from './requests.js';
import { Sessions } from './sessions.js';

@ApiTags('accounts')
@Controller('v1')
export class AccountsController {
  constructor(
    @Inject(Registration) private readonly registration: Registration,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  @Post('accounts')
  @HttpCode(202)
  @ApiOperation({
    summary: 'Register an address',
    description: 'Mails a code. The account exists once the code comes back. A known address gets the same answer.',
  })
  @ApiResponse({ status: 202, type: IssuedView })
  async register(@Body() body: RegisterRequest, @Req() request: FastifyRequest): Promise<IssuedView> {
    const issued = await this.registration.start({
      email: parseEmailAddress(body.email)!, // validated
      name: body.name ?? null,
      locale: body.locale ?? null,
      requestId: request.id,
    });
    return IssuedView.of(issued);
  }

  @Get('me')
  @UseGuards(BearerGuard)
  @ApiBearerAuth()
  @ApiOperation({ summary: 'The account that is signed in' })
  @ApiResponse({ status: 200, type: AccountView })
  async me(@Claims() claims: AccessClaims): Promise<AccountView> {
    const account = await this.sessions.accountOf(claims.sessionId);
    if (!account) throw unauthorized();
    return AccountView.of(account);
  }
}
