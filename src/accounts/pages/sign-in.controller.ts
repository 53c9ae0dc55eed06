import { Body, Get, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { type EmailAddress, parseEmailAddress } from '../../core/email-address.js';
import { randomId } from '../../core/ids.js';
import { Problem } from '../../core/problems.js';
import { isUniqueViolation } from '../../database/database-errors.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import type { Saying } from '../../http/pages/words.js';
import { ChallengeIdPipe, refusalProblem, resendProblem, unusableProblem } from '../../otp/challenge-view.js';
import type { Challenge } from '../../otp/challenges.js';
import { normalCode } from '../../otp/code.js';
import { ToldDeliveries } from '../../otp/delivery/told-deliveries.js';
import { RequestedMailLimit } from '../../otp/device-token.js';
import { CodeChecker } from '../../otp/code-checker.js';
import { CodeIssuer } from '../../otp/code-issuer.js';
import { isJustResent } from '../../otp/otp-policy.js';
import type { Purpose } from '../../otp/purposes.js';
import { CodeRedemption, type PageRedemption } from '../codes/code-redemption.js';
import { CodeRequests } from '../codes/code-requests.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';
import { codePage, signInPage, type WaitingCode } from './sign-in.page.js';

/** What these pages ask for: it signs in where there is an account. */
const PURPOSE: Purpose = 'register';
const CODE = /^[0-9]{6}$/;
/** Codes that one form may have asked for, one after the other; a page may stay open for days. */
const MOST_OF_ONE_FORM = 10;

/** Signing in on our own page, or registering: one way for both, so that nobody sees which addresses are known. */
@PagesAt('account')
export class SignInController {
  constructor(
    private readonly clock: Clock,
    private readonly checker: CodeChecker,
    private readonly issuer: CodeIssuer,
    private readonly mailLimit: RequestedMailLimit,
    private readonly deliveries: ToldDeliveries,
    private readonly codes: CodeRequests,
    private readonly redemption: CodeRedemption,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  /** The same form sent twice asks for one code: the second answer leads to the page of the first. */
  @Post('sign-in')
  async begin(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const typed = formField(body, 'email');
    const form = formField(body, 'form');
    const email = parseEmailAddress(typed);
    if (!email) {
      const fault: Saying = (say) => say('sign_in.no_address');
      return signInPage({ form: form || randomId(), email: typed, fault });
    }
    const found = await this.challengeOf(request, { id: form, email: email.canonical });
    const id = found.asked ? found.id : await this.ask(email, found.id, this.cookies.sourceOf(request));
    return { to: `/account/code/${id}`, cookies: [this.cookies.waiting(request, id)] };
  }

  @Get('code/:id')
  async wait(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const challenge = await this.askedHere(id, request);
    const over = challenge ? this.checker.over(challenge) : 'not_found';
    // The link in the mail was pressed in this browser, or somebody went back after the code was taken.
    if ((over === 'consumed' || over === 'not_found') && (await this.signIn.of(request))) return { to: '/account' };
    if (over !== undefined) throw unusableProblem(over);
    return this.waitingPage(challenge!);
  }

  @Post('code/:id')
  async redeem(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Page | Redirect> {
    const challenge = await this.askedHere(id, request);
    if (!challenge && (await this.signIn.of(request))) return { to: '/account' }; // a second press that came late
    if (!challenge) throw new Problem('challenge_not_found');
    const code = normalCode(formField(body, 'code'));
    if (!CODE.test(code)) return this.waitingPage(challenge, { status: 422, text: (say) => say('code.six_digits') });
    const result = await this.give(challenge, code, request);
    if (result.kind === 'signed_in') return this.signIn.enter(result, request);
    if (result.kind !== 'wrong') throw refusalProblem(result, this.clock.now());
    if (result.attemptsLeft === 0) throw unusableProblem('locked');
    return this.waitingPage(challenge, { status: 400, text: wrongCode(result.attemptsLeft) });
  }

  @Post('code/:id/resend')
  async resend(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<Redirect> {
    const challenge = await this.askedHere(id, request);
    if (!challenge) throw new Problem('challenge_not_found');
    const result = await this.issuer.resend(challenge, request.id, () =>
      this.mailLimit.take(this.cookies.sourceOf(request), challenge.destinationCanonical),
    );
    const twice = result.kind === 'too_soon' && isJustResent(result.challenge, this.clock.now());
    if (result.kind !== 'sent' && !twice) throw resendProblem(result, this.clock.now());
    return { to: `/account/code/${id}` };
  }

  /** The challenge of this form, or the id that it is to have. */
  private async challengeOf(
    request: FastifyRequest,
    form: { id: string; email: string },
  ): Promise<{ id: string; asked: boolean }> {
    for (let nth = 0; nth < MOST_OF_ONE_FORM; nth++) {
      const id = form.id === '' ? undefined : this.cookies.challengeIdFor(request, form, nth);
      if (id === undefined) break;
      const challenge = await this.checker.find(id);
      if (!challenge) return { id, asked: false };
      if (!this.checker.over(challenge)) return { id, asked: true };
    }
    return { id: randomId(), asked: false };
  }

  /** Where two presses come in the same moment, the one whose challenge is there already has nothing to do. */
  private async ask(email: EmailAddress, challengeId: string, source: RequestSource): Promise<string> {
    try {
      const { challenge } = await this.codes.register({
        email,
        password: null,
        name: null,
        locale: null,
        source,
        challengeId,
      });
      return challenge.id;
    } catch (error) {
      if (!isUniqueViolation(error) || !(await this.checker.find(challengeId))) throw error;
      return challengeId;
    }
  }

  /** The code of this challenge, or of another one that this browser waits for: mails arrive in any order. */
  private async give(challenge: Challenge, code: string, request: FastifyRequest): Promise<PageRedemption> {
    const others = [];
    for (const id of this.cookies.asked(request).filter((other) => other !== challenge.id)) {
      const other = await this.askedHere(id, request);
      if (other && !this.checker.over(other)) others.push(other);
    }
    // Where this page's own code is over, a try is counted for the newest of the others.
    const [first = challenge, ...rest] = this.checker.over(challenge) ? others : [challenge, ...others];
    return this.redemption.redeemOnPage(
      first,
      rest,
      code,
      this.cookies.browser(request),
      this.cookies.sourceOf(request),
    );
  }

  /**
   * Only codes that were asked for in this browser are given back here (ASVS 5.0, 6.6.2), and only those that these pages
   * ask for. Otherwise a stranger who registered an address through the API, with a password of his, could send its owner
   * to the page of his own challenge.
   */
  private async askedHere(id: string, request: FastifyRequest): Promise<Challenge | undefined> {
    if (!this.cookies.asked(request).includes(id)) return undefined;
    const challenge = await this.checker.find(id);
    return challenge?.purpose === PURPOSE ? challenge : undefined;
  }

  private async waitingPage(challenge: Challenge, fault?: WaitingCode['fault']): Promise<Page> {
    const delivery = (await this.deliveries.find([challenge.id])).get(challenge.id);
    return codePage({ challenge, delivery, now: this.clock.now(), ...(fault ? { fault } : {}) });
  }
}

function wrongCode(tries: number): Saying {
  return (say) => (tries === 1 ? say('code.wrong_one_left') : say('code.wrong', { tries }));
}
