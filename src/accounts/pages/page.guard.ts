import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { Problem } from '../../core/problems.js';
import { isFromOurPage } from '../../mail/inbox/inbox-access.js';
import { PageCookies } from './page-cookies.js';
import { CONTENT_POLICY } from './page-frame.js';

/** Of pages whose path holds a secret from a mail. */
export const BehindLink = Reflector.createDecorator<true>();

const EVERYWHERE = {
  'content-security-policy': CONTENT_POLICY,
  'cache-control': 'no-store',
  'x-robots-tag': 'noindex',
  'x-content-type-options': 'nosniff',
};

/**
 * Sets the headers of our pages, and lets forms be sent from our own pages only: neither may a stranger's page sign
 * somebody out, nor sign them in, unnoticed, to the stranger's account (login CSRF). SameSite alone does not keep that off,
 * for it takes no cookie to press a mailed link.
 */
@Injectable()
export class PageGuard implements CanActivate {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(PageCookies) private readonly cookies: PageCookies,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const behindLink = this.reflector.get(BehindLink, context.getClass()) === true;
    // Our other pages have no secret in their path. Under `no-referrer` browsers send `Origin: null` with our own forms
    // (Fetch standard, "append a request Origin header"), which tells less.
    http.getResponse<FastifyReply>().headers({ ...EVERYWHERE, 'referrer-policy': behindLink ? 'no-referrer' : 'same-origin' });
    if (request.method === 'POST' && !this.isOurForm(request, behindLink)) throw new Problem('forbidden');
    return true;
  }

  /**
   * `Origin: null` comes from anywhere. Behind a link it is also what browsers without Sec-Fetch-Site, or over plain http,
   * send with our own form; ours is where the cookie came along that the page with the form set, for with a form of
   * another site SameSite keeps it back.
   */
  private isOurForm(request: FastifyRequest, behindLink: boolean): boolean {
    const { host, origin } = request.headers;
    const site = request.headers['sec-fetch-site'];
    const told = behindLink && origin === 'null' && this.cookies.browser(request) ? undefined : origin;
    return isFromOurPage({ host, origin: told, site: typeof site === 'string' ? site : undefined }, this.settings);
  }
}
