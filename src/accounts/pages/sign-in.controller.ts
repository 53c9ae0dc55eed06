import { Body, Controller, Get, Inject, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Clock } from '../../core/clock.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { Admission } from '../../otp/admission.js';
import { ChallengeIdPipe } from '../../otp/challenge-id.pipe.js';
import type { Challenge } from '../../otp/challenges.js';
import { ToldDeliveries } from '../../otp/delivery/told-deliveries.js';
import { tooManyFailures } from '../../otp/failure-budgets.js';
import { Otp } from '../../otp/otp.js';
import { unusable } from '../../otp/otp-policy.js';
import { resendProblem, unusableProblem } from '../../otp/otp-problems.js';
import { Registration } from '../registration.js';
import { Verification } from '../verification.js';
import { formField } from './form-field.js';
import { PageCookies } from './page-cookies.js';
import { PageProblemFilter } from './page-problem.filter.js';
import { PageSignIn } from './page-sign-in.js';
import { PageWriter } from './page-writer.js';
import { PageGuard } from './page.guard.js';
import { codePage, signInPage, type WaitingCode } from './sign-in.page.js';

/** Signing in on our own page, or registering: one way for both, so that nobody sees which addresses are known. */
@ApiExcludeController()
@Controller('account')
@UseGuards(PageGuard)
@UseFilters(PageProblemFilter)
export class SignInController {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(ToldDeliveries) private readonly deliveries: ToldDeliveries,
    @Inject(Registration) private readonly registration: Registration,
    @Inject(Verification) private readonly verification: Verification,
    @Inject(PageSignIn) private readonly signIn: PageSignIn,
    @Inject(PageCookies) private readonly cookies: PageCookies,
    @Inject(PageWriter) private readonly pages: PageWriter,
  ) {}

  @Post('sign-in')
  async begin(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const typed = formField(body, 'email');
    const email = parseEmailAddress(typed);
    if (!email) {
      const fault = 'That is not an e-mail address that mail can be sent to, such as ada@example.com.';
      return this.pages.show(reply, signInPage({ product: this.pages.product, email: typed, fault }));
    }
    const source = this.cookies.sourceOf(request);
    const { challenge } = await this.registration.start({ email, password: null, name: null, locale: null, source });
    await reply.header('set-cookie', this.cookies.waiting(request, challenge.id)).redirect(`/account/code/${challenge.id}`, 303);
  }

  @Get('code/:id')
  async wait(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const challenge = await this.askedHere(id, request);
    const over = challenge ? unusable(challenge, this.clock.now()) : 'not_found';
    // The link in the mail was pressed in this browser, or somebody went back after the code was taken.
    if ((over === 'consumed' || over === 'not_found') && (await this.signIn.of(request))) return void (await reply.redirect('/account', 303));
    if (over !== undefined) throw unusableProblem(over);
    await this.show(reply, challenge!);
  }

  @Post('code/:id')
  async verify(@Param('id', ChallengeIdPipe) id: string, @Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const challenge = await this.askedHere(id, request);
    if (!challenge) throw new Problem('challenge_not_found');
    const code = formField(body, 'code').replace(/[\s-]/g, '');
    if (!/^[0-9]{6}$/.test(code)) return this.show(reply, challenge, { status: 422, text: 'The code has six digits.' });
    const result = await this.verification.verifyOnPage(challenge, code, this.cookies.sourceOf(request));
    switch (result.kind) {
      case 'signed_in':
        return this.signIn.enter(result, request, reply);
      case 'wrong':
        if (result.attemptsLeft === 0) throw unusableProblem('locked');
        return this.show(reply, challenge, { status: 400, text: `That is not the code. ${triesLeft(result.attemptsLeft)}` });
      case 'blocked':
        throw tooManyFailures(result, this.clock.now());
      default:
        throw unusableProblem(result.kind);
    }
  }

  @Post('code/:id/resend')
  async resend(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const challenge = await this.askedHere(id, request);
    if (!challenge) throw new Problem('challenge_not_found');
    const result = await this.otp.resend(challenge, request.id, () => this.admission.ask(this.cookies.sourceOf(request), challenge.destinationCanonical));
    if (result.kind !== 'sent') throw resendProblem(result, this.clock.now());
    await reply.redirect(`/account/code/${id}`, 303);
  }

  /**
   * Only codes that were asked for in this browser are given back here (ASVS 5.0, 6.6.2). Otherwise a stranger who
   * registered an address through the API, with a password of his, could send its owner to the page of his own challenge.
   */
  private async askedHere(id: string, request: FastifyRequest): Promise<Challenge | undefined> {
    if (!this.cookies.asked(request).includes(id)) return undefined;
    return (await this.otp.find(id)) ?? undefined;
  }

  private async show(reply: FastifyReply, challenge: Challenge, fault?: WaitingCode['fault']): Promise<void> {
    const delivery = (await this.deliveries.find([challenge.id])).get(challenge.id);
    await this.pages.show(reply, codePage({ challenge, delivery, now: this.clock.now(), ...(fault ? { fault } : {}) }));
  }
}

function triesLeft(left: number): string {
  return left === 1 ? 'One try is left.' : `${left} tries are left.`;
}
