import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AccessGuard, Allow, AllowBeforeBody, By, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { Audit, type Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import { Limits } from '../../limits/limits.js';
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
@UseGuards(AccessGuard)
@Controller('v1/emails')
export class EmailsController {
  constructor(
    @Inject(Mail) private readonly mail: Mail,
    @Inject(Transitions) private readonly transitions: Transitions,
    @Inject(EmailRecords) private readonly records: EmailRecords,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(Audit) private readonly audit: Audit,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(202)
  @AllowBeforeBody({ scope: 'emails:send' }, { bodyLimit: SEND_BODY_LIMIT })
  @ApiOperation({ summary: 'Send a message', description: 'Scope emails:send, or an admin. 202: it is committed and will be handed over.' })
  @ApiResponse({ status: 202, type: EmailStatusView })
  async send(@Body() body: SendRequest, @Caller() caller: CallerIdentity, @Req() request: FastifyRequest): Promise<EmailStatusView> {
    await this.limits.takeKey(caller.kind === 'api_key' ? caller.key.id : caller.member.accountId);
    const sender = caller.kind === 'api_key' ? { apiKeyId: caller.key.id } : {};
    const draft: Draft = { ...draftOf(body, this.clock.now()), ...sender, requestId: request.id };
    return this.transactions.run((unit) => this.mail.accept(draft, unit));
  }

  @Get(':id')
  @Allow({ scope: 'emails:read', role: 'operator' })
  @ApiOperation({ summary: 'What became of a message', description: 'Scope emails:read, or an operator. Everything but its content.' })
  @ApiResponse({ status: 200, type: EmailView })
  async read(@Param('id', EmailIdPipe) id: string): Promise<EmailView> {
    const record = await this.records.find(id);
    if (!record) throw new Problem('email_not_found');
    return EmailView.of(record);
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Allow({ scope: 'emails:send', role: 'operator' })
  @ApiOperation({ summary: 'Do not send it', description: 'Scope emails:send, or an operator. Of a scheduled, queued or deferred message.' })
  @ApiResponse({ status: 200, type: EmailStatusView })
  async cancel(@Param('id', EmailIdPipe) id: string, @By() by: Doer): Promise<EmailStatusView> {
    return this.changeByHand('email.cancelled', id, by, (unit) => this.transitions.cancel(id, unit));
  }

  @Post(':id/retry')
  @HttpCode(200)
  @Allow({ scope: 'emails:send', role: 'operator' })
  @ApiOperation({ summary: 'Try again now', description: 'Scope emails:send, or an operator. Of a failed or deferred message.' })
  @ApiResponse({ status: 200, type: EmailStatusView })
  async retry(@Param('id', EmailIdPipe) id: string, @By() by: Doer): Promise<EmailStatusView> {
    return this.changeByHand('email.retried', id, by, (unit) => this.transitions.retry(id, unit));
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Allow({ scope: 'emails:send' })
  @ApiOperation({ summary: 'Tell what is known of an unknown outcome', description: 'Scope emails:send, or an admin. Of a message in `unknown`.' })
  @ApiResponse({ status: 200, type: EmailStatusView })
  async resolve(@Param('id', EmailIdPipe) id: string, @Body() { as }: ResolveRequest, @By() by: Doer): Promise<EmailStatusView> {
    return this.changeByHand('email.resolved', id, by, (unit) => this.transitions.resolve(id, as, unit), { as });
  }

  /** Nothing that people did to a message stays unrecorded: both are committed, or neither. */
  private async changeByHand(
    action: string,
    id: string,
    by: Doer,
    change: (unit: UnitOfWork) => Promise<TransitionResult>,
    details: { as?: string } = {},
  ): Promise<EmailStatusView> {
    return this.transactions.run(async (unit) => {
      const view = changed(id, await change(unit));
      await this.audit.record({ action, result: 'done', ...by, target: { kind: 'email', id }, details }, unit);
      return view;
    });
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

function momentOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
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
