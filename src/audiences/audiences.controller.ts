import type { Readable } from 'node:stream';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiConsumes, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, AllowBeforeBody, By, inWords } from '../access/access.guard.js';
import type { Doer } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { parseEmailAddress } from '../core/email-address.js';
import { UUID, uuidPipe } from '../core/ids.js';
import { Operation } from '../core/operation.js';
import { boundsOf, cursorAt, pageOf, PageQuery } from '../core/page.js';
import { Problems } from '../core/problem-docs.js';
import { bodyTypeOf } from '../core/streamed-body.js';
import { refusalOf } from '../core/validation.js';
import { Limits } from '../limits/limits.js';
import type { UnitOfWork } from '../database/prisma.service.js';
import { tooLarge } from '../mail/files/stored-files.js';
import { type Answer, Idempotency } from '../mail/submission/idempotency.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../mail/submission/idempotency-header.js';
import { CHECK_PROBLEMS, refusalProblem } from '../otp/challenge-view.js';
import { Audiences } from './audiences.js';
import { type AskedSubscriber, Confirmations } from './confirmations.js';
import { IMPORT_FORMATS, type ImportFormat } from './import-policy.js';
import { ImportList, ImportView } from './import-shapes.js';
import { IMPORT_LIMIT, Imports } from './imports.js';
import {
  AddedSubscriberView,
  AudienceDetails,
  AudienceList,
  AudienceRequest,
  AudienceView,
  ConfirmRequest,
  SubscriberChangeRequest,
  SubscriberList,
  SubscriberQuery,
  SubscriberRequest,
  SubscriberView,
} from './shapes.js';
import { attributeFaults } from './subscriber-policy.js';
import { Subscribers } from './subscribers.js';

const ACCESS = { scope: 'audiences', role: 'operator' } as const;
const ALLOWED = inWords(ACCESS);
const SEES = { scope: 'audiences', role: 'viewer' } as const;
const SEES_IN_WORDS = inWords(SEES);
const AudienceId = uuidPipe('audience_not_found');
const SubscriberId = uuidPipe('subscriber_not_found');
const IMPORT_TYPES = Object.keys(IMPORT_FORMATS);

/** People who get the same mail. */
@ApiTags('audiences')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow(ACCESS)
@Controller('v1/audiences')
export class AudiencesController {
  constructor(private readonly audiences: Audiences) {}

  @Post()
  @Operation(201, AudienceView, { summary: 'Make an audience', description: ALLOWED })
  async create(@Body() { name }: AudienceRequest, @By() by: Doer): Promise<AudienceView> {
    return AudienceView.of(await this.audiences.create(name, by));
  }

  @Get()
  @Allow(SEES)
  @Operation(200, AudienceList, { summary: 'Audiences, newest first', description: SEES_IN_WORDS })
  async list(@Query() query: PageQuery): Promise<AudienceList> {
    const { limit, after } = boundsOf(query, UUID);
    return pageOf(await this.audiences.list(limit + 1, after), limit, (record) => AudienceView.of(record));
  }

  @Get(':id')
  @Allow(SEES)
  @Operation(200, AudienceDetails, { summary: 'An audience, and how many are in it', description: SEES_IN_WORDS })
  @Problems('audience_not_found')
  async get(@Param('id', AudienceId) id: string): Promise<AudienceDetails> {
    return AudienceDetails.with(await this.audiences.get(id), await this.audiences.counts(id));
  }

  @Patch(':id')
  @Operation(200, AudienceView, { summary: 'Call an audience otherwise', description: ALLOWED })
  @Problems('audience_not_found')
  async rename(
    @Param('id', AudienceId) id: string,
    @Body() { name }: AudienceRequest,
    @By() by: Doer,
  ): Promise<AudienceView> {
    return AudienceView.of(await this.audiences.rename(id, name, by));
  }

  @Delete(':id')
  @Operation(204, undefined, {
    summary: 'Delete an audience',
    description: `${ALLOWED} With all its subscribers, which are gone within seconds.`,
  })
  @Problems('audience_not_found', 'audience_in_use')
  async remove(@Param('id', AudienceId) id: string, @By() by: Doer): Promise<void> {
    await this.audiences.remove(id, by);
  }
}

/** The people of an audience. */
@ApiTags('audiences')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow(ACCESS)
@Controller('v1/audiences/:id/subscribers')
export class SubscribersController {
  constructor(
    private readonly audiences: Audiences,
    private readonly subscribers: Subscribers,
    private readonly confirmations: Confirmations,
    private readonly idempotency: Idempotency,
    private readonly clock: Clock,
  ) {}

  @Post()
  @TakesIdempotencyKey()
  @Operation(201, AddedSubscriberView, {
    summary: 'Add somebody',
    description: `${ALLOWED} 200: they are there already, and have what was said anew. Whoever has left stays so, unless they confirm.`,
  })
  @ApiResponse({ status: 200, type: AddedSubscriberView })
  @Problems('audience_not_found', 'idempotency_in_flight', 'idempotency_mismatch', 'rate_limited')
  async add(
    @Param('id', AudienceId) id: string,
    @Body() body: SubscriberRequest,
    @By() by: Doer,
    @IdempotencyKey() key: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<AddedSubscriberView> {
    const keyed = { caller: by.actor.id!, key, call: `POST /v1/audiences/${id}/subscribers`, body };
    const before = await this.idempotency.find<AddedSubscriberView>(keyed);
    if (before) return told(before, reply);
    await this.audiences.get(id);
    const { email, attributes = {}, locale, confirm = false } = body;
    const { stored: address, canonical: addressCanonical } = parseEmailAddress(email)!; // validated
    const subscriber = { address, addressCanonical, attributes: checked(attributes), locale: locale ?? null };
    const keep = (added: AskedSubscriber, unit: UnitOfWork) => this.idempotency.keep(keyed, answerOf(added), unit);
    const added: AskedSubscriber = confirm
      ? await this.confirmations.ask(id, subscriber, by, request.id, keep)
      : await this.subscribers.put(id, subscriber, by, keep);
    return told({ ...answerOf(added), replayed: false }, reply);
  }

  @Get()
  @Allow(SEES)
  @Operation(200, SubscriberList, {
    summary: 'Who is in an audience, in the order in which they joined',
    description: `${SEES_IN_WORDS} A page looks at 50,000 subscribers at most: it may hold fewer than \`limit\`, and none, and still have a nextCursor.`,
  })
  @Problems('audience_not_found')
  async list(@Param('id', AudienceId) id: string, @Query() query: SubscriberQuery): Promise<SubscriberList> {
    const bounds = boundsOf(query, UUID);
    await this.audiences.get(id);
    const { items, next } = await this.subscribers.list(id, query, bounds);
    return {
      items: items.map((record) => SubscriberView.of(record)),
      nextCursor: next === null ? null : cursorAt(next),
    };
  }

  @Get(':subscriberId')
  @Allow(SEES)
  @Operation(200, SubscriberView, { summary: 'A subscriber', description: SEES_IN_WORDS })
  @Problems('subscriber_not_found')
  async get(
    @Param('id', AudienceId) id: string,
    @Param('subscriberId', SubscriberId) subscriberId: string,
  ): Promise<SubscriberView> {
    return SubscriberView.of(await this.subscribers.get(id, subscriberId));
  }

  @Patch(':subscriberId')
  @Operation(200, SubscriberView, { summary: 'Change what is known of a subscriber', description: ALLOWED })
  @Problems('subscriber_not_found')
  async change(
    @Param('id', AudienceId) id: string,
    @Param('subscriberId', SubscriberId) subscriberId: string,
    @Body() { attributes, locale, status }: SubscriberChangeRequest,
    @By() by: Doer,
  ): Promise<SubscriberView> {
    const change = { locale, status, attributes: attributes && checked(attributes) };
    return SubscriberView.of(await this.subscribers.change(id, subscriberId, change, by));
  }

  @Delete(':subscriberId')
  @Operation(204, undefined, {
    summary: 'Remove a subscriber, and all that is known of them',
    description: `${ALLOWED} To keep it in mind that somebody left, PATCH \`{"status":"unsubscribed"}\` instead.`,
  })
  @Problems('subscriber_not_found')
  async remove(
    @Param('id', AudienceId) id: string,
    @Param('subscriberId', SubscriberId) subscriberId: string,
    @By() by: Doer,
  ): Promise<void> {
    await this.subscribers.remove(id, subscriberId, by);
  }

  @Post(':subscriberId/confirm')
  @Operation(200, SubscriberView, {
    summary: 'Give back the code of somebody who is pending',
    description: `${ALLOWED} Five tries. The link in the same mail does as well, on a page of ours.`,
  })
  @Problems('subscriber_not_found', ...CHECK_PROBLEMS)
  async confirm(
    @Param('id', AudienceId) id: string,
    @Param('subscriberId', SubscriberId) subscriberId: string,
    @Body() { code }: ConfirmRequest,
    @By() by: Doer,
  ): Promise<SubscriberView> {
    const result = await this.confirmations.confirm(id, subscriberId, code, by);
    if (result.kind !== 'confirmed') throw refusalProblem(result, this.clock.now());
    return SubscriberView.of(await this.subscribers.get(id, subscriberId));
  }
}

/** Files of subscribers. */
@ApiTags('audiences')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/audiences/:id')
export class ImportsController {
  constructor(
    private readonly audiences: Audiences,
    private readonly imports: Imports,
    private readonly limits: Limits,
  ) {}

  @Post('import')
  @AllowBeforeBody(ACCESS, { bodyLimit: IMPORT_LIMIT, large: 'streamed', types: IMPORT_TYPES })
  @ApiConsumes(...IMPORT_TYPES)
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @Operation(202, ImportView, {
    summary: 'Add the people of a file',
    description: `${ALLOWED} Up to 100 MiB, as text/csv with a header line that names a column \`email\`, or as application/x-ndjson with \`{"email", "locale"?, "attributes"?}\` a line. 202: it is kept, and worked off within seconds.`,
  })
  @Problems('audience_not_found', 'rate_limited')
  async start(
    @Param('id', AudienceId) id: string,
    @By() by: Doer,
    @Req() request: FastifyRequest,
  ): Promise<ImportView> {
    await this.limits.takeKey(by.actor.id!);
    await this.audiences.get(id);
    if (Number(request.headers['content-length'] ?? 0) > IMPORT_LIMIT) throw tooLarge(IMPORT_LIMIT);
    const format: ImportFormat = IMPORT_FORMATS[bodyTypeOf(request.raw) as keyof typeof IMPORT_FORMATS] ?? 'csv';
    return ImportView.of(await this.imports.accept(id, format, bodyOf(request), by));
  }

  @Get('imports')
  @Allow(SEES)
  @Operation(200, ImportList, {
    summary: 'Imports of an audience, newest first',
    description: `${SEES_IN_WORDS} Without \`faults\`, which one of them has.`,
  })
  @Problems('audience_not_found')
  async list(@Param('id', AudienceId) id: string, @Query() query: PageQuery): Promise<ImportList> {
    const { limit, after } = boundsOf(query, UUID);
    await this.audiences.get(id);
    return pageOf(await this.imports.list(id, limit + 1, after), limit, (record) => ImportView.of(record));
  }

  @Get('imports/:importId')
  @Allow(SEES)
  @Operation(200, ImportView, { summary: 'How far an import is, and what it did not take', description: SEES_IN_WORDS })
  @Problems('import_not_found')
  async get(
    @Param('id', AudienceId) id: string,
    @Param('importId', uuidPipe('import_not_found')) importId: string,
  ): Promise<ImportView> {
    return ImportView.of(await this.imports.get(id, importId));
  }
}

function answerOf({ record, created, challenge }: AskedSubscriber): Answer<AddedSubscriberView> {
  return { status: created ? 201 : 200, body: AddedSubscriberView.with(record, challenge) };
}

/** @throws Problem `validation_failed` */
function checked(attributes: Record<string, unknown>): Record<string, string> {
  const faults = attributeFaults(attributes, 'attributes');
  if (faults.length > 0) throw refusalOf(faults);
  return attributes as Record<string, string>;
}

/** Of an empty file there is no stream. */
function bodyOf({ body }: FastifyRequest): AsyncIterable<Uint8Array> {
  return (body as Readable | undefined) ?? nothing();
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
