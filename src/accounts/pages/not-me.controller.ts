import { Get, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { html } from '../../core/html.js';
import type { Page } from '../../http/pages/page-frame.js';
import { buttonForm } from '../../http/pages/page-parts.js';
import { Limits } from '../../limits/limits.js';
import { Disowning } from '../../otp/disowning.js';
import { CodeChecker, type LinkResult } from '../../otp/code-checker.js';
import { overPage } from './link.controller.js';
import { PageCookies, PagesAt } from './page-cookies.js';

/** What "This wasn't me" would do, did, or comes too late for. */
function notMePage(found: LinkResult, token: string): Page {
  switch (found.kind) {
    case 'open':
      return {
        status: 200,
        title: (say) => say('not_me.title'),
        body: (say) => html`<h1>${say('not_me.title')}</h1>
          <p>${say('not_me.text', { email: found.challenge.destination, reference: found.challenge.reference })}</p>
          ${buttonForm({ action: `/l/${token}/not-me`, label: say('link.not_me') })}
          <p class="soft">${say('not_me.close')}</p>`,
      };
    case 'disowned':
      return {
        status: 200,
        title: (say) => say('not_me.stopped'),
        body: (say) => html`<h1>${say('not_me.stopped')}</h1>
          <p role="status">${say('not_me.stopped_text', { reference: found.challenge.reference })}</p>
          <p class="soft">${say('not_me.stopped_nobody')}</p>`,
      };
    case 'consumed':
      return found.challenge.consumedAt === null ? replacedPage : usedPage;
    case 'expired':
      return {
        status: 410,
        title: (say) => say('not_me.over'),
        body: (say) => html`<h1>${say('not_me.over')}</h1><p role="status">${say('not_me.expired')}</p>`,
      };
    case 'not_found':
      return overPage('not_found');
  }
}

const usedPage: Page = {
  status: 410,
  title: (say) => say('not_me.used'),
  body: (say) => html`<h1>${say('not_me.used')}</h1>
    <p role="alert">${say('not_me.used_text')}</p>
    <p>${say('not_me.used_what_to_do')}</p>`,
};

const replacedPage: Page = {
  status: 410,
  title: (say) => say('not_me.over'),
  body: (say) => html`<h1>${say('not_me.over')}</h1><p role="status">${say('not_me.replaced')}</p>
    <p>${say('not_me.replaced_what_to_do')}</p>`,
};

/** "This wasn't me": stands in every mail with a code, also in those that carry none, and needs no sign-in. */
@PagesAt('l/:token/not-me', { behindLink: true })
export class NotMeController {
  constructor(
    private readonly checker: CodeChecker,
    private readonly limits: Limits,
    private readonly disowning: Disowning,
    private readonly cookies: PageCookies,
  ) {}

  @Get()
  async ask(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    return { ...notMePage(await this.checker.byLink(token), token), cookies: this.cookies.greeting(request) };
  }

  @Post()
  async stop(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.checker.byLink(token);
    if (found.kind === 'open') await this.disowning.disownByMail(found.challenge, this.cookies.sourceOf(request));
    // Looked at again, for somebody may have used it in this very moment.
    return this.ask(token, request);
  }
}
