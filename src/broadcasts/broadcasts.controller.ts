import { Body, Controller, Get, Param, Post, Query, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  AccessGuard,
  Allow,
  AllowBeforeBody,
  By,
  Caller,
  type CallerIdentity,
  inWords,
} from '../access/access.guard.js';
import { Audit, type Doer } from '../audit/audit.js';
import { DatabaseClock } from '../database/database-clock.js';
import { parseEmailAddress } from '../core/email-address.js';
import { UUID, uuidPipe } from '../core/ids.js';
import { Operation } from '../core/operation.js';
import { boundsOf, pageOf, PageQuery } from '../core/page.js';
import { Problems } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { EmailStatusView } from '../mail/api/shapes.js';
import { submitterOf } from '../mail/api/submission.controller.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../mail/submission/idempotency-header.js';
import { Submission } from '../mail/submission/submission.js';
import { readNamedAddress } from '../mail/transport/mailbox.js';
import { BroadcastMessages } from '../mail/outbox/broadcast-messages.js';
import { Broadcasts } from './broadcasts.js';
import { BroadcastSamples } from './samples.js';
import { BroadcastDetails, BroadcastList, BroadcastRequest, BroadcastTestRequest, BroadcastView } from './shapes.js';

const ACCESS = { scope: 'audiences', role: 'operator' } as const;
const ALLOWED = inWords(ACCESS);
const SEES = { scope: 'audiences', role: 'viewer' } as const;
const SEES_IN_WORDS = inWords(SEES);
const BroadcastId = uuidPipe('broadcast_not_found');
/** Bytes: HTML and text as large as those of a message. */
const BODY_LIMIT = 4 * 1024 * 1024;
/** Marks a test in the subject, for whoever gets it; and among the tags, for whoever looks for tests. */
const TEST = { subject: '[Test] ', tag: 'broadcast-test' } as const;

/** One content to all active subscribers of an audience. */
@ApiTags('broadcasts')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow(ACCESS)
@Controller('v1/broadcasts')
export class BroadcastsController {
  constructor(
    private readonly broadcasts: Broadcasts,
    private readonly messages: BroadcastMessages,
    private readonly samples: BroadcastSamples,
    private readonly submission: Submission,
    private readonly clock: DatabaseClock,
    private readonly audit: Audit,
  ) {}

  @Post()
  @AllowBeforeBody(ACCESS, { bodyLimit: BODY_LIMIT, large: 'held' })
  @TakesIdempotencyKey()
  @Operation(202, BroadcastView, {
    summary: 'Tell an audience',
    description: `${ALLOWED} 202: it is kept as it is now, and its messages are made from \`scheduledAt\` on. Its words may name what each subscriber has, in Liquid: \`{{ subscriber.name }}\`, \`{{ subscriber.email }}\`; and \`{{ unsubscribeUrl }}\`, which a footer has where they do not.`,
  })
  @Problems('idempotency_in_flight', 'idempotency_mismatch', 'sender_not_allowed', 'rate_limited')
  async create(
    @Body() { audience, filter, rate, ...message }: BroadcastRequest,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
    @IdempotencyKey() key: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BroadcastView> {
    const wanted = { audience: audience.toLowerCase(), filter, rate, message };
    const given = { submitter: submitterOf(caller, request), key, by };
    return told(await this.broadcasts.accept(wanted, given, (record) => BroadcastView.of(record)), reply);
  }

  @Get()
  @Allow(SEES)
  @Operation(200, BroadcastList, { summary: 'Broadcasts, newest first', description: SEES_IN_WORDS })
  async list(@Query() query: PageQuery): Promise<BroadcastList> {
    const { limit, after } = boundsOf(query, UUID);
    return pageOf(await this.broadcasts.list(limit + 1, after), limit, (record) => BroadcastView.of(record));
  }

  @Get(':id')
  @Allow(SEES)
  @Operation(200, BroadcastDetails, { summary: 'How far a broadcast is', description: SEES_IN_WORDS })
  @Problems('broadcast_not_found')
  async get(@Param('id', BroadcastId) id: string): Promise<BroadcastDetails> {
    const record = await this.broadcasts.get(id);
    return BroadcastDetails.with(record, await this.messages.counts(id), this.clock.now());
  }

  @Post(':id/pause')
  @Operation(200, BroadcastView, {
    summary: 'Hand nothing more of it over',
    description: `${ALLOWED} What is with a mail server at this moment goes out.`,
  })
  @Problems('broadcast_not_found', 'broadcast_over')
  async pause(@Param('id', BroadcastId) id: string, @By() by: Doer): Promise<BroadcastView> {
    return BroadcastView.of(await this.broadcasts.pause(id, by));
  }

  @Post(':id/resume')
  @Operation(200, BroadcastView, { summary: 'Go on with it', description: ALLOWED })
  @Problems('broadcast_not_found', 'broadcast_over')
  async resume(@Param('id', BroadcastId) id: string, @By() by: Doer): Promise<BroadcastView> {
    return BroadcastView.of(await this.broadcasts.resume(id, by));
  }

  @Post(':id/cancel')
  @Operation(200, BroadcastView, {
    summary: 'End it',
    description: `${ALLOWED} What no worker has taken ends as \`cancelled\`; it cannot be taken up again.`,
  })
  @Problems('broadcast_not_found', 'broadcast_over')
  async cancel(@Param('id', BroadcastId) id: string, @By() by: Doer): Promise<BroadcastView> {
    return BroadcastView.of(await this.broadcasts.cancel(id, by));
  }

  @Post(':id/test')
  @TakesIdempotencyKey()
  @Operation(202, EmailStatusView, {
    summary: 'Send what a subscriber reads to somebody',
    description: `${ALLOWED} As whoever of the audience has that address reads it, else its first subscriber. Its subject begins with "${TEST.subject.trim()}", its tag is ${TEST.tag}, and its link to leave does nothing.`,
  })
  @Problems(
    'broadcast_not_found',
    'content_erased',
    'sender_not_allowed',
    'idempotency_in_flight',
    'idempotency_mismatch',
    'rate_limited',
  )
  async test(
    @Param('id', BroadcastId) id: string,
    @Body() { to }: BroadcastTestRequest,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
    @IdempotencyKey() idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EmailStatusView> {
    const record = await this.broadcasts.get(id);
    const { subject, ...sample } = await this.samples.find(record, canonicalOf(to));
    const message = { to, ...sample, subject: TEST.subject + subject, tags: [TEST.tag] };
    const submitting = { submitter: submitterOf(caller, request), idempotencyKey, call: `test broadcast ${id}` };
    const target = { kind: 'broadcast', id };
    const answer = await this.submission.accept(message, { ...submitting, compared: { to } }, (accepted) => [
      this.audit.companion({ action: 'broadcast.tested', ...by, target, details: { as: accepted.id } }),
    ]);
    return told(answer, reply);
  }
}

/** @throws Problem `validation_failed` */
function canonicalOf(to: string): string {
  const read = readNamedAddress(to) ?? parseEmailAddress(to);
  if (read) return read.canonical;
  const message = 'must be an e-mail address such as ada@example.com, or Ada <ada@example.com>';
  throw new Problem('validation_failed', { errors: [{ field: 'to', code: 'invalid_address', message }] });
}
