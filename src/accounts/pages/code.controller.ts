import { Body, Get, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../../core/clock.js';
import { parseDestination } from '../../core/destination.js';
import { Problem, type ProblemCode } from '../../core/problems.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import { speakOfText } from '../../http/pages/problem-page.js';
import type { Saying } from '../../http/pages/words.js';
import { ChallengeIdPipe, refusalProblem, resendProblem, unusableProblem } from '../../otp/challenge-view.js';
import type { Challenge } from '../../otp/challenges.js';
import { normalCode } from '../../otp/code.js';
import { CodeChecker, type CheckRefusal } from '../../otp/code-checker.js';
import { ToldDeliveries } from '../../otp/delivery/told-deliveries.js';
import { isJustResent, type Unusable } from '../../otp/otp-policy.js';
import { purposeRow } from '../../otp/purposes.js';
import { CodeRedemption } from '../codes/code-redemption.js';
import { CodeCopies } from '../codes/code-copies.js';
import { CodeRequests } from '../codes/code-requests.js';
import { Passwords } from '../passwords/passwords.js';
import { codePage, overCodePage, type WaitingCode } from './code.page.js';
import { PageCodes } from './page-codes.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';

const CODE = /^[0-9]{6}$/;

/**
 * Where codes that change something are asked for, where their givers are told that it is done, and what is in the way.
 */
const CHANGES: Partial<Record<string, { form: string; done: string; taken: ProblemCode }>> = {
  change_email: { form: '/account/email', done: '/account?done=email', taken: 'email_taken' },
  change_phone: { form: '/account/phone', done: '/account?done=phone', taken: 'phone_taken' },
};

/**
 * Where a code that was asked for on our pages is given back: to sign in, for a new password, or to go on in a session.
 */
@PagesAt('account/code/:id')
export class CodeController {
  constructor(
    private readonly clock: Clock,
    private readonly checker: CodeChecker,
    private readonly deliveries: ToldDeliveries,
    private readonly requests: CodeRequests,
    private readonly copies: CodeCopies,
    private readonly redemption: CodeRedemption,
    private readonly passwords: Passwords,
    private readonly codes: PageCodes,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  @Get()
  async wait(
    @Param('id', ChallengeIdPipe) id: string,
    @Query('by') by: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Page | Redirect> {
    const challenge = await this.askedHere(id, request);
    const over = challenge ? this.checker.over(challenge) : 'not_found';
    // The link in the mail was pressed in this browser, or somebody went back after the code was taken.
    if ((over === 'consumed' || over === 'not_found') && (await this.signIn.of(request))) return { to: '/account' };
    if (over !== undefined) return this.overPage(challenge, over);
    return this.waitingPage(challenge!, undefined, by === 'email');
  }

  @Post()
  async redeem(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Page | Redirect> {
    const challenge = await this.askedHere(id, request);
    if (!challenge && (await this.signIn.of(request))) return { to: '/account' }; // a second press that came late
    if (!challenge) throw new Problem('challenge_not_found');
    const code = normalCode(formField(body, 'code'));
    if (!CODE.test(code)) return this.waitingPage(challenge, { status: 422, code: (say) => say('code.six_digits') });
    return purposeRow(challenge.purpose)?.session
      ? this.confirm(challenge, code, request)
      : this.enter(challenge, code, formField(body, 'newPassword'), request);
  }

  @Post('resend')
  async resend(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Page | Redirect> {
    const challenge = await this.askedHere(id, request);
    if (!challenge) throw new Problem('challenge_not_found');
    const byMail = challenge.channel === 'sms' && formField(body, 'channel') === 'email';
    const result = await this.copies.again(challenge, this.cookies.sourceOf(request), { byMail });
    const twice = result.kind === 'too_soon' && isJustResent(result.challenge, this.clock.now());
    if (result.kind === 'expired' || result.kind === 'locked') return this.overPage(challenge, result.kind);
    if (result.kind !== 'sent' && !twice) throw resendProblem(result, this.clock.now());
    return { to: `/account/code/${id}${byMail ? '?by=email' : ''}` };
  }

  /** Another code for the same, where this one is over. */
  @Post('new')
  async anew(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const challenge = await this.askedHere(id, request);
    if (!challenge) throw new Problem('challenge_not_found');
    const { purpose, channel, destinationCanonical } = challenge;
    const to = parseDestination(destinationCanonical)!; // it was one when the code was asked for
    const source = this.cookies.sourceOf(request);
    const once = (ask: (challengeId: string) => Promise<unknown>) =>
      this.codes.askOnce(request, { id, about: `again ${destinationCanonical}` }, ask);
    if (!purposeRow(purpose)?.session)
      return once((challengeId) =>
        purpose === 'reset_password' || channel === 'sms'
          ? this.requests.start(purpose === 'reset_password' ? purpose : 'login', to, source, challengeId)
          : this.requests.register({ email: to, challengeId, password: null, name: null, locale: null, source }),
      );
    const who = await this.signIn.of(request);
    if (!who) return { to: '/account' };
    const form = CHANGES[purpose]?.form;
    if (form !== undefined) return { to: form }; // who it is may have to be shown anew
    return once((challengeId) => this.requests.reauthenticate(who, channel, source, challengeId));
  }

  private async askedHere(id: string, request: FastifyRequest): Promise<Challenge | undefined> {
    const challenge = await this.codes.askedHere(id, request);
    if (challenge?.channel === 'sms') speakOfText(request);
    return challenge;
  }

  private async enter(
    challenge: Challenge,
    code: string,
    newPassword: string,
    request: FastifyRequest,
  ): Promise<Page | Redirect> {
    const wanted = purposeRow(challenge.purpose)?.newPassword ? newPassword : undefined;
    // Asked before a try is spent.
    const unfit = wanted === undefined ? undefined : this.passwords.fault(wanted, { email: challenge.destination });
    if (unfit) return this.waitingPage(challenge, { status: 422, password: (say) => say(unfit.code) });
    const others = await this.codes.othersOf(challenge, request);
    // Where this page's own code is over, a try is counted for the newest of the others.
    const all = [challenge, ...others];
    const first = all.find((one) => !this.checker.over(one)) ?? challenge;
    const result = await this.redemption.redeemOnPage(
      first,
      all,
      { code, newPassword: wanted },
      this.cookies.browser(request),
      this.cookies.sourceOf(request),
    );
    if (result.kind === 'signed_in') return this.signIn.enter(result, request);
    return this.refused(challenge, result);
  }

  private async confirm(challenge: Challenge, code: string, request: FastifyRequest): Promise<Page | Redirect> {
    const who = await this.signIn.of(request);
    const result = await this.redemption.confirmOnPage(
      challenge,
      code,
      who && { accountId: who.account.id, sessionId: who.session.id },
      this.cookies.browser(request),
      this.cookies.sourceOf(request),
    );
    const changes = CHANGES[challenge.purpose];
    if (result.kind === 'taken') throw new Problem(changes?.taken ?? 'email_taken');
    if (result.kind !== 'signed_in') return this.refused(challenge, result);
    return this.signIn.goOn(result, request, changes?.done ?? '/account');
  }

  private async refused(challenge: Challenge, result: CheckRefusal): Promise<Page> {
    if (result.kind === 'expired' || result.kind === 'locked') return this.overPage(challenge, result.kind);
    if (result.kind !== 'wrong') throw refusalProblem(result, this.clock.now());
    if (result.attemptsLeft === 0) return this.overPage(challenge, 'locked');
    return this.waitingPage(challenge, { status: 400, code: wrongCode(result.attemptsLeft) });
  }

  /** Where a new code helps, a button asks for it. */
  private overPage(challenge: Challenge | undefined, over: Unusable | 'not_found'): Page {
    if (challenge && (over === 'expired' || over === 'locked')) return overCodePage(challenge, over);
    throw unusableProblem(over);
  }

  /** @param byMail the newest copy went by mail, where the number belongs to an account */
  private async waitingPage(challenge: Challenge, fault?: WaitingCode['fault'], byMail = false): Promise<Page> {
    const delivery = (await this.deliveries.find([challenge.id])).get(challenge.id);
    return codePage({ challenge, delivery, now: this.clock.now(), byMail, ...(fault ? { fault } : {}) });
  }
}

function wrongCode(tries: number): Saying {
  return (say) => (tries === 1 ? say('code.wrong_one_left') : say('code.wrong', { tries }));
}
