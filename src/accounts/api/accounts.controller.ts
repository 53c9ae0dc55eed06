import { Body, Controller, Get, Header, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { JWK } from 'jose';
import { Clock } from '../../core/clock.js';
import { sourceOf } from '../../core/credentials.js';
import { type Destination, parseDestination } from '../../core/destination.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import {
  ChallengeIdPipe,
  CHECK_PROBLEMS,
  IssuedView,
  refusalProblem,
  RESEND_PROBLEMS,
  resendProblem,
} from '../../otp/challenge-view.js';
import { CodeChecker } from '../../otp/code-checker.js';
import { isPurpose, type PublicPurpose } from '../../otp/purposes.js';
import { CodeCopies } from '../codes/code-copies.js';
import { CodeRequests } from '../codes/code-requests.js';
import { CodeRedemption } from '../codes/code-redemption.js';
import { SessionHolders, unauthorized } from '../sessions/bearer.guard.js';
import { JWKS_MAX_AGE_SECONDS } from '../tokens/signing-key-policy.js';
import { SigningKeys } from '../tokens/signing-keys.js';
import { CodeRequest, RegisterRequest, ResendCodeRequest, VerifyRequest } from './requests.js';
import { SignedInView } from './views.js';

@ApiTags('accounts')
@Controller('v1')
export class AccountsController {
  constructor(private readonly codes: CodeRequests) {}

  @Post('accounts')
  @Operation(202, IssuedView, {
    summary: 'Register an address',
    description: 'Mails a code. The account exists once the code comes back. A known address gets the same answer.',
  })
  @Problems('rate_limited', 'busy')
  async register(@Body() body: RegisterRequest, @Req() request: FastifyRequest): Promise<IssuedView> {
    const issued = await this.codes.register({
      email: parseEmailAddress(body.email)!, // validated
      password: body.password ?? null,
      name: body.name ?? null,
      locale: body.locale ?? null,
      source: sourceOf(request),
    });
    return IssuedView.of(issued);
  }
}

/** Here and not in the otp room, because what a code is for, and what it leads to, is an account. */
@ApiTags('codes')
@Controller('v1/otp')
export class CodesController {
  constructor(
    private readonly codes: CodeRequests,
    private readonly copies: CodeCopies,
    private readonly redemption: CodeRedemption,
    private readonly checker: CodeChecker,
    private readonly holders: SessionHolders,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Operation(202, IssuedView, {
    summary: 'Ask for a code',
    description:
      'To sign in, to set a new password, to confirm the address, or, signed in, to confirm that it is still you. An address without an account gets the same answer, and a mail that says so.',
  })
  @Problems(
    'unauthorized',
    'rate_limited',
    'sms_sign_in_off',
    'no_phone',
    'sms_not_configured',
    'sms_country',
    'sms_limited',
  )
  async ask(@Body() body: CodeRequest, @Req() request: FastifyRequest): Promise<IssuedView> {
    const { purpose, channel } = body;
    const source = sourceOf(request);
    if (purpose !== 'reauthenticate')
      return IssuedView.of(await this.codes.start(purpose, destinationIn({ ...body, purpose }), source));
    const holder = await this.holders.of(request.headers.authorization);
    if (!holder) throw unauthorized();
    for (const field of ['email', 'phone'] as const) {
      if (body[field] !== undefined) throw unfit(field, 'is that of the account: leave it out');
    }
    return IssuedView.of(await this.codes.reauthenticate(holder, channel ?? 'email', source));
  }

  @Post(':id/verify')
  @Operation(200, SignedInView, {
    summary: 'Give the code back and be signed in',
    description:
      'Five tries, one success. Codes of change_email, change_phone and reauthenticate are given back with the access token of the session that asked.',
  })
  @Problems('unauthorized', ...CHECK_PROBLEMS, 'email_taken', 'phone_taken', 'rate_limited', 'busy')
  async verify(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() { code, newPassword }: VerifyRequest,
    @Req() request: FastifyRequest,
  ): Promise<SignedInView> {
    const holder = await this.holders.evenFormer(request.headers.authorization);
    const signedIn = holder && { accountId: holder.account.id, sessionId: holder.session.id, former: holder.former };
    const result = await this.redemption.redeem(id, { code, newPassword }, signedIn, sourceOf(request));
    if (result.kind === 'taken') throw new Problem(result.channel === 'sms' ? 'phone_taken' : 'email_taken');
    if (result.kind !== 'signed_in') throw refusalProblem(result, this.clock.now());
    return SignedInView.of(result.account, result.tokens, result.deviceToken);
  }

  @Post(':id/resend')
  @Operation(202, IssuedView, {
    summary: 'Send the same code again, or by mail what went by SMS',
    description:
      'Same code, same expiry, same count of tries. By mail it goes to the address of the account that has the number; a number without an account gets its text again, and the same answer.',
  })
  @Problems(...RESEND_PROBLEMS)
  @ApiBody({ type: ResendCodeRequest, required: false })
  async resend(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() { channel }: ResendCodeRequest,
    @Req() request: FastifyRequest,
  ): Promise<IssuedView> {
    const challenge = await this.checker.find(id);
    if (!challenge || !isPurpose(challenge.purpose)) throw new Problem('challenge_not_found');
    const result = await this.copies.again(challenge, sourceOf(request), { byMail: channel === 'email' });
    if (result.kind !== 'sent') throw resendProblem(result, this.clock.now());
    return IssuedView.of(result.issued);
  }
}

/** One of the two. @throws Problem */
function destinationIn({ purpose, email, phone, channel }: CodeRequest & { purpose: PublicPurpose }): Destination {
  if (channel !== undefined) throw unfit('channel', 'is that of the address or number: leave it out');
  if (phone === undefined) return parseEmailAddress(email!)!; // validated
  if (email !== undefined) throw unfit('phone', 'stands in place of the address: leave one of them out');
  if (purpose === 'verify_email') throw unfit('phone', 'is verified by POST /v1/me/phone');
  return parseDestination(phone)!; // validated
}

function unfit(field: string, message: string): Problem {
  return new Problem('validation_failed', { errors: [{ field, code: 'not_supported', message }] });
}

@ApiTags('sessions')
@Controller('.well-known')
export class JwksController {
  constructor(private readonly keys: SigningKeys) {}

  @Get('jwks.json')
  @Header('Cache-Control', `public, max-age=${JWKS_MAX_AGE_SECONDS}`)
  @ApiOperation({
    summary: 'Public keys of access tokens',
    description: 'RFC 7517. Any back end verifies tokens with them.',
  })
  async jwks(): Promise<{ keys: JWK[] }> {
    return this.keys.jwks();
  }
}
