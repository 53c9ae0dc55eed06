import { applyDecorators, Body, Controller, Get, Param, Post, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { sourceOf } from '../../core/credentials.js';
import { type EmailAddress, MAX_ADDRESS_LENGTH, parseEmailAddress } from '../../core/email-address.js';
import { type Html, html } from '../../core/html.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import type { Account } from '../../generated/prisma/client.js';
import { type Page, PageWriter } from '../../http/pages/page-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import { PageProblemFilter } from '../../http/pages/problem-page.js';
import type { Say, Saying } from '../../http/pages/words.js';
import { Setup, SetupTokens } from '../administration/setup.js';
import { isNameFit, MAX_NAME_LENGTH, SetupRequest } from '../api/requests.js';
import { SignedInView } from '../api/views.js';
import { MAX_PASSWORD_INPUT } from '../passwords/password-policy.js';

interface SetupForm {
  token: string;
  email: string;
  name: string;
  faults: { email?: Saying; name?: Saying; password?: Saying };
}

/** Nothing has happened yet, or something has to be corrected. */
function askedPage(view: SetupForm): Page {
  const body = (say: Say) => html`<h1>${say('setup.heading')}</h1>
        <p>${say('setup.text')}</p>
        ${form(view, say)}`;
  return pageOf(Object.keys(view.faults).length > 0 ? 422 : 200, body);
}

function finishedPage({ email, passwordHash }: Account): Page {
  return pageOf(
    200,
    (say) => html`<h1>${say('setup.done')}</h1>
        <p role="status">${say(passwordHash === null ? 'setup.done_code' : 'setup.done_password', { email })}</p>
        <p>${say('setup.key')}</p>`,
  );
}

const OVER = {
  done: pageOf(
    404,
    (say) => html`<h1>${say('setup.taken')}</h1>
        <p role="alert">${say('setup.taken_text')}</p>`,
  ),
  invalid: pageOf(
    404,
    (say) => html`<h1>${say('over.not_found')}</h1>
        <p role="alert">${say('setup.invalid_text')}</p>`,
  ),
};

function pageOf(status: number, body: Page['body']): Page {
  return {
    status,
    title: (say) => say('setup.title'),
    body,
    headers: { 'referrer-policy': 'no-referrer' },
  };
}

function form({ token, email, name, faults }: SetupForm, say: Say): Html {
  return html`<form method="post" action="/setup/${token}">
    <label for="email">${say('setup.email')}</label>
    <input id="email" name="email" type="email" required maxlength="${MAX_ADDRESS_LENGTH}" autocomplete="email" value="${email}" aria-describedby="email-hint" ${invalid(faults.email)} />
    ${hint('email', faults.email?.(say), say('setup.email_hint'))}
    <label for="name">${say('setup.name')}</label>
    <input id="name" name="name" maxlength="${MAX_NAME_LENGTH}" autocomplete="name" value="${name}" aria-describedby="name-hint" ${invalid(faults.name)} />
    ${hint('name', faults.name?.(say), say('setup.name_hint'))}
    <label for="password">${say('setup.password')}</label>
    <input id="password" name="password" type="password" autocomplete="new-password" aria-describedby="password-hint" ${invalid(faults.password)} />
    ${hint('password', faults.password?.(say), say('setup.password_hint'))}
    <button type="submit">${say('setup.button')}</button>
  </form>`;
}

function invalid(fault: Saying | undefined): Html | false {
  return fault !== undefined && html`aria-invalid="true"`;
}

function hint(field: string, fault: Html | undefined, otherwise: Html): Html {
  return fault === undefined
    ? html`<small id="${field}-hint">${otherwise}</small>`
    : html`<small id="${field}-hint" role="alert">${fault}</small>`;
}

/** The link that a start in development prints while there is no administrator. Opening it changes nothing. */
@ApiTags('setup')
@Controller()
export class SetupController {
  constructor(
    private readonly setup: Setup,
    private readonly tokens: SetupTokens,
  ) {}

  @Post('v1/setup')
  @Operation(200, SignedInView, {
    summary: 'Make the first administrator',
    description:
      'With the token of the setup link, which a start in development prints while there is no administrator. Works once; the same asked again within a minute, where the answer was lost, is answered the same.',
  })
  @Problems('setup_done', 'setup_link_invalid', 'rate_limited', 'busy')
  async make(
    @Body() { token, email, name, password }: SetupRequest,
    @Req() request: FastifyRequest,
  ): Promise<SignedInView> {
    const order = { token, email: parseEmailAddress(email)!, name, password }; // validated
    const result = await this.setup.finishAndSignIn(order, sourceOf(request));
    if (result.kind === 'signed_in') return SignedInView.of(result.account, result.tokens, result.deviceToken);
    if (result.kind !== 'unfit') throw new Problem(result.kind === 'done' ? 'setup_done' : 'setup_link_invalid');
    const { code, message } = result;
    throw new Problem('validation_failed', { errors: [{ field: 'password', code, message }] });
  }

  @Get('setup/:token')
  @SetupPage()
  async page(@Param('token') token: string): Promise<Page> {
    const state = await this.tokens.look(token);
    return state === 'open' ? askedPage({ token, email: '', name: '', faults: {} }) : OVER[state];
  }

  @Post('setup/:token')
  @SetupPage()
  async submit(@Param('token') token: string, @Body() body: unknown, @Req() request: FastifyRequest): Promise<Page> {
    const email = formField(body, 'email').trim();
    const name = formField(body, 'name').trim();
    const password = formField(body, 'password');
    const { address, faults } = read({ email, name, password });
    if (!address || Object.keys(faults).length > 0) {
      const state = await this.tokens.look(token); // a form of a link that is over is not shown again
      return state === 'open' ? askedPage({ token, email, name, faults }) : OVER[state];
    }
    const order = { token, email: address, name: name || undefined, password: password || undefined };
    const result = await this.setup.finish(order, sourceOf(request));
    if (result.kind === 'finished') return finishedPage(result.account);
    if (result.kind !== 'unfit') return OVER[result.kind];
    return askedPage({ token, email, name, faults: { password: (say) => say(result.code) } });
  }
}

function SetupPage(): MethodDecorator {
  return applyDecorators(ApiExcludeEndpoint(), UseFilters(PageProblemFilter), UseInterceptors(PageWriter));
}

function read({ email, name, password }: { email: string; name: string; password: string }): {
  address: EmailAddress | undefined;
  faults: SetupForm['faults'];
} {
  const address = parseEmailAddress(email);
  const faults = {
    ...(address ? {} : { email: (say: Say) => say('setup.email_fault') }),
    ...(!isNameFit(name) ? { name: (say: Say) => say('setup.name_fault') } : {}),
    ...(password.length > MAX_PASSWORD_INPUT ? { password: (say: Say) => say('setup.password_fault') } : {}),
  };
  return { address, faults };
}
