import { applyDecorators, Controller, Delete, Get, Header, HttpCode, Inject, Param, Query, UseGuards } from '@nestjs/common';
import {
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
import { Problem } from '../../core/problems.js';
import { InboxGuard } from './inbox.guard.js';
import { FILE_HEADERS } from './inbox.headers.js';
import { Message, MessageList } from './inbox.messages.js';
import { DEFAULT_LIMIT, MAX_LIMIT, readListQuery } from './inbox.query.js';
import { InboxStore } from './inbox.store.js';

const FileHeaders = () => applyDecorators(...Object.entries(FILE_HEADERS).map(([name, value]) => Header(name, value)));

/** The inbox as programs read it: tests that wait for a code, and the page's own script. */
@Controller('inbox/messages')
@ApiTags('inbox')
@ApiUnauthorizedResponse({ description: 'unauthorized: INBOX_TOKEN is set, and "Authorization: Bearer <INBOX_TOKEN>" is missing or wrong.' })
@ApiNotFoundResponse({ description: 'not_found: no mail is captured here, or there is no such message.' })
@UseGuards(InboxGuard)
export class InboxMessagesController {
  constructor(@Inject(InboxStore) private readonly store: InboxStore) {}

  @Get()
  @FileHeaders()
  @ApiOperation({ summary: 'Captured mail, newest first' })
  @ApiQuery({ name: 'to', required: false, description: 'Only mail to exactly this address.' })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT } })
  @ApiQuery({ name: 'cursor', required: false, description: 'nextCursor of the page before.' })
  @ApiOkResponse({ type: MessageList })
  @ApiUnprocessableEntityResponse({ description: 'validation_failed' })
  list(@Query('to') to?: unknown, @Query('limit') limit?: unknown, @Query('cursor') cursor?: unknown): Promise<MessageList> {
    return this.store.list(readListQuery({ to, limit, cursor }));
  }

  @Get(':id')
  @FileHeaders()
  @ApiOperation({ summary: 'One captured message with its text and HTML' })
  @ApiParam({ name: 'id', format: 'uuid' })
  @ApiOkResponse({ type: Message })
  async one(@Param('id') id: string): Promise<Message> {
    const message = await this.store.one(id);
    if (!message) throw new Problem('not_found', { detail: 'There is no such message (any more).' });
    return message;
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
