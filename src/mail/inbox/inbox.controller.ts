import {
  applyDecorators,
  type ArgumentsHost,
  Body,
  Catch,
  Controller,
  Delete,
  type ExceptionFilter,
  Get,
  Header,
  HttpCode,
  Module,
  Param,
  Post,
  Query,
  Res,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import {
  ApiExcludeController,
  ApiForbiddenResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiQuery,
  ApiTags,
  ApiUnauthorizedResponse,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { sameSecret } from '../../core/credentials.js';
import { PrismaService } from '../../database/prisma.service.js';
import { sendFramed } from '../../http/pages/mail-frame.js';
import {
  capturesMail,
  FILE_HEADERS,
  InboxGuard,
  InboxLocked,
  InboxSession,
  PAGE_HEADERS,
  WithoutToken,
} from './inbox-access.js';
import { orderedFaults } from '../routing/capture-faults.js';
import { InboxActionsController } from './inbox-actions.controller.js';
import { InboxRelease } from './inbox-release.js';
import { enterPage, type InboxPage, inboxPage } from './inbox.page.js';
import { framed, type Shown, viewOf } from './message-pane.js';
import { partsOf } from './message-parts.js';
import { INBOX_SCRIPT } from './inbox.script.js';
import {
  type Captured,
  DEFAULT_LIMIT,
  InboxStore,
  MAX_LIMIT,
  Message,
  MessageList,
  noMail,
  readListQuery,
} from './inbox.store.js';
import { INBOX_STYLE } from './inbox.style.js';

/** Where a page is locked, asks for the token. */
@Catch(InboxLocked)
class InboxLockedFilter implements ExceptionFilter<InboxLocked> {
  async catch(_error: InboxLocked, host: ArgumentsHost): Promise<void> {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    await reply
      .status(401)
      .headers(PAGE_HEADERS)
      .type('text/html; charset=utf-8')
      .send(enterPage({ refused: false }));
  }
}

const FileHeaders = () => applyDecorators(...Object.entries(FILE_HEADERS).map(([name, value]) => Header(name, value)));

/** The inbox as programs read it: tests that wait for a code, and the page's own script. */
@Controller('inbox/messages')
@ApiTags('inbox')
@ApiUnauthorizedResponse({
  description: 'unauthorized: INBOX_TOKEN is set, and "Authorization: Bearer <INBOX_TOKEN>" is missing or wrong.',
})
@ApiNotFoundResponse({ description: 'not_found: no mail is captured here, or there is no such message.' })
@UseGuards(InboxGuard)
class InboxMessagesController {
  constructor(private readonly store: InboxStore) {}

  @Get()
  @FileHeaders()
  @ApiOperation({ summary: 'Captured mail, newest first' })
  @ApiQuery({ name: 'to', required: false, description: 'Only mail to exactly this address.' })
  @ApiQuery({
    name: 'limit',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
  })
  @ApiQuery({ name: 'cursor', required: false, description: 'nextCursor of the page before.' })
  @ApiOkResponse({ type: MessageList })
  @ApiUnprocessableEntityResponse({ description: 'validation_failed' })
  list(
    @Query('to') to?: unknown,
    @Query('limit') limit?: unknown,
    @Query('cursor') cursor?: unknown,
  ): Promise<MessageList> {
    return this.store.list(readListQuery({ to, limit, cursor }));
  }

  @Get(':id')
  @FileHeaders()
  @ApiOperation({ summary: 'One captured message with its text and HTML' })
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOkResponse({ type: Message })
  async one(@Param('id') id: string): Promise<Message> {
    return (await this.store.get(id)).message;
  }

  @Delete()
  @HttpCode(204)
  @FileHeaders()
  @ApiOperation({ summary: 'Clear the inbox' })
  @ApiNoContentResponse()
  @ApiForbiddenResponse({ description: "forbidden: the request came from another site's page." })
  async clear(): Promise<void> {
    await this.store.clear();
  }
}

interface InboxQuery {
  to?: unknown;
  q?: unknown;
  width?: unknown;
  released?: unknown;
  cursor?: unknown;
  view?: unknown;
}

/** The inbox as people see it. */
@Controller('inbox')
@ApiExcludeController()
@UseGuards(InboxGuard)
@UseFilters(InboxLockedFilter)
class InboxController {
  constructor(
    private readonly store: InboxStore,
    private readonly session: InboxSession,
    private readonly clock: Clock,
    private readonly settings: Settings,
    private readonly prisma: PrismaService,
    private readonly releasing: InboxRelease,
  ) {}

  @Get()
  @WithoutToken('ask')
  async newest(@Query() asked: InboxQuery, @Res() reply: FastifyReply): Promise<void> {
    const query = readListQuery(asked);
    const list = await this.store.list(query);
    const first = list.items[0];
    const found = first && (await this.store.find(first.id));
    const shown = found && { ...(await this.shown(found, asked)), chosen: false };
    await this.give(reply, { query, list, shown });
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
      if (typeof given !== 'string' || !sameSecret(given.trim(), token))
        return page(reply, 401, enterPage({ refused: true }));
      const { name, value, options } = this.session.begin(token);
      void reply.setCookie(name, value, options);
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
  async one(@Param('id') id: string, @Query() asked: InboxQuery, @Res() reply: FastifyReply): Promise<void> {
    const query = readListQuery(asked);
    const [list, found] = await Promise.all([this.store.list(query), this.store.find(id)]);
    if (found?.channel === 'sms' && asked.view === 'headers') throw noMail(found, 'A text has no headers.');
    const shown = found ? { ...(await this.shown(found, asked)), chosen: true } : 'gone';
    await this.give(reply, { query, list, shown });
  }

  @Get(':id/html')
  @WithoutToken('ask')
  async html(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const { message } = await this.store.get(id);
    await sendFramed(reply, 'text/html; charset=utf-8', framed(message.html));
  }

  @Get(':id/text')
  @WithoutToken('ask')
  async text(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const { message } = await this.store.get(id);
    await sendFramed(reply, 'text/plain; charset=utf-8', message.text);
  }

  /** A message/rfc822, given as text so that browsers show it and run nothing in it. */
  @Get(':id/source')
  @WithoutToken('ask')
  async source(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    const { source } = await this.store.get(id);
    await sendFramed(reply, 'text/plain; charset=utf-8', source);
  }

  private async shown(captured: Captured, asked: InboxQuery): Promise<Shown> {
    const view = viewOf(asked.view, captured);
    return {
      ...{ ...captured, view },
      parts: await partsOf(captured),
      receipt: view === 'receipt' ? await this.store.receipt(captured) : [],
      phone: asked.width === 'phone',
      ways: this.releasing.ways,
      released: asked.released,
    };
  }

  private async give(
    reply: FastifyReply,
    { query: { to, q, cursor }, list, shown }: Pick<InboxPage, 'list' | 'shown'> & { query: InboxPage['part'] },
  ): Promise<void> {
    const faults = capturesMail(this.settings) ? await orderedFaults(this.prisma) : undefined;
    const markup = inboxPage({ list, part: { to, q, cursor }, shown, faults, ...this.deployment() });
    await page(reply, shown === 'gone' ? 404 : 200, markup);
  }

  private deployment() {
    const { http, mail } = this.settings;
    return {
      appUrl: http.appUrl,
      keepsAll: mail.transports.every(({ kind }) => kind === 'capture'),
      now: this.clock.now(),
    };
  }
}

async function page(reply: FastifyReply, status: number, markup: string): Promise<void> {
  await reply.status(status).headers(PAGE_HEADERS).type('text/html; charset=utf-8').send(markup);
}

async function backToInbox(reply: FastifyReply): Promise<void> {
  await reply.headers(PAGE_HEADERS).redirect('/inbox', 303);
}

/** The built-in inbox: what the `capture:` transport took, for people and for tests. */
@Module({
  controllers: [InboxMessagesController, InboxActionsController, InboxController],
  providers: [InboxRelease, InboxStore, InboxGuard, InboxSession],
})
export class InboxModule {}
