import { Controller, Get, Header, HttpCode, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, By, Caller, type CallerIdentity } from '../../access/access.guard.js';
import { Audit, type Doer } from '../../audit/audit.js';
import { uuidPipe } from '../../core/ids.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { WORD } from '../../core/shapes.js';
import type { KeptRecord } from '../outbox/records.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../submission/idempotency-header.js';
import { inWords, KeptContent } from '../submission/kept-content.js';
import { Submission } from '../submission/submission.js';
import type { ComposedMessage } from '../transport/transport.js';
import { READS, READS_IN_WORDS, sees } from './own-view.js';
import { EmailStatusView, WordsView } from './shapes.js';
import { refusalIn, submitterOf } from './submission.controller.js';

class AttachmentView {
  @ApiProperty()
  filename!: string;

  @ApiProperty({ example: 'application/pdf' })
  contentType!: string;

  @ApiProperty(WORD)
  contentId!: string | null;

  @ApiProperty()
  inline!: boolean;

  @ApiProperty({ description: 'Bytes' })
  size!: number;
}

class EmailContentView extends WordsView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  from!: string;

  @ApiProperty({ type: [String], description: 'As shown, such as Ada <ada@example.com>' })
  to!: string[];

  @ApiProperty({ type: [String] })
  cc!: string[];

  @ApiProperty({ type: [String] })
  replyTo!: string[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  headers!: Record<string, string>;

  @ApiProperty({ type: [AttachmentView] })
  attachments!: AttachmentView[];

  static of(message: ComposedMessage): EmailContentView {
    const { id, from, to, cc, replyTo, subject, text, html, headers, attachments } = message;
    return {
      ...{ id, from, to: [...to], cc: [...cc], replyTo: [...replyTo], subject, text, html, headers },
      attachments: attachments.map(({ filename, contentType, contentId, inline, bytes }) => ({
        ...{ filename, contentType, contentId: contentId ?? null, inline, size: bytes.length },
      })),
    };
  }
}

const READABLE = `${READS_IN_WORDS} Never of codes.`;

/** What messages say, and the same message once more. */
@ApiTags('emails')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/emails')
export class ContentController {
  constructor(
    private readonly kept: KeptContent,
    private readonly submission: Submission,
    private readonly audit: Audit,
  ) {}

  @Get(':id/content')
  @Header('Cache-Control', 'no-store')
  @Allow(READS)
  @Problems('email_not_found', 'content_secret', 'content_erased', 'template_changed')
  @ApiOperation({ summary: 'What a message says', description: `${READABLE} For RETENTION_DAYS.` })
  @ApiResponse({ status: 200, type: EmailContentView })
  async content(
    @Param('id', uuidPipe('email_not_found')) id: string,
    @Caller() caller: CallerIdentity,
  ): Promise<EmailContentView> {
    return EmailContentView.of(await inWords(await this.kept.compose(await this.find(id, caller))));
  }

  @Get(':id/source')
  @Header('Cache-Control', 'no-store')
  @Header('Content-Disposition', 'attachment; filename="message.eml"')
  @Allow(READS)
  @Problems('email_not_found', 'content_secret', 'content_erased', 'template_changed')
  @ApiOperation({
    summary: 'A message as MIME',
    description: `${READABLE} As it is built for SMTP, without a DKIM signature; the marks between its parts are made anew. What came as MIME is what came.`,
  })
  @ApiResponse({ status: 200, content: { 'message/rfc822': { schema: { type: 'string', format: 'binary' } } } })
  async source(
    @Param('id', uuidPipe('email_not_found')) id: string,
    @Caller() caller: CallerIdentity,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    const message = await this.kept.compose(await this.find(id, caller));
    // Late: a web process that is asked for no source builds no message.
    const { MailBuilder } = await import('../transport/wire-form.js');
    reply.header('content-type', 'message/rfc822');
    return (await new MailBuilder(undefined).build(message)).bytes;
  }

  @Post(':id/send-again')
  @HttpCode(202)
  @Allow({ scope: 'emails:send', role: 'operator' })
  @TakesIdempotencyKey()
  @Problems(
    'email_not_found',
    'content_secret',
    'content_erased',
    'sender_not_allowed',
    'idempotency_in_flight',
    'idempotency_mismatch',
    'rate_limited',
  )
  @ApiOperation({
    summary: 'The same words to the same people, as a new message',
    description:
      'Scope emails:send, or an operator. Never of codes. For RETENTION_DAYS. It expires as long from now as the first one had from its acceptance, or its `scheduledAt`. 422 where its template has changed, and needs what the message does not have.',
  })
  @ApiResponse({ status: 202, type: EmailStatusView })
  async sendAgain(
    @Param('id', uuidPipe('email_not_found')) id: string,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
    @IdempotencyKey() idempotencyKey: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EmailStatusView> {
    const draft = await this.kept.draftOf(await this.find(id, caller)).catch(refusalIn);
    const submitting = { submitter: submitterOf(caller, request), idempotencyKey, call: `send again ${id}` };
    const target = { kind: 'email', id };
    const answer = await this.submission.acceptDraft(draft, submitting, (accepted) => [
      this.audit.companion({ action: 'email.sent_again', ...by, target, details: { as: accepted.id } }),
    ]);
    return told(answer, reply);
  }

  private async find(id: string, caller: CallerIdentity): Promise<KeptRecord> {
    const record = await this.kept.find(id);
    if (!(await sees(caller, record))) throw new Problem('email_not_found');
    return record;
  }
}
