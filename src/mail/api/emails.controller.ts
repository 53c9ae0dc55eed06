import { Body, Controller, Get, HttpCode, Module, Param, Patch, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AccessGuard, Allow, By, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import type { Doer } from '../../audit/audit.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { uuidPipe } from '../../core/ids.js';
import { MailModule } from '../mail.module.js';
import { EmailActions } from '../outbox/actions.js';
import { OutboxRecords } from '../outbox/records.js';
import { SubmissionModule } from '../submission/submission.module.js';
import { ChangesByHand } from './changes-by-hand.js';
import { ContentController } from './content.controller.js';
import { EmailListsController } from './email-lists.controller.js';
import { READS, READS_IN_WORDS, sees } from './own-view.js';
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
    private readonly records: OutboxRecords,
    private readonly changes: ChangesByHand,
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
    if (!record || !(await sees(caller, record))) throw new Problem('email_not_found');
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
    return this.changes.reschedule(id, new Date(body.scheduledAt), { caller, by });
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
    return this.changes.cancel(id, { caller, by });
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
    return this.changes.retry(id, { caller, by });
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
    return this.changes.resolve(id, as, { caller, by });
  }
}

/** Mail for back ends. */
@Module({
  imports: [AccessModule, MailModule, SubmissionModule],
  // Those with names of their own come first: `stats` is no id.
  controllers: [SubmissionController, ContentController, EmailListsController, EmailsController, TemplatesController],
  providers: [ChangesByHand, EmailActions],
})
export class EmailsModule {}
