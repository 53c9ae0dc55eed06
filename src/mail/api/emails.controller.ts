import { Body, Controller, Get, HttpCode, Module, Param, Patch, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AccessGuard, Allow, By, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import { Audit, type Doer } from '../../audit/audit.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { uuidPipe } from '../../core/ids.js';
import { Clock } from '../../core/clock.js';
import { Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { MailModule } from '../mail.module.js';
import { EmailActions } from '../outbox/actions.js';
import { type TransitionResult, Transitions } from '../outbox/changes.js';
import { OutboxRecords } from '../outbox/records.js';
import { rescheduleFaults } from '../submission/schedule-policy.js';
import { SubmissionModule } from '../submission/submission.module.js';
import { ContentController } from './content.controller.js';
import { EmailListsController } from './email-lists.controller.js';
import { ownerFor, READS, READS_IN_WORDS, sees } from './own-view.js';
import { RescheduleRequest } from './list-shapes.js';
import { EmailStatusView, EmailView, ResolveRequest } from './shapes.js';
import { SubmissionController } from './submission.controller.js';
import { TemplatesController } from './templates.controller.js';

const EmailIdPipe = uuidPipe('email_not_found');

/** Mail for back ends: accept it, tell what became of it, and let people decide where the machine cannot. */
@ApiTags('emails')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/emails')
class EmailsController {
  constructor(
    private readonly transitions: Transitions,
    private readonly records: OutboxRecords,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  @Get(':id')
  @Allow(READS)
  @ApiOperation({
    summary: 'What became of a message',
    description: `${READS_IN_WORDS} Everything but its content.`,
  })
  @ApiResponse({ status: 200, type: EmailView })
  @Problems('email_not_found')
  async read(@Param('id', EmailIdPipe) id: string, @Caller() caller: CallerIdentity): Promise<EmailView> {
    const record = await this.records.find(id);
    if (!record || !sees(caller, record)) throw new Problem('email_not_found');
    return EmailView.of(record);
  }

  @Patch(':id')
  @Allow({ scope: 'emails:send', role: 'operator' })
  @ApiOperation({
    summary: 'Send it at another time',
    description: 'Scope emails:send, or an operator. Of a scheduled, queued or deferred message.',
  })
  @ApiResponse({ status: 200, type: EmailStatusView })
  @Problems('email_not_found', 'invalid_state', 'content_erased')
  async reschedule(
    @Param('id', EmailIdPipe) id: string,
    @Body() body: RescheduleRequest,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
  ): Promise<EmailStatusView> {
    const scheduledAt = new Date(body.scheduledAt);
    const now = this.clock.now();
    const record = await this.records.find(id);
    if (!record || !sees(caller, record)) throw new Problem('email_not_found');
    const errors = rescheduleFaults({ scheduledAt, expiresAt: record.expiresAt ?? undefined }, now);
    if (errors.length > 0) throw new Problem('validation_failed', { errors });
    const change = (unit: UnitOfWork) => this.transitions.reschedule(id, scheduledAt, now, unit);
    return this.changeByHand('email.rescheduled', id, by, change, { scheduledAt: scheduledAt.toISOString() });
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Allow({ scope: 'emails:send', role: 'operator' })
  @ApiOperation({
    summary: 'Do not send it',
    description: 'Scope emails:send, or an operator. Of a scheduled, queued or deferred message.',
  })
  @ApiResponse({ status: 200, type: EmailStatusView })
  @Problems('email_not_found', 'invalid_state')
  async cancel(
    @Param('id', EmailIdPipe) id: string,
    @By() by: Doer,
    @Caller() caller: CallerIdentity,
  ): Promise<EmailStatusView> {
    await this.requireSeen(id, caller);
    return this.changeByHand('email.cancelled', id, by, (unit) => this.transitions.cancel(id, unit));
  }

  @Post(':id/retry')
  @HttpCode(200)
  @Allow({ scope: 'emails:send', role: 'operator' })
  @ApiOperation({
    summary: 'Try again now',
    description: 'Scope emails:send, or an operator. Of a failed or deferred message.',
  })
  @ApiResponse({ status: 200, type: EmailStatusView })
  @Problems('email_not_found', 'invalid_state', 'content_erased')
  async retry(
    @Param('id', EmailIdPipe) id: string,
    @By() by: Doer,
    @Caller() caller: CallerIdentity,
  ): Promise<EmailStatusView> {
    await this.requireSeen(id, caller);
    return this.changeByHand('email.retried', id, by, (unit) => this.transitions.retry(id, unit));
  }

  @Post(':id/resolve')
  @HttpCode(200)
  @Allow({ scope: 'emails:send' })
  @ApiOperation({
    summary: 'Tell what is known of an unknown outcome',
    description: 'Scope emails:send, or an admin. Of a message in `unknown`.',
  })
  @ApiResponse({ status: 200, type: EmailStatusView })
  @Problems('email_not_found', 'invalid_state', 'content_erased')
  async resolve(
    @Param('id', EmailIdPipe) id: string,
    @Body() { as }: ResolveRequest,
    @By() by: Doer,
    @Caller() caller: CallerIdentity,
  ): Promise<EmailStatusView> {
    await this.requireSeen(id, caller);
    return this.changeByHand('email.resolved', id, by, (unit) => this.transitions.resolve(id, as, unit), { as });
  }

  /** Of keys that see their own messages alone. */
  private async requireSeen(id: string, caller: CallerIdentity): Promise<void> {
    if (ownerFor(caller) === undefined) return;
    const record = await this.records.find(id);
    if (!record || !sees(caller, record)) throw new Problem('email_not_found');
  }

  /** Nothing that people did to a message stays unrecorded: both are committed, or neither. */
  private async changeByHand(
    action: string,
    id: string,
    by: Doer,
    change: (unit: UnitOfWork) => Promise<TransitionResult>,
    details: { as?: string; scheduledAt?: string } = {},
  ): Promise<EmailStatusView> {
    return this.transactions.run(async (unit) => {
      const view = answerOf(id, await change(unit));
      await this.audit.record({ action, result: 'done', ...by, target: { kind: 'email', id }, details }, unit);
      return view;
    });
  }
}

/** What the caller is told of a change. @throws Problem where nothing was changed */
function answerOf(id: string, result: TransitionResult): EmailStatusView {
  switch (result.kind) {
    case 'done':
      return { id, status: result.status };
    case 'not_found':
      throw new Problem('email_not_found');
    case 'content_erased':
      throw new Problem('content_erased');
    case 'invalid_state':
      throw new Problem('invalid_state', {
        detail: `The message is ${result.status}.`,
        extensions: { state: result.status },
      });
  }
}

/** Mail for back ends. */
@Module({
  imports: [AccessModule, MailModule, SubmissionModule],
  // Those with names of their own come first: `stats` is no id.
  controllers: [SubmissionController, ContentController, EmailListsController, EmailsController, TemplatesController],
  providers: [EmailActions],
})
export class EmailsModule {}
