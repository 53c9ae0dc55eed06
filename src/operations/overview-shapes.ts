import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Length, Matches } from 'class-validator';
import { IsOneLine, MayBeLeftOut } from '../core/input.js';
import { type Channel, CHANNELS, type Lane, LANES } from '../core/lanes.js';
import { MOMENT, WORD } from '../core/shapes.js';
import { EmailStatus } from '../generated/prisma/enums.js';
import type { Handful, HandOvers, Minute } from '../mail/outbox/hand-overs.js';
import type { LaneState, Overview, TransportState, WorkerState } from './overview-reader.js';
import type { DatedProblem } from './overview-policy.js';

const NUMBER = { type: Number, nullable: true } as const;
const STATUSES = Object.values(EmailStatus);
const MAX_REASON = 200;

class ProblemView {
  @ApiProperty({ type: String, example: 'transport_unreachable', description: 'As in /health/mail' })
  code!: DatedProblem['code'];

  @ApiProperty({ description: "The cause in a sentence, with the server's own words where there are any" })
  message!: string;

  @ApiProperty()
  remedy!: string;

  @ApiProperty({ ...MOMENT, description: 'Null where the record does not say' })
  since!: Date | null;

  @ApiProperty({ enum: ['fault', 'notice'], description: 'notice: it asks for a look, and mail flows all the same' })
  level!: DatedProblem['level'];

  @ApiPropertyOptional({ example: 'smtp_auth', description: 'Of a transport' })
  errorCode?: string;
}

class LedgerView {
  @ApiProperty({ description: 'Messages ever accepted' })
  accepted!: number;

  @ApiProperty({
    type: 'object',
    properties: Object.fromEntries(STATUSES.map((status) => [status, { type: 'integer' }])),
    required: STATUSES,
    selfRequired: true,
  })
  states!: Record<EmailStatus, number>;

  @ApiProperty({ description: 'Accepted less those in any state; anything but 0 is a bug of Otpost' })
  imbalance!: number;
}

class LaneView implements LaneState {
  @ApiProperty({ enum: LANES })
  lane!: Lane;

  @ApiProperty()
  due!: number;

  @ApiProperty()
  oldestDueSeconds!: number;

  @ApiProperty({ description: 'Scheduled or deferred' })
  later!: number;

  @ApiProperty()
  sending!: number;

  @ApiProperty(MOMENT)
  pausedAt!: Date | null;

  @ApiProperty(WORD)
  pauseReason!: string | null;

  @ApiProperty({ description: 'Live workers that work it' })
  workers!: number;

  @ApiProperty({ description: 'Hand-overs a second in the last minute' })
  perSecond!: number;

  @ApiProperty({ description: 'Seconds until everything due is handed over; a rate below one a second counts as one' })
  drainSeconds!: number;
}

class HandfulView implements Handful {
  @ApiProperty({ enum: LANES })
  lane!: Lane;

  @ApiProperty()
  count!: number;

  @ApiProperty({ format: 'date-time', description: 'Since when it has the first of them' })
  since!: Date;
}

class WorkerView implements WorkerState {
  @ApiProperty({ example: 'web-1:4711' })
  name!: string;

  @ApiProperty({ enum: LANES, isArray: true })
  lanes!: Lane[];

  @ApiProperty({ format: 'date-time' })
  startedAt!: Date;

  @ApiProperty({ format: 'date-time' })
  heartbeatAt!: Date;

  @ApiProperty({ description: 'Heard of within 15 s' })
  alive!: boolean;

  @ApiProperty()
  silentSeconds!: number;

  @ApiProperty({ ...WORD, example: '0.1.0', description: 'Of its build' })
  version!: string | null;

  @ApiProperty({ ...NUMBER, description: 'Milliseconds by which the clock of its host is ahead of that of Postgres' })
  aheadMs!: number | null;

  @ApiProperty({ description: 'Messages that it has in its hands' })
  sending!: number;

  @ApiProperty({ type: [HandfulView], description: 'The same by lane' })
  hands!: HandfulView[];

  @ApiProperty({ type: [String], example: ['retention'], description: 'Scheduled work that it does at this moment' })
  tasks!: string[];
}

class AttemptView {
  @ApiProperty({ enum: STATUSES })
  status!: EmailStatus;

  @ApiProperty(WORD)
  errorCode!: string | null;

  @ApiProperty({ ...WORD, description: "The server's words, without addresses; null when it took the message" })
  reply!: string | null;

  @ApiProperty({ format: 'date-time' })
  at!: Date;
}

class UnreachableView {
  @ApiProperty()
  host!: string;

  @ApiProperty({ format: 'date-time' })
  since!: Date;

  @ApiProperty(WORD)
  lastErrorCode!: string | null;

  @ApiProperty(WORD)
  lastReply!: string | null;
}

class RateView {
  @ApiProperty()
  count!: number;

  @ApiProperty({ description: 'Milliseconds' })
  windowMs!: number;
}

class TransportView implements TransportState {
  @ApiProperty({ example: 'smtp.example.com:587' })
  name!: string;

  @ApiProperty({ enum: CHANNELS })
  channel!: Channel;

  @ApiProperty({ enum: ['ok', 'unused', 'failing', 'backing_off', 'unreachable', 'paused'] })
  state!: TransportState['state'];

  @ApiProperty(MOMENT)
  pausedAt!: Date | null;

  @ApiProperty(WORD)
  pauseReason!: string | null;

  @ApiProperty({ ...MOMENT, description: 'When it is tried next' })
  backoffUntil!: Date | null;

  @ApiProperty({ ...WORD, description: 'Of the last pause or break' })
  lastErrorCode!: string | null;

  @ApiProperty(WORD)
  lastReply!: string | null;

  @ApiProperty({ type: [UnreachableView], description: 'Hosts that cannot reach it' })
  unreachableFrom!: UnreachableView[];

  @ApiProperty({ type: AttemptView, nullable: true })
  lastAttempt!: AttemptView | null;

  @ApiProperty({ type: RateView, nullable: true })
  rate!: RateView | null;

  @ApiProperty({ ...NUMBER, description: 'Messages a day' })
  daily!: number | null;

  @ApiProperty({ ...NUMBER, description: 'Of a transport with a quota, in UTC' })
  sentToday!: number | null;
}

class MinuteView implements Minute {
  @ApiProperty({ format: 'date-time' })
  at!: Date;

  @ApiProperty()
  handedOver!: number;

  @ApiProperty({ description: 'Attempts that failed, were deferred, or whose outcome is unknown' })
  notHandedOver!: number;
}

class HandOversView implements HandOvers {
  @ApiProperty({ type: [MinuteView], description: 'Of the last hour and the newest 5,000 attempts' })
  minutes!: MinuteView[];

  @ApiProperty()
  handedOver!: number;

  @ApiProperty({ ...NUMBER, description: 'Milliseconds from acceptance, or the time it was scheduled for' })
  medianMs!: number | null;

  @ApiProperty({ ...NUMBER, description: 'Milliseconds' })
  p95Ms!: number | null;
}

export class OverviewView implements Overview {
  @ApiProperty({ format: 'date-time' })
  at!: Date;

  @ApiProperty({ example: '0.1.0' })
  version!: string;

  @ApiProperty({ type: [ProblemView], description: 'What is wrong; what to mend first at the beginning' })
  problems!: ProblemView[];

  @ApiProperty({ description: 'Messages that are queued or deferred' })
  waiting!: number;

  @ApiProperty({ description: 'Messages of the last hour that expired before they could be sent, up to 10,000' })
  expiredLastHour!: number;

  @ApiProperty()
  ledger!: LedgerView;

  @ApiProperty({ type: [LaneView] })
  lanes!: LaneView[];

  @ApiProperty({ type: [WorkerView], description: 'Heard of in the last hour, the most recent first' })
  workers!: WorkerView[];

  @ApiProperty({ type: [TransportView], description: 'As configured, the preferred one first' })
  transports!: TransportView[];

  @ApiProperty()
  handOvers!: HandOversView;

  @ApiProperty({
    ...WORD,
    example: 'https://traces.example.com/trace/{traceId}',
    description: 'TRACE_URL: where the trace of a message is looked at',
  })
  traceUrl!: string | null;
}

export class PauseLaneRequest {
  @ApiProperty({ required: false, minLength: 1, maxLength: MAX_REASON, description: 'For those who find it paused' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_REASON)
  @IsOneLine()
  @Matches(/^(?!.*\S@\S)/, { message: 'must name no address: it stays in the audit record' })
  reason?: string;
}

export class LaneChangeView {
  @ApiProperty({ enum: LANES })
  lane!: Lane;

  @ApiProperty({ description: 'False: it was so already' })
  changed!: boolean;
}

export class TransportChangeView {
  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'False: it was open, and there was nothing to resume' })
  resumed!: boolean;

  @ApiProperty({ type: [String], description: 'Hosts that could not reach it, and try again' })
  hosts!: string[];
}
