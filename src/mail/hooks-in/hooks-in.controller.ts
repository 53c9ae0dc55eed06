import { Controller, HttpCode, Module, Param, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Settings } from '../../config/settings.js';
import { Problems } from '../../core/problem-docs.js';
import { Templates } from '../content/templates.js';
import { MailModule } from '../mail.module.js';
import { SubmissionModule } from '../submission/submission.module.js';
import { HooksIn } from './hooks-in.js';
import { Mappings } from './mappings.js';

/** Bytes. Supabase sends the whole user with it. What is signed are the bytes themselves. */
const CONFIG = { bodyLimit: 256 * 1024, rawBody: true, doorkeeper: HooksIn };

const BODY = { schema: { type: 'object' }, description: 'As the auth system sends it, with its proof' };
const TAKEN = { status: 200, schema: { type: 'object', maxProperties: 0 }, description: 'Committed, or it was before' };
const WHAT =
  'For sources named in HOOK_IN_SECRETS. 200: it is committed and will be handed over. What is sent again is sent on once.';
const REFUSALS = [
  ...(['malformed_json', 'mail_hook_refused', 'mail_hook_not_configured', 'validation_failed'] as const),
  ...(['idempotency_mismatch', 'rate_limited', 'busy'] as const),
] as const;

/** Where auth systems hand in the mail that they would send: translated, and Submission decides. */
@ApiTags('hooks')
@Controller('v1/hooks/in')
class HooksInController {
  constructor(private readonly hooks: HooksIn) {}

  @Post(':source')
  @HttpCode(200)
  @RouteConfig(CONFIG)
  @ApiParam({ name: 'source', enum: ['supabase', 'kratos'] })
  @ApiBody(BODY)
  @ApiOperation({ summary: 'Mail of an auth system', description: WHAT })
  @ApiResponse(TAKEN)
  @Problems(...REFUSALS)
  async handIn(@Param('source') source: string, @Req() request: FastifyRequest): Promise<object> {
    await this.hooks.take({ source }, { headers: request.headers, body: bodyOf(request) }, request.id);
    return {};
  }

  @Post('generic/:name')
  @HttpCode(200)
  @RouteConfig(CONFIG)
  @ApiParam({ name: 'name', example: 'logto', description: 'Of its mapping: docs/hooks-in.md' })
  @ApiBody(BODY)
  @ApiOperation({ summary: 'Mail of any other system', description: `By a mapping. ${WHAT}` })
  @ApiResponse(TAKEN)
  @Problems(...REFUSALS)
  async handInGeneric(@Param('name') name: string, @Req() request: FastifyRequest): Promise<object> {
    await this.hooks.take({ name }, { headers: request.headers, body: bodyOf(request) }, request.id);
    return {};
  }
}

function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

@Module({
  imports: [MailModule, SubmissionModule],
  controllers: [HooksInController],
  providers: [
    HooksIn,
    {
      provide: Mappings,
      inject: [Settings, Templates],
      useFactory: ({ mail }: Settings, templates: Templates) => Mappings.read(mail, templates),
    },
  ],
})
export class HooksInModule {}
