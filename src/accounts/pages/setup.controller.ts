import { applyDecorators, Body, Controller, Get, Param, Post, Req, UseFilters, UseInterceptors } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { sourceOf } from '../../core/credentials.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { type Html, html } from '../../core/html.js';
import { isOneLine } from '../../core/one-line.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import type { Account } from '../../generated/prisma/client.js';
import { lookOf, type Page, PageWriter, PLAIN_STYLE } from '../../http/pages/page-frame.js';
import { formField } from '../../http/pages/page-parts.js';
import { PageProblemFilter } from '../../http/pages/problem-page.js';
import { Setup, SetupTokens } from '../administration/setup.js';
import { SetupRequest } from '../api/requests.js';
import { SignedInView } from '../api/views.js';

interface SetupForm {
  token: string;
  email: string;
  name: string;
  faults: { email?: string; name?: string; password?: string };
}

const LOOK = lookOf(`${PLAIN_STYLE}
main { width: min(28rem, 100vw - 4rem); }
label { display: block; font-weight: 600; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: .55rem .7rem; margin: .25rem 0; border: 1px solid; border-radius: .5rem; background: Field; color: FieldText; }
input[aria-invalid] { border-color: #b3261e; }
small { display: block; margin-bottom: 1rem; opacity: .8; }
small[role=alert] { color: light-dark(#b3261e, #f2b8b5); opacity: 1; }
`);

/** Nothing has happened yet, or something has to be corrected. */
function askedPage(view: SetupForm): Page {
  const body = (product: string) => html`<h1>Set up ${product}</h1>
        <p>You are about to be its first administrator. This link works once.</p>
        ${form(view)}`;
  return pageOf(Object.keys(view.faults).length > 0 ? 422 : 200, body);
}

function finishedPage({ email, passwordHash }: Account): Page {
  return pageOf(
    200,
    (product) => html`<h1>${product} is set up</h1>
        <p role="status"><b>${email}</b> is its administrator, and signs in with ${passwordHash === null ? 'a code by mail' : 'the password, or a code by mail'}.</p>
        <p>A key for your back end: <code>otpost keys create --name shop --scope emails:send</code>. Every call is described at <a href="/docs">/docs</a>.</p>`,
  );
}

const OVER = {
  done: pageOf(
    404,
    html`<h1>There is an administrator already</h1>
        <p role="alert">Ask them to give you the role. Who has the host can also run <code>otpost admin list</code> and <code>otpost admin create</code>.</p>`,
  ),
  invalid: pageOf(
    404,
    html`<h1>This link does not work</h1>
        <p role="alert">It works once, and for 24 hours. Restart Otpost and open the link that it prints, or run <code>otpost admin create</code>.</p>`,
  ),
};

function pageOf(status: number, body: Page['body']): Page {
  return { status, title: 'Setup', body, look: LOOK, headers: { 'referrer-policy': 'no-referrer' } };
}

function form({ token, email, name, faults }: SetupForm): Html {
  return html`<form method="post" action="/setup/${token}">
    <label for="email">E-mail</label>
    <input id="email" name="email" type="email" required maxlength="254" autocomplete="email" value="${email}" aria-describedby="email-hint" ${invalid(faults.email)} />
    ${hint('email', faults.email, 'Codes and notices go there.')}
    <label for="name">Name</label>
    <input id="name" name="name" maxlength="100" autocomplete="name" value="${name}" aria-describedby="name-hint" ${invalid(faults.name)} />
    ${hint('name', faults.name, 'May be left out.')}
    <label for="password">Password</label>
    <input id="password" name="password" type="password" autocomplete="new-password" aria-describedby="password-hint" ${invalid(faults.password)} />
    ${hint('password', faults.password, 'May be left out: codes by mail sign in.')}
    <button type="submit">Become administrator</button>
  </form>`;
}

function invalid(fault: string | undefined): Html | false {
  return fault !== undefined && html`aria-invalid="true"`;
}

function hint(field: string, fault: string | undefined, otherwise: string): Html {
  return fault === undefined
    ? html`<small id="${field}-hint">${otherwise}</small>`
    : html`<small id="${field}-hint" role="alert">${fault}</small>`;
}

const MAX_NAME_LENGTH = 100;
/** The same bound as for the API; what a good password is, Passwords says. */
const MAX_PASSWORD_INPUT = 1_024;

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
    return askedPage({ token, email, name, faults: { password: `The password ${result.message}.` } });
  }
}

function SetupPage(): MethodDecorator {
  return applyDecorators(ApiExcludeEndpoint(), UseFilters(PageProblemFilter), UseInterceptors(PageWriter));
}

function read({ email, name, password }: { email: string; name: string; password: string }) {
  const address = parseEmailAddress(email);
  const faults = {
    ...(address ? {} : { email: 'This is not an e-mail address such as ada@example.com.' }),
    ...(name.length > MAX_NAME_LENGTH || !isOneLine(name)
      ? { name: `A name is one line of at most ${MAX_NAME_LENGTH} characters.` }
      : {}),
    ...(password.length > MAX_PASSWORD_INPUT ? { password: 'The password is too long.' } : {}),
  };
  return { address, faults };
}
