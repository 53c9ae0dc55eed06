import { Body, Controller, Delete, Get, Param, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsString,
  Length,
  Matches,
  Max,
  Min,
} from 'class-validator';
import type { Doer } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { UUID, uuidPipe } from '../core/ids.js';
import { parseSenderPattern } from '../core/email-address.js';
import { AreSenderPatterns, IsMoment, IsOneLine, MayBeLeftOut, MayBeNull } from '../core/input.js';
import { Operation } from '../core/operation.js';
import { boundsOf, pageOf, PageQuery } from '../core/page.js';
import { Problems } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { MOMENT, WORD } from '../core/shapes.js';
import { AccessGuard, Allow, By, inWords } from './access.guard.js';
import { type ApiKeyRecord, ApiKeys, KeyChanges } from './api-keys.js';
import {
  DEFAULT_OVERLAP_HOURS,
  lifetimeFault,
  MAX_NAME_LENGTH,
  MAX_OVERLAP_HOURS,
  MAX_SENDERS,
  type Scope,
  SCOPES,
} from './access-policy.js';

export class CreateKeyRequest {
  @ApiProperty({ minLength: 1, maxLength: MAX_NAME_LENGTH, example: 'billing', description: 'What the key is for' })
  @IsString()
  @Length(1, MAX_NAME_LENGTH)
  @IsOneLine()
  @Matches(/^\S(.*\S)?$/u, { message: 'must not begin or end with a blank' })
  name!: string;

  @ApiProperty({ enum: SCOPES, isArray: true, description: 'What it may do; admin includes the others' })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(SCOPES.length)
  @ArrayUnique()
  @IsIn(SCOPES, { each: true })
  scopes!: Scope[];

  @ApiPropertyOptional({
    type: [String],
    maxItems: MAX_SENDERS,
    example: ['billing@example.com', '@news.example.com'],
    description:
      'Addresses, and domains with an @ before them, that it may send from, out of those that the deployment may (MAIL_FROM and MAIL_SENDERS); left out or empty: all of these',
  })
  @MayBeLeftOut()
  @IsArray()
  @ArrayMaxSize(MAX_SENDERS)
  @AreSenderPatterns()
  senders?: string[];

  @ApiPropertyOptional({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'It opens nothing from then on; left out: it does not expire',
  })
  @MayBeNull()
  @IsMoment()
  expiresAt?: string | null;
}

class RotateKeyRequest {
  @ApiPropertyOptional({
    minimum: 0,
    maximum: MAX_OVERLAP_HOURS,
    default: DEFAULT_OVERLAP_HOURS,
    description: 'Hours for which the former key works beside the new one',
  })
  @MayBeLeftOut()
  @IsInt()
  @Min(0)
  @Max(MAX_OVERLAP_HOURS)
  overlapHours?: number;
}

/** Everything but the key. */
class ApiKeyView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ example: 'otp_live_Ab3xY', description: 'What the key begins with' })
  prefix!: string;

  @ApiProperty({ enum: SCOPES, isArray: true })
  scopes!: string[];

  @ApiProperty({ type: [String], description: 'What it may send from; empty: whatever the deployment may' })
  senders!: string[];

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ ...MOMENT, description: 'To the minute' })
  lastUsedAt!: string | null;

  @ApiProperty(MOMENT)
  expiresAt!: string | null;

  @ApiProperty(MOMENT)
  revokedAt!: string | null;

  @ApiProperty({
    type: String,
    format: 'uuid',
    nullable: true,
    description: 'The key that took over when it was rotated',
  })
  replacedBy!: string | null;

  static of({ createdAt, lastUsedAt, expiresAt, revokedAt, ...record }: ApiKeyRecord): ApiKeyView {
    const { id, name, prefix, scopes, senders, replacedBy } = record;
    const moment = (at: Date | null): string | null => at?.toISOString() ?? null;
    const moments = { lastUsedAt: moment(lastUsedAt), expiresAt: moment(expiresAt), revokedAt: moment(revokedAt) };
    return { id, name, prefix, scopes, senders, createdAt: createdAt.toISOString(), ...moments, replacedBy };
  }
}

class CreatedKeyView extends ApiKeyView {
  @ApiProperty({ example: 'otp_live_…', description: 'Shown this once' })
  key!: string;
}

class ApiKeyList {
  @ApiProperty({ type: [ApiKeyView] })
  items!: ApiKeyView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}

const SCOPE = inWords({ scope: 'admin' });
const SEES = { scope: 'admin', role: 'viewer' } as const;
const SEES_IN_WORDS = inWords(SEES);
const KeyIdPipe = uuidPipe('api_key_not_found');

/** The keys of back ends. A key itself is in the answer that made it, and nowhere else. */
@ApiTags('api keys')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow({ scope: 'admin' })
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(
    private readonly keys: ApiKeys,
    private readonly changes: KeyChanges,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Operation(201, CreatedKeyView, {
    summary: 'Make a key',
    description: `${SCOPE} The key is in this answer and never again.`,
  })
  async create(
    @Body() { name, scopes, senders, expiresAt }: CreateKeyRequest,
    @By() by: Doer,
  ): Promise<CreatedKeyView> {
    const end = expiresAt ? new Date(expiresAt) : null;
    const fault = end && lifetimeFault(end, this.clock.now());
    if (fault) throw new Problem('validation_failed', { errors: [{ field: 'expiresAt', ...fault }] });
    const canonical = (senders ?? []).map((sender) => parseSenderPattern(sender)!); // validated
    const { key, record } = await this.changes.create({ name, scopes, senders: canonical, expiresAt: end }, by);
    return { ...ApiKeyView.of(record), key };
  }

  @Get()
  @Allow(SEES)
  @Operation(200, ApiKeyList, {
    summary: 'All keys, without the keys themselves',
    description: `${SEES_IN_WORDS} Those that are over too; oldest first.`,
  })
  async list(@Query() query: PageQuery): Promise<ApiKeyList> {
    const { limit, after } = boundsOf(query, UUID);
    return pageOf(await this.keys.list({ limit: limit + 1, after }), limit, (record) => ApiKeyView.of(record));
  }

  @Get(':id')
  @Allow(SEES)
  @Operation(200, ApiKeyView, { summary: 'One key, without the key itself', description: SEES_IN_WORDS })
  @Problems('api_key_not_found')
  async read(@Param('id', KeyIdPipe) id: string): Promise<ApiKeyView> {
    const record = await this.keys.find(id);
    if (!record) throw new Problem('api_key_not_found');
    return ApiKeyView.of(record);
  }

  @Post(':id/rotate')
  @Operation(201, CreatedKeyView, {
    summary: 'A new key in its place',
    description: `${SCOPE} Same name, scopes, senders and lifetime; the former one works until the overlap ends.`,
  })
  @Problems('api_key_not_found', 'api_key_over')
  async rotate(
    @Param('id', KeyIdPipe) id: string,
    @Body() body: RotateKeyRequest,
    @By() by: Doer,
  ): Promise<CreatedKeyView> {
    const result = await this.changes.rotate(id, body.overlapHours ?? DEFAULT_OVERLAP_HOURS, by);
    switch (result.kind) {
      case 'rotated':
        return { ...ApiKeyView.of(result.record), key: result.key };
      case 'over':
        throw new Problem('api_key_over', {
          detail:
            result.why === 'rotated'
              ? 'The API key has a successor already.'
              : `The API key ${result.why === 'revoked' ? 'was revoked' : 'has expired'}.`,
          extensions: { replacedBy: result.record.replacedBy },
        });
      default:
        throw new Problem('api_key_not_found');
    }
  }

  @Delete(':id')
  @Operation(204, undefined, { summary: 'Make a key invalid, at once', description: SCOPE })
  @Problems('api_key_not_found')
  async revoke(@Param('id', KeyIdPipe) id: string, @By() by: Doer): Promise<void> {
    const { kind } = await this.changes.revoke(id, by);
    if (kind === 'not_found') throw new Problem('api_key_not_found');
  }
}
