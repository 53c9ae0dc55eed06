import {
  type ArgumentMetadata,
  Controller,
  Get,
  Headers,
  HttpCode,
  Module,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, AllowBeforeBody, By, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import type { Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { uuidPipe } from '../../core/ids.js';
import { type FieldError, Problem, type ProblemCode } from '../../core/problems.js';
import { refusalOf, validationPipe } from '../../core/validation.js';
import { ChangesByHand } from '../api/changes-by-hand.js';
import { ownersFor, READS, sees } from '../api/own-view.js';
import { SendRequest } from '../api/send-request.js';
import { SEND_BODY_LIMIT } from '../api/shapes.js';
import { RawBody, refusalIn, submitterOf } from '../api/submission.controller.js';
import { MailModule } from '../mail.module.js';
import { type Recipient, recipientsOf } from '../outbox/email-rows.js';
import { OutboxRecords } from '../outbox/records.js';
import { OutboxSearch } from '../outbox/search.js';
import { IdempotencyKey, TakesIdempotencyKey } from '../submission/idempotency-header.js';
import { REPLAYED_HEADER } from '../submission/idempotency-policy.js';
import type { GivenAnswer } from '../submission/idempotency.js';
import { KeptContent } from '../submission/kept-content.js';
import { SubmissionModule } from '../submission/submission.module.js';
import { type SubmittedItem, Submission } from '../submission/submission.js';
import { resendErrorOf } from './resend-errors-policy.js';
import { emailOf, listItemOf, readEmail, readListQuery, readReschedule, type Words } from './resend-policy.js';

/** Messages of one batch. */
const MOST_AT_ONCE = 100;

const EmailIdPipe = uuidPipe('email_not_found');

/** A message whose shapes were checked, and what a repeat of it is compared by. */
interface Checked {
  message: SendRequest;
  compared: unknown;
}

interface BatchAnswer {
  data: { id: string }[];
  errors?: { index: number; message: string }[];
}

interface Named {
  object: 'email';
  id: string;
}

/**
 * The door for Resend's SDKs, at the root of the host because some of them drop a path before it. Its answers, and its
 * refusals (http/problem-writer.ts), are those of Resend's API, which documents them: our own document leaves them out.
 */
@ApiExcludeController()
@UseGuards(AccessGuard)
@Controller('emails')
class ResendDoorController {
  private readonly pipe = validationPipe();

  constructor(
    private readonly submission: Submission,
    private readonly records: OutboxRecords,
    private readonly search: OutboxSearch,
    private readonly kept: KeptContent,
    private readonly changes: ChangesByHand,
    private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @AllowBeforeBody({ scope: 'emails:send' }, { bodyLimit: SEND_BODY_LIMIT, large: 'held' })
  @TakesIdempotencyKey()
  async send(
    @RawBody() body: unknown,
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ id: string }> {
    const { message, compared } = await this.read(body);
    const submitting = { submitter: submitterOf(caller, request), idempotencyKey, call: 'POST /emails', compared };
    return { id: told(await this.submission.accept(message, submitting), reply).id };
  }

  @Post('batch')
  @HttpCode(200)
  @AllowBeforeBody({ scope: 'emails:send' }, { bodyLimit: SEND_BODY_LIMIT, large: 'held' })
  @TakesIdempotencyKey()
  async sendMany(
    @RawBody() body: unknown,
    @Headers('x-batch-validation') validation: string | undefined,
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BatchAnswer> {
    const together = isStrict(validation);
    if (!Array.isArray(body) || body.length === 0 || body.length > MOST_AT_ONCE) throw notABatch();
    const read: (Checked | Problem)[] = [];
    for (const item of body as unknown[]) read.push(await this.read(item).catch(refusalIn));
    const submitting = {
      ...{ submitter: submitterOf(caller, request), idempotencyKey, call: 'POST /emails/batch' },
      compared: read.map((one) => (one instanceof Problem ? one : one.compared)),
    };
    const messages = read.map((one) => (one instanceof Problem ? one : one.message));
    const asBody = (items: SubmittedItem[]): BatchAnswer => batchAnswerOf(items, together);
    return told(await this.submission.acceptMany(messages, { ...submitting, together, asBody }), reply);
  }

  @Get()
  @Allow(READS)
  async list(@Query() query: Record<string, unknown>, @Caller() caller: CallerIdentity): Promise<object> {
    const bounds = allowed(readListQuery(query));
    const { ids, more } = await this.search.idsBeside({ owners: await ownersFor(caller) }, bounds);
    const rows = await this.records.list(ids);
    const data = rows.map((row) => {
      const recipients = row.recipients as Recipient[] | null;
      return listItemOf(row, recipientsOf({ to: row.toAddress, recipients }));
    });
    return { object: 'list', has_more: more, data };
  }

  @Get(':id')
  @Allow(READS)
  async find(@Param('id', EmailIdPipe) id: string, @Caller() caller: CallerIdentity): Promise<object> {
    const record = await this.records.find(id);
    if (!record || !(await sees(caller, record))) throw new Problem('email_not_found');
    return emailOf(record, record.fates, await this.wordsOf(id));
  }

  @Patch(':id')
  @Allow({ scope: 'emails:send', role: 'operator' })
  async reschedule(
    @Param('id', EmailIdPipe) id: string,
    @RawBody() body: unknown,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
  ): Promise<Named> {
    const { scheduledAt } = allowed(readReschedule(body, id, this.clock.now()));
    await this.changes.reschedule(id, scheduledAt, { caller, by });
    return { object: 'email', id };
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Allow({ scope: 'emails:send', role: 'operator' })
  async cancel(@Param('id', EmailIdPipe) id: string, @Caller() caller: CallerIdentity, @By() by: Doer): Promise<Named> {
    await this.changes.cancel(id, { caller, by });
    return { object: 'email', id };
  }

  /** @throws Problem `validation_failed` with all that is wrong with its form */
  private async read(body: unknown): Promise<Checked> {
    const { message, compared } = allowed(readEmail(body, this.clock.now()));
    const metadata: ArgumentMetadata = { type: 'body', metatype: SendRequest };
    return { message: (await this.pipe.transform(message, metadata)) as SendRequest, compared };
  }

  /** Undefined where nobody is told: of codes, once they are erased, and where their template has changed. */
  private async wordsOf(id: string): Promise<Words | undefined> {
    try {
      return await this.kept.composeWords(await this.kept.find(id));
    } catch (error) {
      if (error instanceof Problem && UNTOLD.has(error.code)) return undefined;
      throw error;
    }
  }
}

const UNTOLD: ReadonlySet<ProblemCode> = new Set(['content_secret', 'content_erased', 'template_changed']);

/** @throws Problem `validation_failed` */
function allowed<Read extends object>(read: Read | { faults: FieldError[] }): Read {
  if ('faults' in read) throw refusalOf(read.faults);
  return read;
}

/** As it was given first. All their answers are 200. */
function told<Body extends object>({ body, replayed }: GivenAnswer<Body>, reply: FastifyReply): Body {
  if (replayed) reply.header(REPLAYED_HEADER, 'true');
  return body;
}

function batchAnswerOf(items: readonly SubmittedItem[], together: boolean): BatchAnswer {
  const data = items.flatMap((item) => (item instanceof Problem ? [] : [{ id: item.id }]));
  if (together) return { data };
  const errors = items.flatMap((item, index) =>
    item instanceof Problem ? [{ index, message: resendErrorOf(item, true).message }] : [],
  );
  return { data, errors };
}

function isStrict(validation: string | undefined): boolean {
  if (validation === undefined || validation === 'strict') return true;
  if (validation === 'permissive') return false;
  throw refusalOf([{ field: 'x-batch-validation', code: 'is_in', message: 'must be strict or permissive' }]);
}

function notABatch(): Problem {
  const message = `must be a list of 1 to ${MOST_AT_ONCE} messages`;
  return refusalOf([{ field: 'body', code: 'not_a_batch', message }]);
}

@Module({
  imports: [AccessModule, MailModule, SubmissionModule],
  controllers: [ResendDoorController],
  providers: [ChangesByHand],
})
export class ResendDoorModule {}
