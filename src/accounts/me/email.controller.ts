import { Body, Controller, HttpCode, Inject, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { parseEmailAddress } from '../../core/email-address.js';
import { sourceOf } from '../../core/request-source.js';
import type { Session } from '../../generated/prisma/client.js';
import { IssuedView } from '../../otp/challenge-view.js';
import { BearerGuard, CurrentSession, unauthorized } from '../sessions/bearer.guard.js';
import { EmailChanges } from './email-changes.js';
import { ChangeEmailRequest } from '../requests.js';
import { Sessions } from '../sessions/sessions.js';

@ApiTags('accounts')
@ApiBearerAuth()
@UseGuards(BearerGuard)
@Controller('v1/me/email')
export class EmailController {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(EmailChanges) private readonly changes: EmailChanges,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Change the address',
    description: 'A code goes to the new address and is given back with this session; the former address gets a link that undoes it. Needs the current password, or a sign-in or reauthentication within the last 10 minutes.',
  })
  @ApiResponse({ status: 202, type: IssuedView })
  async change(@Body() { email, currentPassword }: ChangeEmailRequest, @CurrentSession() { id }: Session, @Req() request: FastifyRequest): Promise<IssuedView> {
    const holder = await this.sessions.find(id);
    if (!holder) throw unauthorized();
    return IssuedView.of(await this.changes.start(holder, parseEmailAddress(email)!, currentPassword, sourceOf(request))); // validated
  }
}
