import { Body, Controller, Get, Header, Module, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiParam, ApiProduces, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, By, inWords } from '../access/access.guard.js';
import { AccessModule } from '../access/access.module.js';
import { Audit, type Doer } from '../audit/audit.js';
import { type Lane, LANES } from '../core/lanes.js';
import { STREAM_HEADERS } from '../core/event-stream.js';
import { Operation } from '../core/operation.js';
import { Problems } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { PrismaService, Transactions } from '../database/prisma.service.js';
import { HealthChecksModule } from '../health/health.module.js';
import { MailModule } from '../mail/mail.module.js';
import { LanePauses } from '../mail/outbox/changes.js';
import { TransportRecords } from '../mail/routing/breaker-records.js';
import { OtpModule } from '../otp/otp.module.js';
import { SmsTraffic } from '../otp/sms/sms-traffic.js';
import { VerificationsModule } from '../otp/verifications/verifications.controller.js';
import { LIVE_ENDS, LIVE_REFUSED_FOR_S, LiveStreams, SEES_OPERATIONS, TOPICS } from './live-streams.js';
import { OverviewReader } from './overview-reader.js';
import { LaneChangeView, OverviewView, PauseLaneRequest, TransportChangeView } from './overview-shapes.js';
import { ScheduleList, Schedules } from './schedules.js';
import { SmsView } from './sms-shapes.js';
import { STAFF, STAFF_IN_WORDS, TransportProbes, TrialController } from './trial.controller.js';

/**
 * Asked in the handler and not by a pipe, so that a body that is unfit is told of first. @throws Problem
 * `lane_not_found`
 */
function laneOf(name: string): Lane {
  const lane = LANES.find((one) => one === name);
  if (!lane) throw new Problem('lane_not_found');
  return lane;
}

const SEES_IN_WORDS = inWords(SEES_OPERATIONS);
const LANE = { name: 'lane', enum: [...LANES] } as const;

/** How the mail fares as a whole, and what holds it back or lets it go on. */
@ApiTags('operations')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow(STAFF)
@Controller('v1/operations')
class OverviewController {
  private readonly pauses: LanePauses;

  constructor(
    private readonly overview: OverviewReader,
    private readonly sms: SmsTraffic,
    private readonly transports: TransportRecords,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
    private readonly live: LiveStreams,
    private readonly schedules: Schedules,
    prisma: PrismaService,
  ) {
    this.pauses = new LanePauses(prisma);
  }

  @Get('overview')
  @Allow(SEES_OPERATIONS)
  @Header('Cache-Control', 'no-store')
  @Operation(200, OverviewView, {
    summary: 'What is wrong, and how lanes, workers and transports fare',
    description: `${SEES_IN_WORDS} Read from the record at this moment.`,
  })
  read(): Promise<OverviewView> {
    return this.overview.read();
  }

  @Get('sms')
  @Allow(SEES_OPERATIONS)
  @Header('Cache-Control', 'no-store')
  @Operation(200, SmsView, {
    summary: 'Codes by SMS of this UTC day, and where too few are given back',
    description: SEES_IN_WORDS,
  })
  readSms(): Promise<SmsView> {
    return this.sms.read();
  }

  @Get('events')
  @Allow(SEES_OPERATIONS)
  @ApiOperation({
    summary: 'The same as a stream, and what else changes',
    description:
      `${SEES_IN_WORDS} Server-Sent Events. \`overview\`: as GET /v1/operations/overview, at once and every few seconds. ` +
      `\`changed\` with {topics}: something of ${TOPICS.join(', ')} did; ask for what you show of it. \`away\`: Postgres does not answer; ` +
      `the next \`overview\` says that it does. \`end\` with {reason: ${LIVE_ENDS.join(' | ')}}: connect again, with a token that is good.`,
  })
  @ApiProduces('text/event-stream')
  @ApiResponse({ status: 200, schema: { type: 'string' } })
  @Problems('too_many_streams')
  async events(@By() { actor }: Doer, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const stream = await this.live.open(actor.id!, request.headers.authorization);
    if (!stream) throw new Problem('too_many_streams', { headers: { 'retry-after': String(LIVE_REFUSED_FOR_S) } });
    if (request.method === 'HEAD') stream.end();
    void reply.headers(STREAM_HEADERS).send(stream.body);
  }

  @Get('schedules')
  @Allow(SEES_OPERATIONS)
  @Header('Cache-Control', 'no-store')
  @Operation(200, ScheduleList, {
    summary: 'Periodic work: when it ran last, what it did, and when it runs next',
    description: `${SEES_IN_WORDS} By name; all of it in one answer. Each task is done by one process at a time.`,
  })
  list(): Promise<ScheduleList> {
    return this.schedules.list();
  }

  @Post('lanes/:lane/pause')
  @ApiParam(LANE)
  @Operation(200, LaneChangeView, {
    summary: 'Deliver nothing of a lane until it is resumed',
    description: `${STAFF_IN_WORDS} For all processes. What was claimed goes out; mail is accepted and waits, and codes expire.`,
  })
  @Problems('lane_not_found')
  async pause(
    @Param('lane') name: string,
    @Body() { reason = undefined }: PauseLaneRequest,
    @By() by: Doer,
  ): Promise<LaneChangeView> {
    const lane = laneOf(name);
    return this.transactions.run(async (unit) => {
      const changed = (await this.pauses.pause([lane], reason ?? null, unit)).length > 0;
      const entry = { action: 'lane.paused', ...by, target: { kind: 'lane', id: lane } };
      if (changed) await this.audit.record({ ...entry, details: { reason: reason ?? null } }, unit);
      return { lane, changed };
    });
  }

  @Post('lanes/:lane/resume')
  @ApiParam(LANE)
  @Operation(200, LaneChangeView, {
    summary: 'Deliver a paused lane again',
    description: `${STAFF_IN_WORDS} Workers notice within two seconds.`,
  })
  @Problems('lane_not_found')
  async resume(@Param('lane') name: string, @By() by: Doer): Promise<LaneChangeView> {
    const lane = laneOf(name);
    return this.transactions.run(async (unit) => {
      const changed = (await this.pauses.resume([lane], unit)).length > 0;
      if (changed) await this.audit.record({ action: 'lane.resumed', ...by, target: { kind: 'lane', id: lane } }, unit);
      return { lane, changed };
    });
  }

  @Post('transports/:name/resume')
  @Operation(200, TransportChangeView, {
    summary: 'Use a transport again that is paused or has a break',
    description: `${STAFF_IN_WORDS} For all workers and hosts; they notice within seconds.`,
  })
  @Problems('transport_not_found')
  async resumeTransport(@Param('name') name: string, @By() by: Doer): Promise<TransportChangeView> {
    const result = await this.transports.resume(
      name,
      (work) => this.transactions.run(work),
      (entry, unit) => this.audit.record({ ...entry, ...by }, unit),
    );
    if (result.kind === 'not_found') throw new Problem('transport_not_found');
    if (result.kind === 'not_paused') return { name, resumed: false, hosts: [] };
    return { name, resumed: true, hosts: result.hosts };
  }
}

/** What operators look at and hold in their hands, by the API. */
@Module({
  imports: [AccessModule, HealthChecksModule, MailModule, OtpModule, VerificationsModule],
  controllers: [OverviewController, TrialController],
  providers: [AccessGuard, LiveStreams, OverviewReader, Schedules, SmsTraffic, TransportProbes],
})
export class OverviewModule {}
