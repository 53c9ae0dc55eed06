import { Body, Controller, Delete, Get, HttpCode, Inject, Patch, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { sourceOf } from '../../core/request-source.js';
import type { Session } from '../../generated/prisma/client.js';
import { AccountView } from '../account-view.js';
import { BearerGuard, CurrentSession, unauthorized } from '../sessions/bearer.guard.js';
import { ChangeMeRequest, ChangePasswordRequest, ProofRequest } from './me.requests.js';
import { OwnAccount } from './own-account.js';
import { OwnPassword } from '../passwords/own-password.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';

@ApiTags('accounts')
@ApiBearerAuth()
@UseGuards(BearerGuard)
@Controller('v1/me')
export class MeController {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(OwnAccount) private readonly account: OwnAccount,
    @Inject(OwnPassword) private readonly password: OwnPassword,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The account that is signed in' })
  @ApiResponse({ status: 200, type: AccountView })
  async me(@CurrentSession() { accountId }: Session): Promise<AccountView> {
    const account = await this.account.find(accountId);
    if (!account) throw unauthorized();
    return AccountView.of(account);
  }

  @Patch()
  @ApiOperation({ summary: 'Change name and language', description: 'What is left out stays as it is.' })
  @ApiResponse({ status: 200, type: AccountView })
  async change(@Body() body: ChangeMeRequest, @CurrentSession() { accountId }: Session): Promise<AccountView> {
    const account = await this.account.describe(accountId, body);
    if (!account) throw unauthorized();
    return AccountView.of(account);
  }

  @Delete()
  @HttpCode(204)
  @ApiOperation({
    summary: 'Delete the account',
    description: 'With all its sessions, for good. Needs the current password, or a sign-in or reauthentication within the last 10 minutes.',
  })
  @ApiResponse({ status: 204 })
  async delete(@Body() { currentPassword }: ProofRequest, @CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    await this.account.delete(await this.holder(session), currentPassword, sourceOf(request));
  }

  @Post('password')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Set or change the password',
    description: 'All other sessions end. Needs the current password, or a code given back within the last 10 minutes.',
  })
  @ApiResponse({ status: 204 })
  async setPassword(@Body() body: ChangePasswordRequest, @CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    await this.password.set(await this.holder(session), body.newPassword, body.currentPassword, sourceOf(request));
  }

  @Delete('password')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Remove the password',
    description: 'Codes sign in from then on. All other sessions end. Needs the same proof as a change.',
  })
  @ApiResponse({ status: 204 })
  async removePassword(@Body() { currentPassword }: ProofRequest, @CurrentSession() session: Session, @Req() request: FastifyRequest): Promise<void> {
    await this.password.remove(await this.holder(session), currentPassword, sourceOf(request));
  }

  private async holder({ id }: Session): Promise<LiveSession> {
    const holder = await this.sessions.find(id);
    if (!holder) throw unauthorized();
    return holder;
  }
}
