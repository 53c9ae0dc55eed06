import { Controller, Get, Param, Post, Req, UseInterceptors } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { html } from '../core/html.js';
import { Logger } from '../core/logger.js';
import { type Page, PageWriter } from '../http/pages/page-frame.js';
import { buttonForm } from '../http/pages/page-parts.js';
import type { PlainWord, Saying } from '../http/pages/words.js';
import { Limits } from '../limits/limits.js';
import { CodeChecker, type LinkResult } from '../otp/code-checker.js';
import { Confirmations } from './confirmations.js';

/** Nothing has happened yet: mail scanners follow links, so following one confirms nothing. */
function askedPage({ challenge }: Extract<LinkResult, { challenge: unknown }>, token: string): Page {
  return pageOf(
    'subscribe.title',
    200,
    (say) => html`<h1>${say('subscribe.question')}</h1>
    <p>${say('subscribe.text', { address: challenge.destination })}</p>
    ${buttonForm({ action: `/subscribe/${token}`, label: say('subscribe.button') })}
    <p class="soft">${say('subscribe.close', { reference: challenge.reference })}</p>`,
  );
}

function confirmedPage(address: string): Page {
  return pageOf(
    'subscribe.done',
    200,
    (say) => html`<h1>${say('subscribe.done')}</h1>
    <p role="status">${say('subscribe.done_text', { address })}</p>`,
  );
}

const OVER = {
  consumed: { title: 'subscribe.consumed', text: 'subscribe.consumed.text', status: 410 },
  disowned: { title: 'over.disowned', text: 'subscribe.disowned.text', status: 410 },
  expired: { title: 'over.expired', text: 'subscribe.expired.text', status: 410 },
  not_found: { title: 'over.not_found', text: 'over.not_found.text', status: 404 },
} as const satisfies Record<Exclude<LinkResult['kind'], 'open'>, { title: PlainWord; text: PlainWord; status: number }>;

function overPage(kind: keyof typeof OVER): Page {
  const { title, status, text } = OVER[kind];
  return pageOf(title, status, (say) => html`<h1>${say(title)}</h1><p role="alert">${say(text)}</p>`);
}

function pageOf(title: PlainWord, status: number, body: Saying): Page {
  return { status, title: (say) => say(title), body, headers: { 'referrer-policy': 'no-referrer' } };
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
