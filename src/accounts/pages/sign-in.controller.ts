import { Body, Get, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../../core/clock.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { randomId } from '../../core/ids.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import { tooManyFailures } from '../../otp/failure-budgets.js';
import { CodeRequests } from '../codes/code-requests.js';
import { MAX_PASSWORD_INPUT } from '../passwords/password-policy.js';
import { PasswordSignIn } from '../passwords/password-sign-in.js';
import { PageCodes } from './page-codes.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';
import { passwordSignInPage, resetPage, signInPage } from './sign-in.page.js';

/** Signing in on our own page, or registering: one way for both, so that nobody sees which addresses are known. */
@PagesAt('account')
export class SignInController {
  constructor(
    private readonly clock: Clock,
    private readonly requests: CodeRequests,
    private readonly passwords: PasswordSignIn,
    private readonly codes: PageCodes,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  /** It signs in where there is an account, and makes one where there is none. */
  @Post('sign-in')
  async begin(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const typed = formField(body, 'email');
    const form = formField(body, 'form');
    const email = parseEmailAddress(typed);
    if (!email)
      return signInPage({ form: form || randomId(), email: typed, fault: (say) => say('sign_in.no_address') });
    return this.codes.askOnce(request, { id: form, about: email.canonical }, (challengeId) =>
      this.requests.register({
        ...{ email, challengeId, password: null, name: null, locale: null },
        source: this.cookies.sourceOf(request),
      }),
    );
  }

  @Get('sign-in')
  async password(@Req() request: FastifyRequest): Promise<Page | Redirect> {
    if (await this.signIn.of(request)) return { to: '/account' };
    return { ...passwordSignInPage({}), cookies: this.cookies.greeting(request) };
  }

  @Post('sign-in/password')
  async byPassword(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const typed = formField(body, 'email');
    const password = formField(body, 'password').slice(0, MAX_PASSWORD_INPUT);
    const email = parseEmailAddress(typed);
    if (!email) return passwordSignInPage({ email: typed, fault: (say) => say('sign_in.no_address'), at: 'email' });
    const result = await this.passwords.signInBrowser(email, password, this.cookies.sourceOf(request));
    switch (result.kind) {
      case 'signed_in':
        return this.signIn.enter(result, request);
      case 'wrong':
        return passwordSignInPage({ email: typed, fault: (say) => say('sign_in.wrong_password'), at: 'password' });
      case 'blocked':
        throw tooManyFailures(result, this.clock.now());
    }
  }

  @Get('reset')
  reset(@Req() request: FastifyRequest): Page {
    return { ...resetPage({ form: randomId() }), cookies: this.cookies.greeting(request) };
  }

  @Post('reset')
  async beginReset(@Body() body: unknown, @Req() request: FastifyRequest): Promise<Page | Redirect> {
    const typed = formField(body, 'email');
    const form = formField(body, 'form');
    const email = parseEmailAddress(typed);
    if (!email) return resetPage({ form: form || randomId(), email: typed, fault: (say) => say('sign_in.no_address') });
    return this.codes.askOnce(request, { id: form, about: `reset ${email.canonical}` }, (challengeId) =>
      this.requests.start('reset_password', email, this.cookies.sourceOf(request), challengeId),
    );
  }
}
