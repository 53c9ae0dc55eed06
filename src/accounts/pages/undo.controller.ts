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

/**
 * What taking back a change of address would do, did, or comes too late for. The new address may be somebody's who
 * should not be told.
 */
function undoPage(state: UndoState | { kind: 'taken' }, token: string): Page {
  switch (state.kind) {
    case 'open':
      return {
        status: 200,
        title: (say) => say('undo.title'),
        body: (say) => html`<h1>${say('undo.title')}</h1>
          <p>${say('undo.text', { old: state.change.oldEmail, new: shownAddress(state.change.newEmail) })}</p>
          ${buttonForm({ action: `/l/undo/${token}`, label: say('undo.button') })}
          <p class="soft">${say('not_me.close')}</p>`,
      };
    case 'undone':
      return {
        status: 200,
        title: (say) => say('undo.done'),
        body: (say) => html`<h1>${say('undo.done')}</h1>
          <p role="status">${say('undo.done_text')}</p>
          <p>${say('undo.done_what_to_do')}</p>`,
      };
    case 'expired':
      return {
        status: 410,
        title: (say) => say('undo.too_late'),
        body: (say) => html`<h1>${say('undo.too_late')}</h1><p role="alert">${say('undo.too_late_text')}</p>`,
      };
    case 'taken':
      return {
        status: 409,
        title: (say) => say('undo.taken'),
        body: (say) => html`<h1>${say('undo.taken')}</h1><p role="alert">${say('undo.taken_text')}</p>`,
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
  async ask(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    return { ...undoPage(await this.changes.find(token), token), cookies: this.cookies.greeting(request) };
  }

  @Post()
  async undo(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.changes.find(token);
    const result =
      found.kind === 'open' ? await this.changes.undo(found.change, this.cookies.sourceOf(request)) : undefined;
    return result?.kind === 'taken' ? undoPage({ kind: 'taken' }, token) : this.ask(token, request);
  }
}
