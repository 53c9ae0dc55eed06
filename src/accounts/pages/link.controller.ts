import { Body, Controller, Get, Inject, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Limits } from '../../limits/limits.js';
import type { Challenge } from '../../otp/challenges.js';
import { Otp } from '../../otp/otp.js';
import { opensByLink } from '../../otp/otp-policy.js';
import { Passwords } from '../passwords/passwords.js';
import { Verification } from '../verification.js';
import { formField } from './form-field.js';
import { linkPage, nothingToOpenPage, overPage } from './link.page.js';
import { PageCookies } from './page-cookies.js';
import { PageProblemFilter } from './page-problem.filter.js';
import { PageSignIn } from './page-sign-in.js';
import { PageWriter } from './page-writer.js';
import { BehindLink, PageGuard } from './page.guard.js';

/** Behind the link in a mail with a code. Whoever presses the button is signed in, in the browser where they press it. */
@ApiExcludeController()
@Controller('l')
@BehindLink(true)
@UseGuards(PageGuard)
@UseFilters(PageProblemFilter)
export class LinkController {
  constructor(
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(Verification) private readonly verification: Verification,
    @Inject(PageSignIn) private readonly signIn: PageSignIn,
    @Inject(PageCookies) private readonly cookies: PageCookies,
    @Inject(PageWriter) private readonly pages: PageWriter,
  ) {}

  /** Uses nothing up, however often it is opened. */
  @Get(':token')
  async open(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const found = await this.otp.byLink(token);
    if (found.kind !== 'open') return this.pages.show(reply, overPage(found.kind));
    const { challenge } = found;
    if (!opensByLink(challenge)) return this.pages.show(reply, nothingToOpenPage({ challenge, token }, 200));
    await this.pages.show(reply.header('set-cookie', this.cookies.greeting(request)), linkPage({ challenge, token, product: this.pages.product }));
  }

  @Post(':token')
  async press(@Param('token') token: string, @Body() body: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.otp.byLink(token);
    const browser = this.cookies.browser(request);
    const source = this.cookies.sourceOf(request);
    if (found.kind !== 'open') {
      const again = found.kind === 'consumed' ? await this.verification.againOnPage(found.challenge, browser, source) : undefined;
      return again?.kind === 'signed_in' ? this.signIn.enter(again, request, reply) : this.pages.show(reply, overPage(found.kind));
    }
    const { challenge } = found;
    if (!opensByLink(challenge)) return this.pages.show(reply, nothingToOpenPage({ challenge, token }, 409));
    const newPassword = challenge.purpose === 'reset_password' ? formField(body, 'newPassword') : undefined;
    const fault = this.faultOf(newPassword, challenge);
    if (fault !== undefined) return this.pages.show(reply, linkPage({ challenge, token, product: this.pages.product, fault }));
    const result = await this.verification.byLink(challenge, newPassword, browser, source);
    if (result.kind === 'signed_in') return this.signIn.enter(result, request, reply);
    await this.pages.show(reply, overPage('consumed')); // somebody was faster, or the account went meanwhile
  }

  /** Asked before anything is used up. */
  private faultOf(newPassword: string | undefined, { destination }: Challenge): string | undefined {
    const fault = newPassword === undefined ? undefined : this.passwords.fault(newPassword, { email: destination });
    return fault && `The password ${fault.message}.`;
  }
}
