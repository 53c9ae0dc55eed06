import { Body, Controller, Get, HttpCode, Param, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AccessGuard, Allow, By, Caller, type CallerIdentity, requireRole } from '../../access/access.guard.js';
import type { Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { UUID, uuidPipe } from '../../core/ids.js';
import { boundsOf, cursorAt } from '../../core/page.js';
import { Problems } from '../../core/problem-docs.js';
import { type FieldError, Problem } from '../../core/problems.js';
import { EmailStatus } from '../../generated/prisma/enums.js';
import { changeOf, EmailActions } from '../outbox/actions.js';
import { filterOf, statusesIn } from '../outbox/asked-filter.js';
import type { EmailFilter } from '../outbox/search-statement.js';
import { OutboxSearch } from '../outbox/search.js';
import { EmailFilterFields, EmailListQuery } from './filter-shapes.js';
import { spanFaults, statsSpan } from './list-policy.js';
import { EmailActionRequest, EmailActionView, EmailItemView, EmailList, EmailStats } from './list-shapes.js';
import { ownerFor, ownersFor, READS, READS_IN_WORDS, sees } from './own-view.js';

/** Many messages at once: finding them, counting them, and changing all that match. */
@ApiTags('emails')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/emails')
export class EmailListsController {
  constructor(
    private readonly search: OutboxSearch,
    private readonly actions: EmailActions,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Allow(READS)
  @ApiOperation({
    summary: 'Messages, newest first',
    description: `${READS_IN_WORDS} A page looks at 50,000 messages at most: it may hold fewer than \`limit\`, and none, and still have a nextCursor.`,
  })
  @ApiResponse({ status: 200, type: EmailList })
  async list(@Query() query: EmailListQuery, @Caller() caller: CallerIdentity): Promise<EmailList> {
    const { limit, after } = boundsOf(query, UUID);
    const filter = checked(filterOf(query, await ownersFor(caller)));
    const { items, next } = await this.search.list(filter, { limit, after });
    return { items: items.map((email) => EmailItemView.of(email)), nextCursor: next === null ? null : cursorAt(next) };
  }

  @Get('stats')
  @Allow(READS)
  @ApiOperation({
    summary: 'How many messages are in each state',
    description: `${READS_IN_WORDS} Of messages accepted within 30 days at most: the last 30 days unless it is said.`,
  })
  @ApiResponse({ status: 200, type: EmailStats })
  async stats(@Query() query: EmailFilterFields, @Caller() caller: CallerIdentity): Promise<EmailStats> {
    const filter = filterOf(query, await ownersFor(caller));
    const span = statsSpan({ since: filter.since, until: filter.until }, this.clock.now());
    if ('errors' in span) throw new Problem('validation_failed', span);
    // Nothing is from later than now: without an end that was asked for there is none, for the clocks differ by
    // moments.
    const found = await this.search.stats({ ...filter, since: span.since });
    const counts = Object.fromEntries(Object.values(EmailStatus).map((status) => [status, found.get(status) ?? 0]));
    return {
      since: span.since.toISOString(),
      until: span.until.toISOString(),
      total: [...found.values()].reduce((sum, count) => sum + count, 0),
      counts: counts as EmailStats['counts'],
    };
  }

  @Post('actions')
  @HttpCode(202)
  @Allow({ scope: 'emails:send', role: 'operator' })
  @ApiOperation({
    summary: 'Retry, cancel or resolve all messages that match',
    description:
      'Scope emails:send, or an operator; to resolve, an admin. 202: it is under way, in batches. A key that sees what it sent itself changes nothing else. A retry passes over what has expired, and what would end as suppressed. `Idempotency-Key` is refused: the same action once more finds what is still in that state, and `expected` bounds it.',
  })
  @ApiResponse({ status: 202, type: EmailActionView })
  @Problems('count_differs')
  async act(
    @Body() body: EmailActionRequest,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
  ): Promise<EmailActionView> {
    if (body.action === 'resolve') requireRole(caller, 'admin');
    const errors = actionFaults(body);
    if (errors.length > 0) throw new Problem('validation_failed', { errors });
    const { action, as, filter, reason, expected } = body;
    checked(filterOf(filter), 'filter.');
    const request = { action, as, filter: { ...filter }, reason, expected, owner: ownerFor(caller)?.key.id };
    const acceptance = await this.actions.accept(request, by);
    if (acceptance.kind === 'accepted') return EmailActionView.of(acceptance.record);
    const { found } = acceptance;
    throw new Problem('count_differs', {
      detail: `The filter finds ${found} messages for this action, and ${expected} were expected.`,
      extensions: { found, expected },
    });
  }

  @Get('actions/:id')
  @Allow(READS)
  @ApiOperation({
    summary: 'How far an action is',
    description: 'Scope emails:read, emails:read:own for what the key began itself, or a viewer.',
  })
  @ApiResponse({ status: 200, type: EmailActionView })
  @Problems('email_action_not_found')
  async action(
    @Param('id', uuidPipe('email_action_not_found')) id: string,
    @Caller() caller: CallerIdentity,
  ): Promise<EmailActionView> {
    const record = await this.actions.find(id);
    if (!record || !(await sees(caller, { apiKeyId: record.actor.id ?? null })))
      throw new Problem('email_action_not_found');
    return EmailActionView.of(record);
  }
}

/** @throws Problem `validation_failed` */
function checked(filter: EmailFilter, place = ''): EmailFilter {
  const errors = spanFaults({ since: filter.since, until: filter.until });
  if (errors.length === 0) return filter;
  throw new Problem('validation_failed', { errors: errors.map((error) => ({ ...error, field: place + error.field })) });
}

function actionFaults({ action, as, filter }: EmailActionRequest): FieldError[] {
  if (action === 'resolve' && as === undefined)
    return [{ field: 'as', code: 'needed', message: 'must say what is known of them, to resolve' }];
  if (action !== 'resolve' && as !== undefined)
    return [{ field: 'as', code: 'not_for_this', message: 'is for resolve alone' }];
  const { status } = filter;
  const { from } = changeOf(action, as);
  if (status === undefined || statusesIn(status).every((one) => from.includes(one))) return [];
  return [
    {
      field: 'filter.status',
      code: 'invalid_state',
      message: `must be ${from.join(' or ')}, from which ${action} is possible`,
    },
  ];
}
