import { Controller, Get, Module, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProperty, ApiPropertyOptional, ApiResponse, ApiTags } from '@nestjs/swagger';
import { IsIn, IsString, Matches, MaxLength } from 'class-validator';
import { AccessGuard, Allow } from '../access/access.guard.js';
import { AccessModule } from '../access/access.module.js';
import { ACTOR_KINDS, AUDIT_RESULTS, type AuditRecord, AuditRecords, type AuditResult } from '../audit/audit.js';
import { IsMoment, MayBeLeftOut } from '../core/input.js';
import { boundsOf, pageOf, PageQuery } from '../core/page.js';
import { WORD } from '../core/shapes.js';

/** What fits a BIGSERIAL. */
const ID = /^\d{1,18}$/;
const NO_CONTROLS = /^\P{Cc}*$/u;

class AuditQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'session.started', description: 'Or its first word, such as session' })
  @MayBeLeftOut()
  @Matches(/^[a-z_]{1,50}(\.[a-z_]{1,50})?$/, {
    message: 'must be an action such as session.started, or its first word',
  })
  action?: string;

  @ApiPropertyOptional({ description: 'Of an account or an API key' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(200)
  @Matches(NO_CONTROLS, { message: 'must not contain control characters' })
  actorId?: string;

  @ApiPropertyOptional({ description: 'Of what was acted upon' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(200)
  @Matches(NO_CONTROLS, { message: 'must not contain control characters' })
  targetId?: string;

  @ApiPropertyOptional({ enum: AUDIT_RESULTS })
  @MayBeLeftOut()
  @IsIn(AUDIT_RESULTS)
  result?: AuditResult;

  @ApiPropertyOptional({ format: 'date-time', description: 'At or after' })
  @MayBeLeftOut()
  @IsMoment()
  since?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Before' })
  @MayBeLeftOut()
  @IsMoment()
  until?: string;
}

class AuditActorView {
  @ApiProperty({ enum: ACTOR_KINDS, description: 'operator: somebody with the command line of the host' })
  kind!: string;

  @ApiProperty(WORD)
  id!: string | null;
}

class AuditTargetView {
  @ApiProperty({ example: 'session' })
  kind!: string;

  @ApiProperty()
  id!: string;
}

class AuditEventView {
  @ApiProperty({ description: 'A number, as text' })
  id!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ example: 'session.started' })
  action!: string;

  @ApiProperty({ enum: AUDIT_RESULTS })
  result!: string;

  @ApiProperty()
  actor!: AuditActorView;

  @ApiProperty({ type: AuditTargetView, nullable: true })
  target!: AuditTargetView | null;

  @ApiProperty(WORD)
  ip!: string | null;

  @ApiProperty(WORD)
  userAgent!: string | null;

  @ApiProperty({ ...WORD, description: 'As in x-request-id and in the log' })
  requestId!: string | null;

  @ApiProperty({ type: Object, nullable: true, description: 'What else is known; never a secret' })
  details!: unknown;

  static of({ id, at, actorKind, actorId, targetKind, targetId, ...event }: AuditRecord): AuditEventView {
    const target = targetKind !== null && targetId !== null ? { kind: targetKind, id: targetId } : null;
    const { action, result, ip, userAgent, requestId, details } = event;
    const facts = { action, result, actor: { kind: actorKind, id: actorId }, target };
    return { id: String(id), at: at.toISOString(), ...facts, ip, userAgent, requestId, details };
  }
}

class AuditList {
  @ApiProperty({ type: [AuditEventView] })
  items!: AuditEventView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}

/** Who did what, when, from where, and whether it was let. */
@ApiTags('audit')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/audit')
class AuditController {
  constructor(private readonly records: AuditRecords) {}

  @Get()
  @Allow({ scope: 'admin', role: 'viewer' })
  @ApiOperation({
    summary: 'Who did what, newest first',
    description: 'Scope admin, or a viewer. Kept for AUDIT_RETENTION_DAYS.',
  })
  @ApiResponse({ status: 200, type: AuditList })
  async list(@Query() query: AuditQuery): Promise<AuditList> {
    const { limit, after } = boundsOf(query, ID);
    const { action, actorId, targetId, result, since, until } = query;
    const filter = { action, actorId, targetId, result, since: momentOf(since), until: momentOf(until) };
    const rows = await this.records.list(filter, limit + 1, after === undefined ? undefined : BigInt(after));
    return pageOf(rows, limit, (row) => AuditEventView.of(row));
  }
}

function momentOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

/** Apart from what a worker's port shows: it needs accounts to know who asks. */
@Module({ imports: [AccessModule], controllers: [AuditController] })
export class AuditApiModule {}
