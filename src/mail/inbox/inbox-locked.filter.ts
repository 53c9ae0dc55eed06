import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { PAGE_HEADERS } from './inbox.headers.js';
import { InboxLocked } from './inbox.guard.js';
import { enterPage } from './page-frame.js';

/** Where a page is locked, asks for the token. */
@Catch(InboxLocked)
export class InboxLockedFilter implements ExceptionFilter<InboxLocked> {
  async catch(_error: InboxLocked, host: ArgumentsHost): Promise<void> {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    await reply.status(401).headers(PAGE_HEADERS).type('text/html; charset=utf-8').send(enterPage({ refused: false }));
  }
}
