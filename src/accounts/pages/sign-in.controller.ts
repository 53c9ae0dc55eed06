import { Body, Get, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Settings, textsSignIn } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { channelTo, type Destination, parseDestination } from '../../core/destination.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { randomId } from '../../core/ids.js';
import { looksLikeNumber } from '../../core/phone-number.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import type { PlainWord } from '../../http/pages/words.js';
import { tooManyFailures } from '../../otp/failure-budgets.js';
import { CodeRequests } from '../codes/code-requests.js';
import { MAX_PASSWORD_INPUT } from '../passwords/password-policy.js';
import { PasswordSignIn } from '../passwords/password-sign-in.js';
import { numberRefusal, PageCodes } from './page-codes.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';
import { passwordSignInPage, resetPage, signInPage } from './sign-in.page.js';

type AddressPage = typeof signInPage;

/** Signing in on our own page, or registering: one way for both, so that nobody sees which addresses are known. */
@PagesAt('account')
export class SignInController {
  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly requests: CodeRequests,
    private readonly passwords: PasswordSignIn,
    private readonly codes: PageCodes,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  /** It signs in where there is an account. An address without one gets one; a number is told that it has none. */
  @Post('sign-in')
  begin(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const source = this.cookies.sourceOf(request);
    return this.ask(body, request, { page: signInPage, about: '' }, (to, challengeId) =>
      channelTo(to.canonical) === 'sms'
        ? this.requests.start('login', to, source, challengeId)
        : this.requests.register({
            ...{ email: to, challengeId, password: null, name: null, locale: null, source },
          }),
    );
  }

  @Get('sign-in')
  async password(@Req() request: FastifyRequest): Promise<Page | Redirect> {
    if (await this.signIn.of(request)) return { to: '/account' };
    return { ...passwordSignInPage({ form: randomId() }), cookies: this.cookies.greeting(request) };
  }

  @Post('sign-in/password')
  async byPassword(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const typed = formField(body, 'email');
    const password = formField(body, 'password').slice(0, MAX_PASSWORD_INPUT);
    const email = parseEmailAddress(typed);
    const id = formField(body, 'form');
    const form = { form: id || randomId(), email: typed };
    if (!email) return passwordSignInPage({ ...form, fault: (say) => say('sign_in.no_address'), at: 'email' });
    const cookie = this.cookies.sessionCookieOf(request, { id, about: email.canonical });
    const result = await this.passwords.signInBrowser(email, password, this.cookies.sourceOf(request), cookie);
    switch (result.kind) {
      case 'signed_in':
        return this.signIn.enter(result, request);
      case 'wrong':
        return passwordSignInPage({ ...form, fault: (say) => say('sign_in.wrong_password'), at: 'password' });
      case 'blocked':
        throw tooManyFailures(result, this.clock.now());
    }
  }

  @Get('reset')
  reset(@Req() request: FastifyRequest): Page {
    return {
      ...resetPage({ form: randomId(), texts: textsSignIn(this.settings) }),
      cookies: this.cookies.greeting(request),
    };
  }

  @Post('reset')
  beginReset(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const source = this.cookies.sourceOf(request);
    return this.ask(body, request, { page: resetPage, about: 'reset ' }, (to, challengeId) =>
      this.requests.start('reset_password', to, source, challengeId),
    );
  }

  /** What is wrong with the address or the number is said beside the field. */
  private async ask(
    body: unknown,
    request: FastifyRequest,
    { page, about }: { page: AddressPage; about: string },
    ask: (to: Destination, challengeId: string) => Promise<unknown>,
  ): Promise<Page | Redirect> {
    const texts = textsSignIn(this.settings);
    const email = formField(body, 'email');
    const id = formField(body, 'form');
    const form = { form: id || randomId(), texts, email };
    const to = texts ? parseDestination(email) : parseEmailAddress(email);
    if (!to) return page({ ...form, fault: (say) => say(faultOf(email, texts)) });
    try {
      return await this.codes.askOnce(request, { id, about: about + to.canonical }, (challengeId) =>
        ask(to, challengeId),
      );
    } catch (error) {
      const { fault, ...refused } = numberRefusal(error);
      return { ...page({ ...form, fault }), ...refused };
    }
  }
}

/** @param texts whether a number would do */
function faultOf(typed: string, texts: boolean): PlainWord {
  if (!looksLikeNumber(typed)) return 'sign_in.no_address';
  return texts ? 'sign_in.no_number' : 'problem.sms_sign_in_off.text';
}
