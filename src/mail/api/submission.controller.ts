import {
  type ArgumentMetadata,
  Controller,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  Post,
  Query,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiExtraModels,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiTags,
  getSchemaPath,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, AllowBeforeBody, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem, type ProblemDocument } from '../../core/problems.js';
import { validationPipe } from '../../core/validation.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../submission/idempotency-header.js';
import { type SubmittedItem, Submission, type Submitter } from '../submission/submission.js';
import { SendRequest } from './send-request.js';
import { EmailStatusView, SEND_BODY_LIMIT } from './shapes.js';

/** Messages of one batch. */
const MOST_AT_ONCE = 1_000;

/** A body that is looked at piece by piece. */
export const RawBody = createParamDecorator((_: unknown, context: ExecutionContext): unknown => {
  return context.switchToHttp().getRequest<FastifyRequest>().body;
});

interface BatchAnswer {
  items: (EmailStatusView | ProblemDocument)[];
}

/** The HTTP door for messages of back ends: it translates, and Submission decides. */
@ApiTags('emails')
@ApiBearerAuth()
@ApiExtraModels(SendRequest, EmailStatusView)
@UseGuards(AccessGuard)
@Controller('v1/emails')
export class SubmissionController {
  private readonly pipe = validationPipe();

  constructor(private readonly submission: Submission) {}

  @Post()
  @HttpCode(202)
  @AllowBeforeBody({ scope: 'emails:send' }, { bodyLimit: SEND_BODY_LIMIT, large: 'held' })
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: 'Send a message',
    description: 'Scope emails:send, or an admin. 202: it is committed and will be handed over.',
  })
  @ApiBody({ type: SendRequest })
  @ApiResponse({ status: 202, type: EmailStatusView })
  @Problems('idempotency_in_flight', 'idempotency_mismatch', 'sender_not_allowed', 'rate_limited')
  async send(
    @RawBody() body: unknown,
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EmailStatusView> {
    const message = await this.read(body);
    const submitting = { submitter: submitterOf(caller, request), idempotencyKey, call: 'POST /v1/emails' };
    return told(await this.submission.accept(message, submitting), reply);
  }

  @Post('batch')
  @HttpCode(202)
  @AllowBeforeBody({ scope: 'emails:send' }, { bodyLimit: SEND_BODY_LIMIT, large: 'held' })
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: `Send up to ${MOST_AT_ONCE} messages in one commit`,
    description:
      'Scope emails:send, or an admin. Answers in the order of the messages: each is accepted, or is a problem and fails itself alone. With `?atomic=true` one that cannot be accepted fails all.',
  })
  @ApiQuery({ name: 'atomic', required: false, schema: { type: 'string', enum: ['true', 'false'] } })
  @ApiBody({
    schema: { type: 'array', minItems: 1, maxItems: MOST_AT_ONCE, items: { $ref: getSchemaPath(SendRequest) } },
  })
  @ApiResponse({
    status: 202,
    schema: {
      type: 'object',
      required: ['items'],
      properties: {
        items: {
          type: 'array',
          items: { oneOf: [{ $ref: getSchemaPath(EmailStatusView) }, { $ref: '#/components/schemas/Problem' }] },
        },
      },
    },
  })
  @Problems('idempotency_in_flight', 'idempotency_mismatch', 'rate_limited')
  async sendMany(
    @RawBody() body: unknown,
    @Query('atomic') atomic: unknown,
    @Caller() caller: CallerIdentity,
    @IdempotencyKey() idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BatchAnswer> {
    if (!Array.isArray(body) || body.length === 0 || body.length > MOST_AT_ONCE) throw notABatch();
    const messages: (SendRequest | Problem)[] = [];
    for (const item of body as unknown[]) messages.push(await this.read(item).catch(refusalIn));
    const submitting = { submitter: submitterOf(caller, request), idempotencyKey, call: 'POST /v1/emails/batch' };
    const asBody = (items: SubmittedItem[]): BatchAnswer => ({
      items: items.map((item) => (item instanceof Problem ? item.toDocument(request.id) : item)),
    });
    const given = await this.submission.acceptMany(messages, { ...submitting, together: isTogether(atomic), asBody });
    return told(given, reply);
  }

  /** @throws Problem `validation_failed` with all that is wrong with its form */
  private async read(body: unknown): Promise<SendRequest> {
    const metadata: ArgumentMetadata = { type: 'body', metatype: SendRequest };
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw notAMessage();
    return (await this.pipe.transform(body, metadata)) as SendRequest;
  }
}

export function refusalIn(error: unknown): Problem {
  if (error instanceof Problem) return error;
  throw error;
}

function isTogether(atomic: unknown): boolean {
  if (atomic === undefined || atomic === 'false') return false;
  if (atomic === 'true') return true;
  const errors = [{ field: 'atomic', code: 'is_boolean', message: 'must be true or false' }];
  throw new Problem('validation_failed', { errors });
}

function notABatch(): Problem {
  const message = `must be a list of 1 to ${MOST_AT_ONCE} messages`;
  return new Problem('validation_failed', { errors: [{ field: 'body', code: 'not_a_batch', message }] });
}

function notAMessage(): Problem {
  return new Problem('validation_failed', {
    errors: [{ field: 'body', code: 'not_an_object', message: 'must be an object: one message' }],
  });
}

export function submitterOf(caller: CallerIdentity, { id: requestId }: FastifyRequest): Submitter {
  if (caller.kind === 'member') return { id: caller.member.accountId, senders: [], requestId };
  const { id, senders } = caller.key;
  return { id, apiKeyId: id, senders, requestId };
}
