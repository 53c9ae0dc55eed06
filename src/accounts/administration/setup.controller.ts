import { Body, Controller, Get, Header, HttpCode, Inject, Param, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { productOf } from '../../config/product-name.js';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { sourceOf } from '../../core/request-source.js';
import { SignedInView } from '../account-view.js';
import { PageProblemFilter } from '../pages/page-problem.filter.js';
import { Setup } from './setup.js';
import { setupPage, type SetupPageView } from './setup.page.js';
import { SetupRequest } from './setup.requests.js';
import { SetupTokens } from './setup-tokens.js';

const CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const MAX_NAME_LENGTH = 100;
/** The same bound as for the API; what a good password is, Passwords says. */
const MAX_PASSWORD_INPUT = 1_024;

/** The link that a start in development prints while there is no administrator. Opening it changes nothing. */
@ApiTags('setup')
@Controller()
export class SetupController {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Setup) private readonly setup: Setup,
    @Inject(SetupTokens) private readonly tokens: SetupTokens,
  ) {}

  @Post('v1/setup')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Make the first administrator',
    description: 'With the token of the setup link, which a start in development prints while there is no administrator. Works once; the same asked again within a minute, where the answer was lost, is answered the same.',
  })
  @ApiResponse({ status: 200, type: SignedInView })
  async make(@Body() { token, email, name, password }: SetupRequest, @Req() request: FastifyRequest): Promise<SignedInView> {
    const address = parseEmailAddress(email)!; // validated
    const result = await this.setup.finishAndSignIn({ token, email: address, name: name ?? undefined, password: password ?? undefined }, sourceOf(request));
    switch (result.kind) {
      case 'signed_in':
        return SignedInView.of(result.account, result.tokens, result.deviceToken);
      case 'done':
        throw new Problem('setup_done');
      case 'invalid':
        throw new Problem('setup_link_invalid');
      case 'unfit':
        throw new Problem('validation_failed', { errors: [{ field: 'password', code: result.code, message: result.message }] });
    }
  }

  @Get('setup/:token')
  @UseFilters(PageProblemFilter)
  @ApiExcludeEndpoint()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CSP)
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Cache-Control', 'no-store')
  async page(@Param('token') token: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const state = await this.tokens.look(token);
    return this.show(reply, state === 'open' ? { state: 'asked', token, email: '', name: '', faults: {} } : { state });
  }

  @Post('setup/:token')
  @UseFilters(PageProblemFilter)
  @HttpCode(200)
  @ApiExcludeEndpoint()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CSP)
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Cache-Control', 'no-store')
  async submit(
    @Param('token') token: string,
    @Body() body: Record<string, unknown> | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const form = { email: textOf(body?.['email']).trim(), name: textOf(body?.['name']).trim(), password: textOf(body?.['password']) };
    const { email: address, faults } = read(form);
    const asked = { state: 'asked' as const, token, email: form.email, name: form.name };
    if (!address || Object.keys(faults).length > 0) {
      const state = await this.tokens.look(token); // a form of a link that is over is not shown again
      return this.show(reply, state === 'open' ? { ...asked, faults } : { state });
    }
    const result = await this.setup.finish({ token, email: address, name: form.name || undefined, password: form.password || undefined }, sourceOf(request));
    if (result.kind === 'unfit') return this.show(reply, { ...asked, faults: { password: `The password ${result.message}.` } });
    if (result.kind === 'finished') return this.show(reply, { state: 'finished', email: result.account.email, hasPassword: result.account.passwordHash !== null });
    return this.show(reply, { state: result.kind });
  }

  private show(reply: FastifyReply, view: SetupPageView): string {
    if (view.state === 'done' || view.state === 'invalid') reply.status(404);
    if (view.state === 'asked' && Object.keys(view.faults).length > 0) reply.status(422);
    return setupPage(productOf(this.settings), view);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function read({ email, name, password }: { email: string; name: string; password: string }) {
  const address = parseEmailAddress(email);
  const faults = {
    ...(address ? {} : { email: 'This is not an e-mail address such as ada@example.com.' }),
    ...(name.length > MAX_NAME_LENGTH || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name) ? { name: `A name is one line of at most ${MAX_NAME_LENGTH} characters.` } : {}),
    ...(password.length > MAX_PASSWORD_INPUT ? { password: 'The password is too long.' } : {}),
  };
  return { email: address, faults };
}
