import { Controller, Get, Inject, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Limits } from '../../limits/limits.js';
import { Disowning } from '../../otp/disowning.js';
import { Otp } from '../../otp/otp.js';
import { notMePage } from './not-me.page.js';
import { PageCookies } from './page-cookies.js';
import { PageProblemFilter } from './page-problem.filter.js';
import { PageWriter } from './page-writer.js';
import { BehindLink, PageGuard } from './page.guard.js';

/** "This wasn't me": stands in every mail with a code, also in those that carry none, and needs no sign-in. */
@ApiExcludeController()
@Controller('l/:token/not-me')
@BehindLink(true)
@UseGuards(PageGuard)
@UseFilters(PageProblemFilter)
export class NotMeController {
  constructor(
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(Disowning) private readonly disowning: Disowning,
    @Inject(PageCookies) private readonly cookies: PageCookies,
    @Inject(PageWriter) private readonly pages: PageWriter,
  ) {}

  @Get()
  async ask(@Param('token') token: string, @Res() reply: FastifyReply): Promise<void> {
    await this.pages.show(reply, notMePage(await this.otp.byLink(token), token, this.pages.product));
  }

  @Post()
  async stop(@Param('token') token: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.otp.byLink(token);
    if (found.kind === 'open') await this.disowning.disownByMail(found.challenge, this.cookies.sourceOf(request));
    // Looked at again, for somebody may have used it in this very moment.
    await this.ask(token, reply);
  }
}
