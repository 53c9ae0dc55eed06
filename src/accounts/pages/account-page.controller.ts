import { Controller, Get, Inject, Param, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { randomId } from '../../core/ids.js';
import { Problem } from '../../core/problems.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { SessionIdPipe } from '../sessions/session-id.pipe.js';
import { Sessions } from '../sessions/sessions.js';
import { accountPage } from './account.page.js';
import { PageCookies } from './page-cookies.js';
import { PageProblemFilter } from './page-problem.filter.js';
import { PageSignIn } from './page-sign-in.js';
import { PageWriter } from './page-writer.js';
import { PageGuard } from './page.guard.js';
import { signInPage } from './sign-in.page.js';

/** The account as its owner sees it in a browser. Whoever is not signed in is asked for their address. */
@ApiExcludeController()
@Controller('account')
@UseGuards(PageGuard)
@UseFilters(PageProblemFilter)
export class AccountPageController {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(OwnSessions) private readonly own: OwnSessions,
    @Inject(PageSignIn) private readonly signIn: PageSignIn,
    @Inject(PageCookies) private readonly cookies: PageCookies,
    @Inject(PageWriter) private readonly pages: PageWriter,
  ) {}

  @Get()
  async home(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const who = await this.signIn.of(request);
    const { product } = this.pages;
    if (who) return this.pages.show(reply, accountPage(who, await this.sessions.list(who.account.id), product));
    await this.pages.show(reply.header('set-cookie', this.cookies.greeting(request)), signInPage({ product, form: randomId() }));
  }

  @Post('sign-out')
  async signOut(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const who = await this.signIn.of(request);
    if (who) await this.own.signOut(who.session, this.cookies.sourceOf(request));
    await this.signIn.leave(reply);
  }

  @Post('sign-out-everywhere')
  async signOutEverywhere(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const who = await this.signIn.of(request);
    if (who) await this.own.endAll(who.session, this.cookies.sourceOf(request));
    await this.signIn.leave(reply);
  }

  @Post('sessions/:id/end')
  async end(@Param('id', SessionIdPipe) id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const who = await this.signIn.of(request);
    if (!who) return this.signIn.leave(reply);
    const done = await this.own.end(id, who.session, this.cookies.sourceOf(request));
    if (!done && !(await this.own.isOver(id, who.session))) throw new Problem('session_not_found');
    await reply.redirect('/account', 303);
  }
}
