import { Controller, HttpCode, Module, Param, Post, Req, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import {
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiOperation,
  ApiParam,
  ApiProperty,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AccessGuard, AllowBeforeBody } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import { Clock } from '../../core/clock.js';
import { Logger } from '../../core/logger.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { requesterOf } from '../../limits/limit-policy.js';
import { MailModule } from '../mail.module.js';
import { PROVIDERS } from '../providers/providers.js';
import { SnsSite } from '../providers/sns.js';
import { SMS_PROVIDERS } from '../sms/sms-providers.js';
import { Bounces } from '../events/bounces.js';
import { Hooks } from './hooks.js';

/** Bytes; some providers send batches. */
const HOOK_BODY_LIMIT = 1024 * 1024;
/** What is signed are the bytes themselves. */
const RAW = { bodyLimit: HOOK_BODY_LIMIT, rawBody: true };

/** Providers that tell what became of messages. */
const TELLERS = [...PROVIDERS, ...SMS_PROVIDERS.filter(({ hook }) => hook)].map(({ kind }) => kind);

/** Those of SMS. */
function tellsByForm(params: unknown): boolean {
  const { provider } = params as { provider: string };
  return SMS_PROVIDERS.some(({ kind, hook }) => hook && kind === provider.toLowerCase());
}

class HookView {
  @ApiProperty({ description: 'Events that are new here; of kinds that do not matter to us there may have been more' })
  recorded!: number;

  @ApiProperty({ description: 'Events that were known already' })
  duplicates!: number;
}

class BounceView extends HookView {
  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The message it speaks of; null when it is none of ours',
  })
  emailId!: string | null;
}

/** What became of messages, told by those who carried them. */
@ApiTags('hooks')
@Controller('v1/hooks')
class HooksController {
  constructor(
    private readonly hooks: Hooks,
    private readonly bounces: Bounces,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  @Post('dsn')
  @HttpCode(200)
  @UseGuards(AccessGuard)
  @AllowBeforeBody({ scope: 'admin' }, RAW)
  @ApiBearerAuth()
  @ApiConsumes('message/rfc822')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiOperation({
    summary: 'A bounce that came as mail',
    description: 'Scope admin. The whole message, a delivery status notification (RFC 3464).',
  })
  @ApiResponse({ status: 200, type: BounceView })
  @Problems('not_a_dsn')
  async bounce(@Req() request: FastifyRequest): Promise<BounceView> {
    const taken = await this.bounces.take(bodyOf(request), this.clock.now());
    switch (taken.kind) {
      case 'not_a_dsn':
        throw new Problem('not_a_dsn');
      case 'not_ours':
        return { emailId: null, recorded: 0, duplicates: 0 };
      case 'taken': {
        const { emailId, duplicate, settled } = taken;
        for (const change of settled.changed)
          this.log.info({ ...change, requestId: request.id }, 'a bounce told what became of a message');
        return { emailId, recorded: duplicate ? 0 : 1, duplicates: duplicate ? 1 : 0 };
      }
    }
  }

  @Post(':provider')
  @HttpCode(200)
  @RouteConfig({ ...RAW, forms: tellsByForm, doorkeeper: Hooks })
  @ApiParam({ name: 'provider', enum: TELLERS })
  @ApiBody({ schema: { type: 'object' }, description: 'As the provider sends it, with its proof' })
  @ApiOperation({
    summary: 'Events of a provider',
    description: 'For providers named in HOOK_SECRETS. Known events and those of unknown messages are a 200 too.',
  })
  @ApiResponse({ status: 200, type: HookView })
  @Problems('malformed_json', 'hook_refused', 'hook_not_configured', 'hook_unprovable')
  async events(@Param('provider') provider: string, @Req() request: FastifyRequest): Promise<HookView> {
    const { ids, duplicates } = await this.hooks.take(
      provider.toLowerCase(),
      { url: request.url, headers: request.headers, body: bodyOf(request) },
      { requestId: request.id, requester: requesterOf(request.ip) },
    );
    return { recorded: ids.length, duplicates };
  }
}

function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** Where providers tell what became of messages. */
@Module({
  imports: [AccessModule, MailModule],
  controllers: [HooksController],
  providers: [Hooks, { provide: SnsSite, useFactory: () => new SnsSite() }],
})
export class HooksModule {}
