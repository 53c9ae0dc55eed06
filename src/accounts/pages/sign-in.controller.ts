import { Body, Controller, Get, Inject, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Clock } from '../../core/clock.js';
import { type EmailAddress, parseEmailAddress } from '../../core/email-address.js';
import { randomId } from '../../core/ids.js';
import { Problem } from '../../core/problems.js';
import type { RequestSource } from '../../core/request-source.js';
import { isUniqueViolation } from '../../database/database-errors.js';
import { Admission } from '../../otp/admission.js';
import { ChallengeIdPipe } from '../../otp/challenge-id.pipe.js';
import type { Challenge } from '../../otp/challenges.js';
import { normalCode } from '../../otp/code.js';
import { ToldDeliveries } from '../../otp/delivery/told-deliveries.js';
import { tooManyFailures } from '../../otp/failure-budgets.js';
import { Otp } from '../../otp/otp.js';
import { isJustResent, type Purpose } from '../../otp/otp-policy.js';
import { resendProblem, unusableProblem } from '../../otp/otp-problems.js';
import { Registration } from '../registration.js';
import { type PageVerification, Verification } from '../verification.js';
import { formField } from './form-field.js';
import { PageCookies } from './page-cookies.js';
import { PageProblemFilter } from './page-problem.filter.js';
import { PageSignIn } from './page-sign-in.js';
import { PageWriter } from './page-writer.js';
import { PageGuard } from './page.guard.js';
import { codePage, signInPage, type WaitingCode } from './sign-in.page.js';

/** What these pages ask for: it signs in where there is an account. */
const PURPOSE: Purpose = 'register';
const CODE = /^[0-9]{6}$/;
/** Codes that one form may have asked for, one after the other; a page may stay open for days. */
const MOST_OF_ONE_FORM = 10;

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

  /** The same form sent twice asks for one code: the second answer leads to the page of the first. */
  @Post('sign-in')
  async begin(@Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const typed = formField(body, 'email');
    const form = formField(body, 'form');
    const email = parseEmailAddress(typed);
    if (!email) {
      const fault = 'That is not an e-mail address that mail can be sent to, such as ada@example.com.';
      return this.pages.show(reply, signInPage({ product: this.pages.product, form: form || randomId(), email: typed, fault }));
    }
    const place = await this.placeOf(request, { id: form, email: email.canonical });
    const id = place.asked ? place.id : await this.ask(email, place.id, this.cookies.sourceOf(request));
    await reply.header('set-cookie', this.cookies.waiting(request, id)).redirect(`/account/code/${id}`, 303);
  }

  @Get('code/:id')
  async wait(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const challenge = await this.askedHere(id, request);
    const over = challenge ? this.otp.over(challenge) : 'not_found';
    // The link in the mail was pressed in this browser, or somebody went back after the code was taken.
    if ((over === 'consumed' || over === 'not_found') && (await this.signIn.of(request))) return void (await reply.redirect('/account', 303));
    if (over !== undefined) throw unusableProblem(over);
    await this.show(reply, challenge!);
  }

  @Post('code/:id')
  async verify(@Param('id', ChallengeIdPipe) id: string, @Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const challenge = await this.askedHere(id, request);
    if (!challenge && (await this.signIn.of(request))) return void (await reply.redirect('/account', 303)); // a second press that came late
    if (!challenge) throw new Problem('challenge_not_found');
    const code = normalCode(formField(body, 'code'));
    if (!CODE.test(code)) return this.show(reply, challenge, { status: 422, text: 'The code has six digits.' });
    const result = await this.give(challenge, code, request);
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
    const twice = result.kind === 'too_soon' && isJustResent(result.challenge, this.clock.now());
    if (result.kind !== 'sent' && !twice) throw resendProblem(result, this.clock.now());
    await reply.redirect(`/account/code/${id}`, 303);
  }

  /** Where the code of this form is, or is to be. */
  private async placeOf(request: FastifyRequest, form: { id: string; email: string }): Promise<{ id: string; asked: boolean }> {
    for (let nth = 0; nth < MOST_OF_ONE_FORM; nth++) {
      const id = form.id === '' ? undefined : this.cookies.challengeIdFor(request, form, nth);
      if (id === undefined) break;
      const challenge = await this.otp.find(id);
      if (!challenge) return { id, asked: false };
      if (!this.otp.over(challenge)) return { id, asked: true };
    }
    return { id: randomId(), asked: false };
  }

  /** Where two presses come in the same moment, the one whose challenge is there already has nothing to do. */
  private async ask(email: EmailAddress, challengeId: string, source: RequestSource): Promise<string> {
    try {
      const { challenge } = await this.registration.start({ email, password: null, name: null, locale: null, source, challengeId });
      return challenge.id;
    } catch (error) {
      if (!isUniqueViolation(error) || !(await this.otp.find(challengeId))) throw error;
      return challengeId;
    }
  }

  /** The code of this challenge, or of another one that this browser waits for: mails arrive in any order. */
  private async give(challenge: Challenge, code: string, request: FastifyRequest): Promise<PageVerification> {
    const others = [];
    for (const id of this.cookies.asked(request).filter((other) => other !== challenge.id)) {
      const other = await this.askedHere(id, request);
      if (other && !this.otp.over(other)) others.push(other);
    }
    // Where this page's own code is over, a try is counted for the newest of the others.
    const [first = challenge, ...rest] = this.otp.over(challenge) ? others : [challenge, ...others];
    return this.verification.verifyOnPage(first, rest, code, this.cookies.browser(request), this.cookies.sourceOf(request));
  }

  /**
   * Only codes that were asked for in this browser are given back here (ASVS 5.0, 6.6.2), and only those that these pages
   * ask for. Otherwise a stranger who registered an address through the API, with a password of his, could send its owner
   * to the page of his own challenge.
   */
  private async askedHere(id: string, request: FastifyRequest): Promise<Challenge | undefined> {
    if (!this.cookies.asked(request).includes(id)) return undefined;
    const challenge = await this.otp.find(id);
    return challenge?.purpose === PURPOSE ? challenge : undefined;
  }

  private async show(reply: FastifyReply, challenge: Challenge, fault?: WaitingCode['fault']): Promise<void> {
    const delivery = (await this.deliveries.find([challenge.id])).get(challenge.id);
    await this.pages.show(reply, codePage({ challenge, delivery, now: this.clock.now(), ...(fault ? { fault } : {}) }));
  }
}

function triesLeft(left: number): string {
  return left === 1 ? 'One try is left.' : `${left} tries are left.`;
}
