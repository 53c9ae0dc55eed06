import { Get, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { html } from '../../core/html.js';
import type { Page } from '../../http/pages/page-frame.js';
import { buttonForm } from '../../http/pages/page-parts.js';
import { Limits } from '../../limits/limits.js';
import { shownAddress } from '../../mail/unsubscribe/unsubscribe.js';
import { EmailChanges, type UndoState } from '../me/email-changes.js';
import { overPage } from './link.controller.js';
import { PageCookies, PagesAt } from './page-cookies.js';

/** What taking back a change of address would do, did, or comes too late for. The new address may be somebody's who should not be told. */
function undoPage(state: UndoState | { kind: 'taken' }, token: string): Page {
  switch (state.kind) {
    case 'open':
      return {
        status: 200,
        title: 'Take the change back?',
        body: (product) => html`<h1>Take the change back?</h1>
          <p>Your account at ${product} had the address <b>${state.change.oldEmail}</b>; it was changed to <b>${shownAddress(state.change.newEmail)}</b>. If that was not you, the button brings the former address back, ends every session and drops the password.</p>
          ${buttonForm({ action: `/l/undo/${token}`, label: 'Take it back' })}
          <p class="soft">If it was you, close this page: nothing has happened.</p>`,
      };
    case 'undone':
      return {
        status: 200,
        title: 'The change is taken back',
        body: html`<h1>The change is taken back</h1>
          <p role="status">All sessions were ended, so every device is signed out, and the password works no more.</p>
          <p><a href="/account">Sign in</a> with the address that the account had before: a code comes to it. Then set a new password, if you want one.</p>`,
      };
    case 'expired':
      return {
        status: 410,
        title: 'It is too late',
        body: (product) =>
          html`<h1>It is too late</h1><p role="alert">A change of address can be taken back for a week. Ask whoever runs ${product} for help.</p>`,
      };
    case 'taken':
      return {
        status: 409,
        title: 'The address is in use',
        body: (product) =>
          html`<h1>The address is in use</h1><p role="alert">Another account has the former address by now, so nothing was changed. If that one is yours too, delete it and press the button in the mail once more, within a week of the change. Otherwise ask whoever runs ${product} for help.</p>`,
      };
    case 'not_found':
      return overPage('not_found');
  }
}

/** Behind the link in the notice that goes to the former address of an account. */
@PagesAt('l/undo/:token', { behindLink: true })
export class UndoController {
  constructor(
    private readonly changes: EmailChanges,
    private readonly limits: Limits,
    private readonly cookies: PageCookies,
  ) {}

  @Get()
  async ask(@Param('token') token: string): Promise<Page> {
    return undoPage(await this.changes.find(token), token);
  }

  @Post()
  async undo(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.changes.find(token);
    const result =
      found.kind === 'open' ? await this.changes.undo(found.change, this.cookies.sourceOf(request)) : undefined;
    return result?.kind === 'taken' ? undoPage({ kind: 'taken' }, token) : this.ask(token);
  }
}
