import { Body, Controller, Delete, Get, HttpCode, Inject, Post, Query, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AccessGuard, Allow, By } from '../../../access/access.guard.js';
import type { Doer } from '../../../audit/audit.js';
import { Clock } from '../../../core/clock.js';
import { parseEmailAddress } from '../../../core/email-address.js';
import { boundsOf, pageOf } from '../../../core/page.js';
import { Problem } from '../../../core/problems.js';
import { SuppressionChanges } from '../suppression-changes.js';
import { expiryFault } from '../suppression-policy.js';
import { SuppressionRecords } from '../suppression-records.js';
import { AddSuppressionRequest, LiftSuppressionRequest, SuppressionQuery } from './requests.js';
import { SuppressionList, SuppressionView } from './views.js';

/** What fits a BIGSERIAL. */
const ID = /^\d{1,18}$/;

/**
 * The addresses that get no mail. An address stands in bodies and not in paths: URLs end up in the logs of whatever stands
 * before Otpost.
 */
@ApiTags('suppressions')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/suppressions')
export class SuppressionsController {
  constructor(
    @Inject(SuppressionRecords) private readonly records: SuppressionRecords,
    @Inject(SuppressionChanges) private readonly changes: SuppressionChanges,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow({ scope: 'suppressions:read', role: 'operator' })
  @ApiOperation({ summary: 'Addresses that get no mail, newest first', description: 'Scope suppressions:read, or an operator. Those that have expired are left out.' })
  @ApiResponse({ status: 200, type: SuppressionList })
  async list(@Query() query: SuppressionQuery): Promise<SuppressionList> {
    const { limit, after } = boundsOf(query, ID);
    const filter = { address: query.address && canonicalOf(query.address), reason: query.reason };
    return pageOf(await this.records.list(filter, limit + 1, after === undefined ? undefined : BigInt(after)), limit, (record) => SuppressionView.of(record));
  }

  @Post()
  @HttpCode(201)
  @Allow({ scope: 'suppressions:write', role: 'operator' })
  @ApiOperation({
    summary: 'Send no more mail to an address',
    description: 'Scope suppressions:write, or an operator. 200: it stands like that already, or for a stronger reason, and nothing was changed.',
  })
  @ApiResponse({ status: 201, type: SuppressionView })
  @ApiResponse({ status: 200, type: SuppressionView })
  async add(@Body() body: AddSuppressionRequest, @By() by: Doer, @Res({ passthrough: true }) reply: FastifyReply): Promise<SuppressionView> {
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
    description: 'Scope suppressions:write, or an operator. What is claimed from then on goes out; what ended as `suppressed` stays so.',
  })
  @ApiResponse({ status: 204 })
  async lift(@Body() { address, scope, reason }: LiftSuppressionRequest, @By() by: Doer): Promise<void> {
    const { kind } = await this.changes.lift({ address: canonicalOf(address), scope, reason }, by);
    if (kind === 'not_found') throw new Problem('suppression_not_found');
  }
}

/** Of a validated address. */
function canonicalOf(address: string): string {
  return parseEmailAddress(address)!.canonical;
}
