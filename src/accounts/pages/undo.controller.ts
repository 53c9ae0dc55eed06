import { Controller, Get, Inject, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Limits } from '../../limits/limits.js';
import { EmailChanges } from '../me/email-changes.js';
import { PageCookies } from './page-cookies.js';
import { PageProblemFilter } from './page-problem.filter.js';
import { PageWriter } from './page-writer.js';
import { BehindLink, PageGuard } from './page.guard.js';
import { undoPage } from './undo.page.js';

/** Behind the link in the notice that goes to the former address of an account. */
@ApiExcludeController()
@Controller('l/undo/:token')
@BehindLink(true)
@UseGuards(PageGuard)
@UseFilters(PageProblemFilter)
export class UndoController {
  constructor(
    @Inject(EmailChanges) private readonly changes: EmailChanges,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(PageCookies) private readonly cookies: PageCookies,
    @Inject(PageWriter) private readonly pages: PageWriter,
  ) {}

  @Get()
  async ask(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    await this.pages.show(reply, undoPage(await this.changes.find(token), token, this.pages.product));
  }

  @Post()
  async undo(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.changes.find(token);
    const result = found.kind === 'open' ? await this.changes.undo(found.change, this.cookies.sourceOf(request)) : undefined;
    if (result?.kind === 'taken') return this.pages.show(reply, undoPage({ kind: 'taken' }, token, this.pages.product));
    await this.ask(token, reply);
  }
}
