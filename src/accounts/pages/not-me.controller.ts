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
        title: 'Was it not you?',
        body: (product) => html`<h1>Was it not you?</h1>
          <p>Somebody asked ${product} for a mail to <b>${found.challenge.destination}</b>, reference <b>${found.challenge.reference}</b>. If it was not you, the button makes its code and its link useless, and slows down whoever asked.</p>
          ${buttonForm({ action: `/l/${token}/not-me`, label: 'This wasn’t me' })}
          <p class="soft">If it was you, close this page: nothing has happened.</p>`,
      };
    case 'disowned':
      return {
        status: 200,
        title: 'It is stopped',
        body: html`<h1>It is stopped</h1>
          <p role="status">The code and the link of the mail with the reference <b>${found.challenge.reference}</b> open nothing any more. There is nothing else to do.</p>
          <p class="soft">Nobody signed in with it, and nothing of yours was changed.</p>`,
      };
    case 'consumed':
      return found.challenge.consumedAt === null ? replacedPage : usedPage;
    case 'expired':
      return {
        status: 410,
        title: 'It is over already',
        body: html`<h1>It is over already</h1><p role="status">The code and the link of that mail have expired, and nobody used them. There is nothing to do.</p>`,
      };
    case 'not_found':
      return overPage('not_found');
  }
}

const usedPage: Page = {
  status: 410,
  title: 'It was used already',
  body: html`<h1>It was used already</h1>
    <p role="alert">Somebody entered the code of that mail, or pressed the button behind its link, so it cannot be stopped any more.</p>
    <p>If it was not you, somebody else may read your mail. Change the password of your mailbox first, then <a href="/account">sign in here</a> and choose “Sign out everywhere”. If your account has a password, set a new one.</p>`,
};

const replacedPage: Page = {
  status: 410,
  title: 'It is over already',
  body: html`<h1>It is over already</h1><p role="status">A newer mail for the same purpose was used, and the code and the link of this one ended with that.</p>
    <p>If that was not you, <a href="/account">sign in here</a> and choose “Sign out everywhere”.</p>`,
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
  async ask(@Param('token') token: string): Promise<Page> {
    return notMePage(await this.checker.byLink(token), token);
  }

  @Post()
  async stop(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.checker.byLink(token);
    if (found.kind === 'open') await this.disowning.disownByMail(found.challenge, this.cookies.sourceOf(request));
    // Looked at again, for somebody may have used it in this very moment.
    return this.ask(token);
  }
}
