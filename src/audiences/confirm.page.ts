import { Controller, Get, Param, Post, Req, UseInterceptors } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { html } from '../core/html.js';
import { Logger } from '../core/logger.js';
import { type Page, PageWriter } from '../http/pages/page-frame.js';
import { buttonForm } from '../http/pages/page-parts.js';
import { Limits } from '../limits/limits.js';
import { CodeChecker, type LinkResult } from '../otp/code-checker.js';
import { Confirmations } from './confirmations.js';

/** Nothing has happened yet: mail scanners follow links, so following one confirms nothing. */
function askedPage({ challenge }: Extract<LinkResult, { challenge: unknown }>, token: string): Page {
  return pageOf(
    'Confirm that you want this mail',
    200,
    (product) => html`<h1>Do you want mail from ${product}?</h1>
    <p>It goes to <b>${challenge.destination}</b>. You can leave at any time, by a link in each mail.</p>
    ${buttonForm({ action: `/subscribe/${token}`, label: 'Yes, I want it' })}
    <p class="soft">Reference <b>${challenge.reference}</b>, as in the mail. If you did not ask for it, close this page: nothing has happened.</p>`,
  );
}

function confirmedPage(address: string): Page {
  return pageOf(
    'You are subscribed',
    200,
    (product) => html`<h1>You are subscribed</h1>
    <p role="status"><b>${address}</b> gets mail from ${product} from now on. Each of them has a link to leave.</p>`,
  );
}

const OVER: Record<Exclude<LinkResult['kind'], 'open'>, { title: string; text: string; status: number }> = {
  consumed: {
    ...{ title: 'It is confirmed already', status: 410 },
    text: 'The link works once, and so does the code in the same mail.',
  },
  disowned: {
    title: 'This link was stopped',
    status: 410,
    text: 'Somebody who has the mail said that it was not them.',
  },
  expired: {
    title: 'This link has expired',
    status: 410,
    text: 'It worked for a day. Subscribe once more for a new one.',
  },
  not_found: {
    ...{ title: 'This link does not work', status: 404 },
    text: 'Your mail program may have cut it off: open it from the mail once more. Links of long ago are not known any more.',
  },
};

function overPage(kind: keyof typeof OVER): Page {
  const { title, status, text } = OVER[kind];
  return pageOf(title, status, () => html`<h1>${title}</h1><p role="alert">${text}</p>`);
}

function pageOf(title: string, status: number, body: Page['body']): Page {
  return { status, title, body, headers: { 'referrer-policy': 'no-referrer' } };
}

/** Behind the link in the mail that asks somebody whether they want what they subscribed to. */
@ApiExcludeController()
@UseInterceptors(PageWriter)
@Controller('subscribe')
export class ConfirmController {
  constructor(
    private readonly checker: CodeChecker,
    private readonly confirmations: Confirmations,
    private readonly limits: Limits,
    private readonly log: Logger,
  ) {}

  @Get(':token')
  async page(@Param('token') token: string): Promise<Page> {
    const found = await this.checker.byLink(token);
    return isOpen(found) ? askedPage(found, token) : overPage(overOf(found));
  }

  @Post(':token')
  async press(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.checker.byLink(token);
    if (!isOpen(found)) return overPage(overOf(found));
    const result = await this.confirmations.confirmByLink(found.challenge);
    if (result.kind !== 'confirmed') return overPage('consumed');
    this.log.info({ challengeId: found.challenge.id }, 'a subscription was confirmed');
    return confirmedPage(found.challenge.destination);
  }
}

/** Codes for other things have links of their own. */
function isOpen(found: LinkResult): found is Extract<LinkResult, { challenge: unknown }> {
  return found.kind === 'open' && found.challenge.purpose.startsWith('subscribe:');
}

function overOf({ kind }: LinkResult): keyof typeof OVER {
  return kind === 'open' ? 'not_found' : kind;
}
