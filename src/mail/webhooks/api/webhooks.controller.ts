import { setTimeout as delay } from 'node:timers/promises';
import { Body, Controller, Delete, Get, HttpCode, Module, Param, Patch, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AccessGuard, Allow, By, inWords } from '../../../access/access.guard.js';
import { AccessModule } from '../../../access/access.module.js';
import { Audit, type Doer } from '../../../audit/audit.js';
import { UUID, uuidPipe } from '../../../core/ids.js';
import { boundsOf, pageOf, PageQuery } from '../../../core/page.js';
import { Problems } from '../../../core/problem-docs.js';
import { Problem } from '../../../core/problems.js';
import { Transactions, type UnitOfWork } from '../../../database/prisma.service.js';
import type { WebhookFormat } from '../../../generated/prisma/enums.js';
import { type AddressFault, TargetGuard, TargetRefused } from '../target-guard.js';
import { type EmailEventType, eventsOf, WebhookEndpoints } from '../webhook-endpoints.js';
import { WebhookRecords } from '../webhook-records.js';
import { WebhooksModule } from '../webhooks.module.js';
import {
  ChangeEndpointRequest,
  CreatedEndpointView,
  CreateEndpointRequest,
  DeliveriesQuery,
  QueuedDeliveryView,
  RotatedSecretView,
  WebhookDeliveryDetails,
  WebhookDeliveryList,
  WebhookDeliveryView,
  WebhookEndpointList,
  WebhookEndpointView,
} from './shapes.js';

const EndpointIdPipe = uuidPipe('webhook_endpoint_not_found');
const DeliveryIdPipe = uuidPipe('webhook_delivery_not_found');

/** Milliseconds that a resolver gets; what it cannot say now, the first attempt finds out. */
const RESOLVE_WITHIN_MS = 3_000;

type Fault = 'invalid_url' | 'credentials_in_url' | AddressFault;

const MESSAGES: Record<Fault, string> = {
  invalid_url: 'must be a whole address without a fragment, such as https://shop.example.com/hooks/otpost',
  credentials_in_url: 'must not hold a user or a password; the signature is the proof',
  private_address: 'leads to an address that is not public; an operator may allow it with WEBHOOK_ALLOW_PRIVATE',
  https_required: 'must begin with https://',
};

/**
 * The address as the URL standard writes it, so that odd notations of an address are seen for what they are. A name
 * that does not resolve yet is let through: each attempt looks again, and that look is the one that counts.
 * @throws Problem `validation_failed` naming `url`
 */
async function readTargetUrl(text: string, guard: TargetGuard): Promise<string> {
  const trimmed = text.trim();
  if (!/^https?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) throw refusal('invalid_url');
  const url = new URL(trimmed);
  if (url.hash !== '') throw refusal('invalid_url');
  if (url.username !== '' || url.password !== '') throw refusal('credentials_in_url');
  const fault = await addressFault(url, guard);
  if (fault) throw refusal(fault);
  return url.href;
}

async function addressFault(url: URL, guard: TargetGuard): Promise<AddressFault | undefined> {
  const enough = new AbortController();
  const looked = guard.resolve(url).then(
    () => undefined,
    (error: unknown) => (error instanceof TargetRefused ? error.fault : undefined),
  );
  try {
    return await Promise.race([looked, delay(RESOLVE_WITHIN_MS, undefined, { signal: enough.signal })]);
  } finally {
    enough.abort();
  }
}

function refusal(code: Fault): Problem {
  return new Problem('validation_failed', { errors: [{ field: 'url', code, message: MESSAGES[code] }] });
}

/** @throws Problem `validation_failed` naming `events` */
function readEvents(format: WebhookFormat, asked: readonly EmailEventType[]): string[] {
  const read = eventsOf(format, asked);
  if ('events' in read) return read.events;
  const message = `must be of those that this form has: there is none of ${read.untold.join(', ')}`;
  throw new Problem('validation_failed', { errors: [{ field: 'events', code: 'not_in_this_format', message }] });
}

const SCOPE = inWords({ scope: 'webhooks' });
const SEES = { scope: 'webhooks', role: 'viewer' } as const;
const SEES_IN_WORDS = inWords(SEES);

/** What became of single webhooks. */
@ApiTags('webhooks')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/webhook-deliveries')
class WebhookDeliveriesController {
  constructor(private readonly records: WebhookRecords) {}

  @Get(':id')
  @Allow(SEES)
  @ApiOperation({
    summary: 'A webhook and all its attempts',
    description: `${SEES_IN_WORDS} The id is the webhook-id.`,
  })
  @ApiResponse({ status: 200, type: WebhookDeliveryDetails })
  @Problems('webhook_delivery_not_found')
  async read(@Param('id', DeliveryIdPipe) id: string): Promise<WebhookDeliveryDetails> {
    const found = await this.records.find(id);
    if (!found) throw new Problem('webhook_delivery_not_found');
    return { ...WebhookDeliveryView.of(found.delivery), log: found.log };
  }

  @Post(':id/redeliver')
  @HttpCode(202)
  @Allow({ scope: 'webhooks' })
  @ApiOperation({
    summary: 'Send it again',
    description: `${SCOPE} Under the same webhook-id, with all its attempts before it.`,
  })
  @ApiResponse({ status: 202, type: QueuedDeliveryView })
  @Problems('webhook_delivery_not_found', 'webhook_under_way', 'webhook_endpoint_disabled', 'content_erased')
  async redeliver(@Param('id', DeliveryIdPipe) id: string): Promise<QueuedDeliveryView> {
    switch (await this.records.redeliver(id)) {
      case 'queued':
        return { id, status: 'queued' };
      case 'not_found':
        throw new Problem('webhook_delivery_not_found');
      case 'under_way':
        throw new Problem('webhook_under_way');
      case 'endpoint_disabled':
        throw new Problem('webhook_endpoint_disabled');
      case 'event_erased':
        throw new Problem('content_erased', {
          detail: 'What this webhook tells of was removed from the record.',
          remedy: 'Records are kept for RETENTION_DAYS; there is nothing left to send.',
        });
    }
  }
}

/** Where back ends say that they want to be told what becomes of messages. */
@ApiTags('webhooks')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/webhook-endpoints')
class WebhookEndpointsController {
  constructor(
    private readonly endpoints: WebhookEndpoints,
    private readonly records: WebhookRecords,
    private readonly guard: TargetGuard,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
  ) {}

  @Post()
  @Allow({ scope: 'webhooks' })
  @ApiOperation({
    summary: 'Be told what becomes of messages',
    description: `${SCOPE} Signed as Standard Webhooks say; the secret is in this answer and never again.`,
  })
  @ApiResponse({ status: 201, type: CreatedEndpointView })
  async create(@Body() body: CreateEndpointRequest, @By() by: Doer): Promise<CreatedEndpointView> {
    const url = await readTargetUrl(body.url, this.guard);
    const { format = 'otpost', description = null } = body;
    const draft = { url, events: readEvents(format, body.events ?? []), format, description };
    return this.transactions.run(async (unit) => {
      const { secret, record } = await this.endpoints.create(draft, unit);
      await this.note('webhook_endpoint.created', record.id, by, unit);
      return { ...record, secret };
    });
  }

  @Get()
  @Allow(SEES)
  @ApiOperation({ summary: 'All endpoints', description: SEES_IN_WORDS })
  @ApiResponse({ status: 200, type: WebhookEndpointList })
  async list(@Query() query: PageQuery): Promise<WebhookEndpointList> {
    const bounds = boundsOf(query, UUID);
    return pageOf(await this.endpoints.list(bounds), bounds.limit, (record) => record);
  }

  @Get(':id')
  @Allow(SEES)
  @ApiOperation({ summary: 'One endpoint, and how it is doing', description: SEES_IN_WORDS })
  @ApiResponse({ status: 200, type: WebhookEndpointView })
  @Problems('webhook_endpoint_not_found')
  async read(@Param('id', EndpointIdPipe) id: string): Promise<WebhookEndpointView> {
    return known(await this.endpoints.find(id));
  }

  @Patch(':id')
  @Allow({ scope: 'webhooks' })
  @ApiOperation({
    summary: 'Change, disable or enable it',
    description: `${SCOPE} Another url, or enabling it, forgets former failures.`,
  })
  @ApiResponse({ status: 200, type: WebhookEndpointView })
  @Problems('webhook_endpoint_not_found')
  async change(
    @Param('id', EndpointIdPipe) id: string,
    @Body() body: ChangeEndpointRequest,
    @By() by: Doer,
  ): Promise<WebhookEndpointView> {
    const { url, events, ...rest } = body;
    const target = url === undefined ? {} : { url: await readTargetUrl(url, this.guard) };
    const told =
      events === undefined ? {} : { events: readEvents(known(await this.endpoints.find(id)).format, events) };
    return this.transactions.run(async (unit) => {
      const changed = known(await this.endpoints.change(id, { ...rest, ...target, ...told }, unit));
      await this.note('webhook_endpoint.changed', id, by, unit);
      return changed;
    });
  }

  @Delete(':id')
  @HttpCode(204)
  @Allow({ scope: 'webhooks' })
  @ApiOperation({ summary: 'Remove it, with its deliveries and their log', description: SCOPE })
  @ApiResponse({ status: 204 })
  @Problems('webhook_endpoint_not_found')
  async remove(@Param('id', EndpointIdPipe) id: string, @By() by: Doer): Promise<void> {
    await this.endpoints.empty(id);
    await this.transactions.run(async (unit) => {
      if (!(await this.endpoints.remove(id, unit))) throw new Problem('webhook_endpoint_not_found');
      await this.note('webhook_endpoint.removed', id, by, unit);
    });
  }

  @Post(':id/rotate-secret')
  @HttpCode(200)
  @Allow({ scope: 'webhooks' })
  @ApiOperation({
    summary: 'A new secret',
    description: `${SCOPE} The former one signs too for 24 hours: two signatures stand in webhook-signature.`,
  })
  @ApiResponse({ status: 200, type: RotatedSecretView })
  @Problems('webhook_endpoint_not_found')
  async rotate(@Param('id', EndpointIdPipe) id: string, @By() by: Doer): Promise<RotatedSecretView> {
    return this.transactions.run(async (unit) => {
      const rotated = known(await this.endpoints.rotateSecret(id, unit));
      await this.note('webhook_endpoint.secret_rotated', id, by, unit);
      return rotated;
    });
  }

  @Post(':id/test')
  @HttpCode(202)
  @Allow({ scope: 'webhooks' })
  @ApiOperation({
    summary: 'Send a webhook.test',
    description: `${SCOPE} It goes out within a second or two; look at what became of it under its id.`,
  })
  @ApiResponse({ status: 202, type: QueuedDeliveryView })
  @Problems('webhook_endpoint_not_found', 'webhook_endpoint_disabled')
  async test(@Param('id', EndpointIdPipe) id: string): Promise<QueuedDeliveryView> {
    const queued = await this.endpoints.sendTest(id);
    if (queued !== undefined) return { id: queued, status: 'queued' };
    known(await this.endpoints.find(id));
    throw new Problem('webhook_endpoint_disabled');
  }

  @Get(':id/deliveries')
  @Allow(SEES)
  @ApiOperation({ summary: 'What was sent to it, newest first', description: SEES_IN_WORDS })
  @ApiResponse({ status: 200, type: WebhookDeliveryList })
  @Problems('webhook_endpoint_not_found')
  async deliveries(
    @Param('id', EndpointIdPipe) id: string,
    @Query() query: DeliveriesQuery,
  ): Promise<WebhookDeliveryList> {
    const bounds = boundsOf(query, UUID);
    known(await this.endpoints.find(id));
    const rows = await this.records.list(id, query.status, bounds);
    return pageOf(rows, bounds.limit, (row) => WebhookDeliveryView.of(row));
  }

  private async note(action: string, id: string, by: Doer, unit: UnitOfWork): Promise<void> {
    await this.audit.record({ action, result: 'done', ...by, target: { kind: 'webhook_endpoint', id } }, unit);
  }
}

function known<T>(found: T | undefined): T {
  if (found === undefined) throw new Problem('webhook_endpoint_not_found');
  return found;
}

/** Webhooks for back ends. */
@Module({
  imports: [AccessModule, WebhooksModule],
  controllers: [WebhookEndpointsController, WebhookDeliveriesController],
})
export class WebhooksApiModule {}
