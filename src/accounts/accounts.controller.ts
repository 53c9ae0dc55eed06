import { Body, Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { parseEmailAddress } from '../core/email-address.js';
import { sourceOf } from '../core/request-source.js';
import { IssuedView } from '../otp/challenge-view.js';
import { Registration } from './registration.js';
import { RegisterRequest } from './requests.js';

@ApiTags('accounts')
@Controller('v1')
export class AccountsController {
  constructor(@Inject(Registration) private readonly registration: Registration) {}

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
      password: body.password ?? null,
      name: body.name ?? null,
      locale: body.locale ?? null,
      source: sourceOf(request),
    });
    return IssuedView.of(issued);
  }
}
