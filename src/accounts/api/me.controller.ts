import { Body, Controller, Delete, Get, Patch, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { sourceOf } from '../../core/credentials.js';
import { parseDestination } from '../../core/destination.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import type { ProblemCode } from '../../core/problems.js';
import type { Session } from '../../generated/prisma/client.js';
import { IssuedView } from '../../otp/challenge-view.js';
import { CodeRequests } from '../codes/code-requests.js';
import { OwnAccount } from '../me/own-account.js';
import { OwnPassword } from '../me/own-password.js';
import { PhoneChanges } from '../me/phone-changes.js';
import { BearerGuard, CurrentSession, HolderPipe, unauthorized } from '../sessions/bearer.guard.js';
import type { LiveSession } from '../sessions/sessions.js';
import {
  ChangeEmailRequest,
  ChangeMeRequest,
  ChangePasswordRequest,
  ChangePhoneRequest,
  ProofRequest,
} from './requests.js';
import { AccountView } from './views.js';

const PROOF = 'Needs the current password, or a sign-in or reauthentication within the last 10 minutes.';
/** Of calls that need it. */
const OF_PROOFS = [
  'wrong_password',
  'reauthentication_required',
  'too_many_failures',
  'rate_limited',
  'busy',
] as const satisfies ProblemCode[];

@ApiTags('accounts')
@ApiBearerAuth()
@UseGuards(BearerGuard)
@Controller('v1/me')
export class MeController {
  constructor(
    private readonly account: OwnAccount,
    private readonly password: OwnPassword,
  ) {}

  @Get()
  @Operation(200, AccountView, { summary: 'The account that is signed in' })
  async me(@CurrentSession() { accountId }: Session): Promise<AccountView> {
    const account = await this.account.find(accountId);
    if (!account) throw unauthorized();
    return AccountView.of(account);
  }

  @Patch()
  @Operation(200, AccountView, { summary: 'Change name and language', description: 'What is left out stays as it is.' })
  async change(@Body() body: ChangeMeRequest, @CurrentSession() { accountId }: Session): Promise<AccountView> {
    const account = await this.account.describe(accountId, body);
    if (!account) throw unauthorized();
    return AccountView.of(account);
  }

  @Delete()
  @Operation(204, undefined, {
    summary: 'Delete the account',
    description: `With all its sessions, for good. ${PROOF}`,
  })
  @Problems(...OF_PROOFS, 'last_admin')
  async delete(
    @Body() { currentPassword }: ProofRequest,
    @CurrentSession(HolderPipe) holder: LiveSession,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.account.delete(holder, currentPassword, sourceOf(request));
  }

  @Post('password')
  @Operation(204, undefined, {
    summary: 'Set or change the password',
    description: 'All other sessions end. Needs the current password, or a code given back within the last 10 minutes.',
  })
  @Problems(...OF_PROOFS)
  async setPassword(
    @Body() body: ChangePasswordRequest,
    @CurrentSession(HolderPipe) holder: LiveSession,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.password.set(holder, body.newPassword, body.currentPassword, sourceOf(request));
  }

  @Delete('password')
  @Operation(204, undefined, {
    summary: 'Remove the password',
    description: 'Codes sign in from then on. All other sessions end. Needs the same proof as a change.',
  })
  @Problems(...OF_PROOFS)
  async removePassword(
    @Body() { currentPassword }: ProofRequest,
    @CurrentSession(HolderPipe) holder: LiveSession,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.password.remove(holder, currentPassword, sourceOf(request));
  }
}

@ApiTags('accounts')
@ApiBearerAuth()
@UseGuards(BearerGuard)
@Controller('v1/me/email')
export class EmailController {
  constructor(private readonly codes: CodeRequests) {}

  @Post()
  @Operation(202, IssuedView, {
    summary: 'Change the address',
    description: `A code goes to the new address and is given back with this session; the former address gets a link that undoes it. ${PROOF}`,
  })
  @Problems(...OF_PROOFS)
  async change(
    @Body() { email, currentPassword }: ChangeEmailRequest,
    @CurrentSession(HolderPipe) holder: LiveSession,
    @Req() request: FastifyRequest,
  ): Promise<IssuedView> {
    const address = parseEmailAddress(email)!; // validated
    return IssuedView.of(await this.codes.changeEmail(holder, address, currentPassword, sourceOf(request)));
  }
}

@ApiTags('accounts')
@ApiBearerAuth()
@UseGuards(BearerGuard)
@Controller('v1/me/phone')
export class PhoneController {
  constructor(
    private readonly codes: CodeRequests,
    private readonly changes: PhoneChanges,
  ) {}

  @Post()
  @Operation(202, IssuedView, {
    summary: 'Add or change the number',
    description: `A code goes to the number by SMS and is given back with this session; all other sessions end then, and the address is told. ${PROOF}`,
  })
  @Problems(...OF_PROOFS, 'sms_not_configured', 'sms_country', 'sms_limited')
  async change(
    @Body() { phone, currentPassword }: ChangePhoneRequest,
    @CurrentSession(HolderPipe) holder: LiveSession,
    @Req() request: FastifyRequest,
  ): Promise<IssuedView> {
    const number = parseDestination(phone)!; // validated
    const issued = await this.codes.changePhone(holder, number, currentPassword, sourceOf(request));
    return IssuedView.of(issued);
  }

  @Delete()
  @Operation(204, undefined, { summary: 'Remove the number', description: 'Needs the same proof as a change.' })
  @Problems(...OF_PROOFS)
  async remove(
    @Body() { currentPassword }: ProofRequest,
    @CurrentSession(HolderPipe) holder: LiveSession,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.changes.remove(holder, currentPassword, sourceOf(request));
  }
}
