import { Body, Controller, Get, Inject, Param, Post, Query, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { Problem } from '../../core/problems.js';
import { sameSecret } from '../../core/credentials.js';
import { FILE_HEADERS, FRAME_HEADERS, PAGE_HEADERS } from './inbox.headers.js';
import { InboxLockedFilter } from './inbox-locked.filter.js';
import { InboxSession } from './inbox-session.js';
import { InboxGuard, WithoutToken } from './inbox.guard.js';
import { inboxPage } from './inbox.page.js';
import { readListQuery } from './inbox.query.js';
import { INBOX_SCRIPT } from './inbox.script.js';
import { InboxStore } from './inbox.store.js';
import { INBOX_STYLE } from './inbox.style.js';
import { framed, viewOf } from './message.page.js';
import { enterPage } from './page-frame.js';

interface PageQuery {
  to?: unknown;
  cursor?: unknown;
  view?: unknown;
}

/** The inbox as people see it. */
@Controller('inbox')
@ApiExcludeController()
@UseGuards(InboxGuard)
@UseFilters(InboxLockedFilter)
export class InboxController {
  constructor(
    @Inject(InboxStore) private readonly store: InboxStore,
    @Inject(InboxSession) private readonly session: InboxSession,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Get()
  @WithoutToken('ask')
  async newest(@Query() { to, cursor }: PageQuery, @Res() reply: FastifyReply): Promise<void> {
    const query = readListQuery({ to, cursor });
    const list = await this.store.list(query);
    const first = list.items[0];
    const message = first && (await this.store.one(first.id));
    const shown = message ? { message, chosen: false, view: viewOf(undefined, message), source: null } : undefined;
    await page(reply, 200, inboxPage({ list, place: { to: query.to, cursor: query.cursor }, shown, ...this.surroundings() }));
  }

  @Get('inbox.css')
  @WithoutToken('serve')
  async style(@Res() reply: FastifyReply): Promise<void> {
    await reply.headers(FILE_HEADERS).type('text/css; charset=utf-8').send(INBOX_STYLE);
  }

  @Get('inbox.js')
  @WithoutToken('serve')
  async script(@Res() reply: FastifyReply): Promise<void> {
    await reply.headers(FILE_HEADERS).type('text/javascript; charset=utf-8').send(INBOX_SCRIPT);
  }

  @Post('enter')
  @WithoutToken('serve')
  async enter(@Body() body: unknown, @Res() reply: FastifyReply): Promise<void> {
    const token = this.settings.inboxToken;
    if (token !== undefined) {
      const given = (body as { token?: unknown } | null | undefined)?.token;
      if (typeof given !== 'string' || !sameSecret(given.trim(), token)) return page(reply, 401, enterPage({ refused: true }));
      void reply.header('set-cookie', this.session.begin(token));
    }
    await backToInbox(reply);
  }

  @Post('clear')
  @WithoutToken('ask')
  async clear(@Res() reply: FastifyReply): Promise<void> {
    await this.store.clear();
    await backToInbox(reply);
  }

  @Get(':id')
  @WithoutToken('ask')
  async one(@Param('id') id: string, @Query() { to, cursor, view: asked }: PageQuery, @Res() reply: FastifyReply): Promise<void> {
    const query = readListQuery({ to, cursor });
    const [list, message] = await Promise.all([this.store.list(query), this.store.one(id)]);
    const view = message && viewOf(asked, message);
    const source = view === 'source' ? await this.store.source(id) : null;
    const shown = message && view ? { message, chosen: true, view, source } : ('gone' as const);
    await page(reply, message ? 200 : 404, inboxPage({ list, place: { to: query.to, cursor: query.cursor }, shown, ...this.surroundings() }));
  }

  @Get(':id/html')
  @WithoutToken('ask')
  async html(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const message = found(await this.store.one(id));
    await reply.headers(FRAME_HEADERS).type('text/html; charset=utf-8').send(framed(message.html));
  }

  @Get(':id/text')
  @WithoutToken('ask')
  async text(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const message = found(await this.store.one(id));
    await reply.headers(FRAME_HEADERS).type('text/plain; charset=utf-8').send(message.text);
  }

  /** A message/rfc822, given as text so that browsers show it and run nothing in it. */
  @Get(':id/source')
  @WithoutToken('ask')
  async source(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const source = found(await this.store.source(id));
    await reply.headers(FRAME_HEADERS).type('text/plain; charset=utf-8').send(source);
  }

  private surroundings() {
    const { http, mail } = this.settings;
    return { appUrl: http.appUrl, keepsAll: mail.transports.every(({ kind }) => kind === 'capture'), now: this.clock.now() };
  }
}

function found<T>(message: T | null): T {
  if (message === null) throw new Problem('not_found', { detail: 'There is no such message (any more).' });
  return message;
}

async function page(reply: FastifyReply, status: number, markup: string): Promise<void> {
  await reply.status(status).headers(PAGE_HEADERS).type('text/html; charset=utf-8').send(markup);
}

async function backToInbox(reply: FastifyReply): Promise<void> {
  await reply.headers(PAGE_HEADERS).redirect('/inbox', 303);
}
