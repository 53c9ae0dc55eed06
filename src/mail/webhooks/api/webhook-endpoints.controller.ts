import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AccessGuard, Allow, By } from '../../../access/access.guard.js';
import { Audit, type Doer } from '../../../audit/audit.js';
import { Problem } from '../../../core/problems.js';
import { Transactions, type UnitOfWork } from '../../../database/unit-of-work.js';
import { cursorOf, positionOf } from '../../inbox/inbox.query.js';
import { TargetGuard } from '../target-guard.js';
import { type EndpointRecord, WebhookEndpoints } from '../webhook-endpoints.js';
import { WebhookRecords } from '../webhook-records.js';
import { ChangeEndpointRequest, CreateEndpointRequest, DeliveriesQuery, limitOf, PageQuery } from './requests.js';
import { readTargetUrl } from './target-url.js';
import {
  CreatedEndpointView, QueuedDeliveryView, RotatedSecretView, WebhookDeliveryList, WebhookDeliveryView, WebhookEndpointList, WebhookEndpointView,
} from './views.js';
import { EndpointIdPipe } from './webhook-id.pipe.js';

const SCOPE = 'Scope admin.';

/** Where back ends say that they want to be told what becomes of messages. */
@ApiTags('webhooks')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/webhook-endpoints')
export class WebhookEndpointsController {
  constructor(
    @Inject(WebhookEndpoints) private readonly endpoints: WebhookEndpoints,
    @Inject(WebhookRecords) private readonly records: WebhookRecords,
    @Inject(TargetGuard) private readonly guard: TargetGuard,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  @Post()
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'Be told what becomes of messages', description: `${SCOPE} Signed as Standard Webhooks say; the secret is in this answer and never again.` })
  @ApiResponse({ status: 201, type: CreatedEndpointView })
  async create(@Body() body: CreateEndpointRequest, @By() by: Doer): Promise<CreatedEndpointView> {
    const url = await readTargetUrl(body.url, this.guard);
    const draft = { url, events: body.events ?? [], description: body.description ?? null };
    return this.transactions.run(async (unit) => {
      const { secret, record } = await this.endpoints.create(draft, unit);
      await this.note('webhook_endpoint.created', record.id, by, unit);
      return { ...WebhookEndpointView.of(record), secret };
    });
  }

  @Get()
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'All endpoints', description: SCOPE })
  @ApiResponse({ status: 200, type: WebhookEndpointList })
  async list(@Query() query: PageQuery): Promise<WebhookEndpointList> {
    const limit = limitOf(query);
    const after = query.cursor === undefined ? undefined : readCursor(query.cursor).id;
    const rows = await this.endpoints.list(limit + 1, after);
    return { items: rows.slice(0, limit).map((row) => WebhookEndpointView.of(row)), nextCursor: nextCursor(rows, limit) };
  }

  @Get(':id')
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'One endpoint, and how it is doing', description: SCOPE })
  @ApiResponse({ status: 200, type: WebhookEndpointView })
  async read(@Param('id', EndpointIdPipe) id: string): Promise<WebhookEndpointView> {
    return WebhookEndpointView.of(known(await this.endpoints.find(id)));
  }

  @Patch(':id')
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'Change, disable or enable it', description: `${SCOPE} Another url, or enabling it, forgets former failures.` })
  @ApiResponse({ status: 200, type: WebhookEndpointView })
  async change(@Param('id', EndpointIdPipe) id: string, @Body() body: ChangeEndpointRequest, @By() by: Doer): Promise<WebhookEndpointView> {
    const { url, ...rest } = body;
    const target = url === undefined ? {} : { url: await readTargetUrl(url, this.guard) };
    const changed = known(await this.endpoints.change(id, { ...rest, ...target }));
    await this.note('webhook_endpoint.changed', id, by);
    return WebhookEndpointView.of(changed);
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'Remove it, with its deliveries and their log', description: SCOPE })
  @ApiResponse({ status: 204 })
  async remove(@Param('id', EndpointIdPipe) id: string, @By() by: Doer): Promise<void> {
    if (!(await this.endpoints.remove(id))) throw new Problem('webhook_endpoint_not_found');
    await this.note('webhook_endpoint.removed', id, by);
  }

  @Post(':id/rotate-secret')
  @HttpCode(200)
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'A new secret', description: `${SCOPE} The former one signs too for 24 hours: two signatures stand in webhook-signature.` })
  @ApiResponse({ status: 200, type: RotatedSecretView })
  async rotate(@Param('id', EndpointIdPipe) id: string, @By() by: Doer): Promise<RotatedSecretView> {
    return this.transactions.run(async (unit) => {
      const { secret, previousSecretUntil } = known(await this.endpoints.rotateSecret(id, unit));
      await this.note('webhook_endpoint.secret_rotated', id, by, unit);
      return { secret, previousSecretUntil: previousSecretUntil.toISOString() };
    });
  }

  @Post(':id/test')
  @HttpCode(202)
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'Send a webhook.test', description: `${SCOPE} It goes out within a second or two; look at what became of it under its id.` })
  @ApiResponse({ status: 202, type: QueuedDeliveryView })
  async test(@Param('id', EndpointIdPipe) id: string): Promise<QueuedDeliveryView> {
    const queued = await this.endpoints.sendTest(id);
    if (queued !== undefined) return { id: queued, status: 'queued' };
    known(await this.endpoints.find(id));
    throw new Problem('webhook_endpoint_disabled');
  }

  @Get(':id/deliveries')
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'What was sent to it, newest first', description: SCOPE })
  @ApiResponse({ status: 200, type: WebhookDeliveryList })
  async deliveries(@Param('id', EndpointIdPipe) id: string, @Query() query: DeliveriesQuery): Promise<WebhookDeliveryList> {
    const limit = limitOf(query);
    const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
    known(await this.endpoints.find(id));
    const rows = await this.records.list(id, { status: query.status, after, limit: limit + 1 });
    return { items: rows.slice(0, limit).map((row) => WebhookDeliveryView.of(row)), nextCursor: nextCursor(rows, limit) };
  }

  private async note(action: string, id: string, by: Doer, unit?: UnitOfWork): Promise<void> {
    await this.audit.record({ action, result: 'done', ...by, target: { kind: 'webhook_endpoint', id } }, unit);
  }
}

function known<T>(found: T | undefined): T {
  if (found === undefined) throw new Problem('webhook_endpoint_not_found');
  return found;
}

function readCursor(cursor: string): { createdAt: Date; id: string } {
  const position = positionOf(cursor);
  if (position) return position;
  throw new Problem('validation_failed', { errors: [{ field: 'cursor', code: 'cursor', message: 'must be a nextCursor of this list' }] });
}

/** Of a page for which one row more was read than it shows. */
function nextCursor(rows: readonly Pick<EndpointRecord, 'id' | 'createdAt'>[], limit: number): string | null {
  const last = rows[limit - 1];
  return rows.length > limit && last ? cursorOf(last) : null;
}
