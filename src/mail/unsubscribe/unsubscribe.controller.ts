import { Body, Controller, Get, Header, HttpCode, Inject, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { productOf } from '../../config/product-name.js';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { Suppressions } from '../suppressions/suppressions.js';
import { UnsubscribeLink } from './unsubscribe-link.js';
import { shownAddress, unsubscribePage, type UnsubscribeView } from './unsubscribe.page.js';

const CSP = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/**
 * Where List-Unsubscribe leads. A mail program posts here without asking its user again (RFC 8058), a person opens the
 * page and presses a button; merely opening it changes nothing, because mail scanners do.
 */
@ApiExcludeController()
@Controller('unsubscribe')
export class UnsubscribeController {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(UnsubscribeLink) private readonly link: UnsubscribeLink,
    @Inject(Suppressions) private readonly suppressions: Suppressions,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CSP)
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Cache-Control', 'no-store')
  page(@Query('t') token: unknown, @Res({ passthrough: true }) reply: FastifyReply): string {
    const subscription = this.link.read(String(token));
    if (!subscription) return this.show(reply, { state: 'invalid' });
    return this.show(reply, { state: 'asked', address: shownAddress(subscription.addressCanonical), token: String(token) });
  }

  @Post()
  @HttpCode(200)
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CSP)
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Cache-Control', 'no-store')
  async submit(
    @Query('t') token: unknown,
    @Body() body: Record<string, unknown> | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const subscription = this.link.read(String(token));
    if (!subscription) return this.show(reply, { state: 'invalid' });
    const { addressCanonical, emailId } = subscription;
    const view = { address: shownAddress(addressCanonical), token: String(token) };
    if (body?.['action'] === 'subscribe') {
      await this.suppressions.resubscribe(addressCanonical);
      this.log.info({ emailId }, 'subscribed again');
      return this.show(reply, { state: 'subscribed', ...view });
    }
    const source = body?.['action'] === 'unsubscribe' ? 'page' : 'one_click';
    await this.suppressions.add({ addressCanonical, scope: 'bulk', reason: 'unsubscribe', source, emailId });
    this.log.info({ emailId, source }, 'unsubscribed');
    return this.show(reply, { state: 'unsubscribed', ...view });
  }

  private show(reply: FastifyReply, view: UnsubscribeView): string {
    if (view.state === 'invalid') reply.status(404);
    return unsubscribePage(productOf(this.settings), view);
  }
}
