import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ApiKey, ApiKeyGuard, Scopes } from '../../access/api-key.guard.js';
import type { ApiKeyRecord } from '../../access/api-keys.js';
import { Clock } from '../../core/clock.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { Transactions } from '../../database/unit-of-work.js';
import { EmailRecords } from '../email-records.js';
import { type Draft, Mail } from '../mail.js';
import { type TransitionResult, Transitions } from '../transitions.js';
import { EmailIdPipe } from './email-id.pipe.js';
import { DEFAULT_MAX_ATTEMPTS, ResolveRequest, SEND_BODY_LIMIT, SendRequest } from './requests.js';
import { scheduleFaults } from './schedule-policy.js';
import { EmailStatusView, EmailView } from './views.js';

/** Of mails whose content is given whole; there is nothing to translate. */
const RAW_LOCALE = 'en';

/** Mail for back ends: accept it, tell what became of it, and let people decide where the machine cannot. */
@ApiTags('emails')
@ApiBearerAuth()
@UseGuards(ApiKeyGuard)
@Controller('v1/emails')
export class EmailsController {
  constructor(
    @Inject(Mail) private readonly mail: Mail,
    @Inject(Transitions) private readonly transitions: Transitions,
    @Inject(EmailRecords) private readonly records: EmailRecords,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(202)
  @Scopes('emails:send')
  @RouteConfig({ bodyLimit: SEND_BODY_LIMIT })
  @ApiOperation({ summary: 'Send a message', description: 'Scope emails:send. 202: it is committed and will be handed over.' })
  @ApiResponse({ status: 202, type: EmailStatusView })
  async send(@Body() body: SendRequest, @ApiKey() key: ApiKeyRecord, @Req() request: FastifyRequest): Promise<EmailStatusView> {
    const draft: Draft = { ...draftOf(body, this.clock.now()), apiKeyId: key.id, requestId: request.id };
    return this.transactions.run((unit) => this.mail.accept(draft, unit));
  }

  @Get(':id')
  @Scopes('emails:read')
  @ApiOperation({ summary: 'What became of a message', description: 'Scope emails:read. Everything but its content.' })
  @ApiResponse({ status: 200, type: EmailView })
  async read(@Param('id', EmailIdPipe) id: string): Promise<EmailView> {
    const record = await this.records.find(id);
    if (!record) throw new Problem('email_not_found');
    return EmailView.of(record);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Scopes('emails:send')
  @ApiOperation({ summary: 'Do not send it', description: 'Scope emails:send. Of a scheduled, queued or deferred message.' })
  @ApiResponse({ status: 200, type: EmailStatusView })
  async cancel(@Param('id', EmailIdPipe) id: string): Promise<EmailStatusView> {
    return changed(id, await this.transitions.cancel(id));
  }

  @Post(':id/retry')
  @HttpCode(200)
  @Scopes('emails:send')
  @ApiOperation({ summary: 'Try again now', description: 'Scope emails:send. Of a failed or deferred message.' })
  @ApiResponse({ status: 200, type: EmailStatusView })
  async retry(@Param('id', EmailIdPipe) id: string): Promise<EmailStatusView> {
    return changed(id, await this.transitions.retry(id));
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Scopes('emails:send')
  @ApiOperation({ summary: 'Tell what is known of an unknown outcome', description: 'Scope emails:send. Of a message in `unknown`.' })
  @ApiResponse({ status: 200, type: EmailStatusView })
  async resolve(@Param('id', EmailIdPipe) id: string, @Body() { as }: ResolveRequest): Promise<EmailStatusView> {
    return changed(id, await this.transitions.resolve(id, as));
  }
}

function draftOf(body: SendRequest, now: Date): Draft {
  const scheduledAt = momentOf(body.scheduledAt);
  const expiresAt = momentOf(body.expiresAt);
  const errors = scheduleFaults({ scheduledAt, expiresAt }, now);
  if (errors.length > 0) throw new Problem('validation_failed', { errors });
  const { subject, text, html } = body;
  return {
    lane: body.lane ?? 'default',
    to: parseEmailAddress(body.to)!.stored, // validated
    ...(body.replyTo ? { replyTo: parseEmailAddress(body.replyTo)!.stored } : {}),
    content: { kind: 'raw', subject, ...(text ? { text } : {}), ...(html ? { html } : {}) },
    locale: RAW_LOCALE,
    maxAttempts: body.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    ...(scheduledAt && scheduledAt > now ? { scheduledAt } : {}),
    ...(expiresAt ? { expiresAt } : {}),
  };
}

/** Null counts as left out. */
function momentOf(text: string | null | undefined): Date | undefined {
  return text ? new Date(text) : undefined;
}

function changed(id: string, result: TransitionResult): EmailStatusView {
  switch (result.kind) {
    case 'done':
      return { id, status: result.status };
    case 'not_found':
      throw new Problem('email_not_found');
    case 'content_erased':
      throw new Problem('content_erased');
    case 'invalid_state':
      throw new Problem('invalid_state', { detail: `The message is ${result.status}.`, extensions: { state: result.status } });
  }
}
