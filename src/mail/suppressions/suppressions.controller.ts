import { Body, Controller, Delete, Get, HttpCode, Module, Post, Query, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import { IsIn, IsString, Length, Matches } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { AccessGuard, Allow, By } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import type { Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { MAX_ADDRESS_LENGTH, parseEmailAddress } from '../../core/email-address.js';
import { IsMailAddress, IsMoment, IsOneLine, MayBeLeftOut, MayBeNull } from '../../core/input.js';
import { boundsOf, pageOf, PageQuery } from '../../core/page.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { KNOWN_MOMENT, MOMENT, WORD } from '../../core/shapes.js';
import {
  expiryFault,
  MAX_WORDS,
  SUPPRESSION_REASONS,
  SUPPRESSION_SCOPES,
  type SuppressionReason,
  type SuppressionScope,
} from './suppression-policy.js';
import { SuppressionChanges, type SuppressionRecord, SuppressionRecords } from './suppressions.js';

const ADDRESS = { format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' } as const;

class SuppressionQuery extends PageQuery {
  @ApiPropertyOptional({ ...ADDRESS, description: 'Of this address' })
  @MayBeLeftOut()
  @IsMailAddress()
  address?: string;

  @ApiPropertyOptional({ enum: SUPPRESSION_REASONS })
  @MayBeLeftOut()
  @IsIn(SUPPRESSION_REASONS)
  reason?: SuppressionReason;
}

class AddSuppressionRequest {
  @ApiProperty(ADDRESS)
  @IsMailAddress()
  address!: string;

  @ApiPropertyOptional({
    enum: ['manual'],
    default: 'manual',
    description: 'The other reasons are what servers, providers and recipients say',
  })
  @MayBeLeftOut()
  @IsIn(['manual'])
  reason?: 'manual';

  @ApiPropertyOptional({
    enum: SUPPRESSION_SCOPES,
    default: 'all',
    description: '`bulk`: no newsletters; codes and ordinary mail still go there',
  })
  @MayBeLeftOut()
  @IsIn(SUPPRESSION_SCOPES)
  scope?: SuppressionScope;

  @ApiPropertyOptional({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'It counts no longer from then on; left out: it does not expire',
  })
  @MayBeNull()
  @IsMoment()
  expiresAt?: string | null;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: MAX_WORDS,
    nullable: true,
    type: String,
    description: 'For those who find it',
  })
  @MayBeNull()
  @IsString()
  @Length(1, MAX_WORDS)
  @IsOneLine()
  note?: string | null;
}

class LiftSuppressionRequest {
  @ApiProperty(ADDRESS)
  @IsMailAddress()
  address!: string;

  @ApiPropertyOptional({ enum: SUPPRESSION_SCOPES, description: 'Left out: whatever stands against the address' })
  @MayBeLeftOut()
  @IsIn(SUPPRESSION_SCOPES)
  scope?: SuppressionScope;

  @ApiProperty({
    minLength: 1,
    maxLength: MAX_WORDS,
    example: 'has a new mailbox, ticket 4711',
    description: 'Why, for the audit record; it must name no address',
  })
  @IsString()
  @Length(1, MAX_WORDS)
  @IsOneLine()
  @Matches(/\S/, { message: 'must say why' })
  @Matches(/^(?!.*\S@\S)/, { message: 'must name no address: it stays in the audit record' })
  reason!: string;
}

class SuppressionView {
  @ApiProperty({ description: 'A number, as text; the audit record names it so' })
  id!: string;

  @ApiProperty({ format: 'email', description: 'In lower case, its domain in punycode' })
  address!: string;

  @ApiProperty({
    enum: SUPPRESSION_SCOPES,
    description: '`bulk`: no newsletters; codes and ordinary mail still go there',
  })
  scope!: string;

  @ApiProperty({ enum: SUPPRESSION_REASONS })
  reason!: string;

  @ApiProperty({
    example: 'postmark',
    description: 'What told us: a transport, a provider, dsn, one_click, page, api_key, account, operator',
  })
  source!: string;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The message whose fate put it here, the last of them',
  })
  emailId!: string | null;

  @ApiProperty(WORD)
  note!: string | null;

  @ApiProperty(KNOWN_MOMENT)
  createdAt!: Date;

  @ApiProperty({ ...KNOWN_MOMENT, description: 'When it bounced last, or was added last' })
  lastSeenAt!: Date;

  @ApiProperty({ ...MOMENT, description: 'It counts no longer from then on; null: until it is lifted' })
  expiresAt!: Date | null;

  static of(record: SuppressionRecord): SuppressionView {
    return { ...record, id: String(record.id) };
  }
}

class SuppressionList {
  @ApiProperty({ type: [SuppressionView] })
  items!: SuppressionView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}

/** What fits a BIGSERIAL. */
const ID = /^\d{1,18}$/;

/**
 * The addresses that get no mail. An address stands in bodies and not in paths: URLs end up in the logs of whatever
 * stands before Otpost.
 */
@ApiTags('suppressions')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/suppressions')
class SuppressionsController {
  constructor(
    private readonly records: SuppressionRecords,
    private readonly changes: SuppressionChanges,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Allow({ scope: 'suppressions:read', role: 'viewer' })
  @ApiOperation({
    summary: 'Addresses that get no mail, newest first',
    description: 'Scope suppressions:read, or a viewer. Those that have expired are left out.',
  })
  @ApiResponse({ status: 200, type: SuppressionList })
  async list(@Query() query: SuppressionQuery): Promise<SuppressionList> {
    const { limit, after } = boundsOf(query, ID);
    const filter = { address: query.address && canonicalOf(query.address), reason: query.reason };
    const records = await this.records.list(filter, limit + 1, after === undefined ? undefined : BigInt(after));
    return pageOf(records, limit, (record) => SuppressionView.of(record));
  }

  @Post()
  @HttpCode(201)
  @Allow({ scope: 'suppressions:write', role: 'operator' })
  @ApiOperation({
    summary: 'Send no more mail to an address',
    description:
      'Scope suppressions:write, or an operator. 200: it stands like that already, or for a stronger reason, and nothing was changed.',
  })
  @ApiResponse({ status: 201, type: SuppressionView })
  @ApiResponse({ status: 200, type: SuppressionView })
  async add(
    @Body() body: AddSuppressionRequest,
    @By() by: Doer,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SuppressionView> {
    const { address, scope = 'all', note = null } = body;
    const expiresAt = body.expiresAt ? new Date(body.expiresAt) : null;
    const fault = expiresAt && expiryFault(expiresAt, this.clock.now());
    if (fault) throw new Problem('validation_failed', { errors: [fault] });
    const { kind, record } = await this.changes.add({ address: canonicalOf(address), scope, expiresAt, note }, by);
    if (kind === 'stands') reply.status(200);
    return SuppressionView.of(record);
  }

  @Delete()
  @HttpCode(204)
  @Allow({ scope: 'suppressions:write', role: 'operator' })
  @ApiOperation({
    summary: 'Send mail to an address again',
    description:
      'Scope suppressions:write, or an operator. What is claimed from then on goes out; what ended as `suppressed` stays so.',
  })
  @ApiResponse({ status: 204 })
  @Problems('suppression_not_found')
  async lift(@Body() { address, scope, reason }: LiftSuppressionRequest, @By() by: Doer): Promise<void> {
    const { kind } = await this.changes.lift({ address: canonicalOf(address), scope, reason }, by);
    if (kind === 'not_found') throw new Problem('suppression_not_found');
  }
}

/** Of a validated address. */
function canonicalOf(address: string): string {
  return parseEmailAddress(address)!.canonical;
}

/** The suppression list, for back ends and operators. */
@Module({
  imports: [AccessModule],
  controllers: [SuppressionsController],
  providers: [SuppressionChanges, SuppressionRecords],
})
export class SuppressionsApiModule {}
