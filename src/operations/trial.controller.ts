import { hostname } from 'node:os';
import { Body, Controller, Injectable, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, By, Caller, type CallerIdentity, inWords } from '../access/access.guard.js';
import { Audit, type Doer } from '../audit/audit.js';
import { Settings } from '../config/settings.js';
import { MAX_ADDRESS_LENGTH, parseEmailAddress } from '../core/email-address.js';
import { IsMailAddress, MayBeLeftOut } from '../core/input.js';
import { Operation } from '../core/operation.js';
import { Problems } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { WORKER_NAME } from '../core/process-facts.js';
import { Semaphore } from '../core/semaphore.js';
import { WORD } from '../core/shapes.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService } from '../database/prisma.service.js';
import { Names } from '../doctor/network.js';
import type { Check } from '../doctor/report.js';
import { transportChecks } from '../doctor/transport-checks.js';
import { Limits } from '../limits/limits.js';
import { keysOf, allTransports } from '../mail/routing/routes.js';
import { Idempotency } from '../mail/submission/idempotency.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../mail/submission/idempotency-header.js';
import { ChallengeIdPipe, CHECK_PROBLEMS, IsCode, refusalProblem } from '../otp/challenge-view.js';
import { CodeIssuer } from '../otp/code-issuer.js';
import { CODE_LENGTH, storedPurpose, VERIFICATION_TEMPLATES } from '../otp/verifications/verification-policy.js';
import { Verifications } from '../otp/verifications/verifications.js';

export const STAFF = { scope: 'admin', role: 'operator' } as const;
export const STAFF_IN_WORDS = inWords(STAFF);
/** Its codes open nothing anywhere else. */
const PURPOSE = 'operations-trial';
/** Milliseconds for all that is tried of one transport. */
const PROBE_WITHIN_MS = 20_000;
/** Transports that are probed side by side: a probe holds connections, and may hang. */
const PROBES_AT_A_TIME = 4;

class CheckView implements Pick<Check, 'name' | 'status' | 'summary'> {
  @ApiProperty({ example: 'smtp.example.com:587', description: 'What was tried: each port of a server by itself' })
  name!: string;

  @ApiProperty({ enum: ['ok', 'warn', 'fail', 'skip'] })
  status!: Check['status'];

  @ApiProperty({ type: Number, nullable: true, description: 'Milliseconds it took' })
  ms!: number | null;

  @ApiProperty({ description: 'In plain words, one line' })
  summary!: string;

  @ApiProperty(WORD)
  remedy!: string | null;
}

class TransportTestView {
  @ApiProperty()
  name!: string;

  @ApiProperty({ example: 'web-1', description: 'The host it was tried from, which is that of this web process' })
  host!: string;

  @ApiProperty({ enum: ['ok', 'fail'], description: 'ok: mail could be handed over this way' })
  result!: 'ok' | 'fail';

  @ApiProperty({ type: [CheckView] })
  checks!: CheckView[];
}

class TrialRequest {
  @ApiPropertyOptional({
    format: 'email',
    maxLength: MAX_ADDRESS_LENGTH,
    description: 'A person leaves it out: the code goes to their own address. A key has to name one.',
  })
  @MayBeLeftOut()
  @IsMailAddress()
  to?: string;
}

class TrialView {
  @ApiProperty({ description: '128 random bits; names the code' })
  id!: string;

  @ApiProperty({ format: 'uuid', description: 'The message that carries it: GET /v1/emails/:id follows it' })
  emailId!: string;

  @ApiProperty({ format: 'email' })
  to!: string;

  @ApiProperty({ example: 'K7QX', description: 'Shown in the mail' })
  reference!: string;

  @ApiProperty({ format: 'date-time' })
  expiresAt!: string;

  @ApiProperty({ example: 'web-1:4711', description: 'The web process that accepted it' })
  acceptedBy!: string;
}

class TrialCodeRequest {
  @ApiProperty({ maxLength: 64, example: '042137' })
  @IsCode(/^[0-9]{6}$/, 'the six digits')
  code!: string;
}

class ArrivedView {
  @ApiProperty({ enum: ['arrived'] })
  status!: 'arrived';
}

/** Looks from this host at one transport, as the doctor does: as far as the login, and nothing is sent. */
@Injectable()
export class TransportProbes {
  private readonly side = new Semaphore(PROBES_AT_A_TIME);

  constructor(
    private readonly settings: Settings,
    private readonly clock: DatabaseClock,
  ) {}

  /** @throws Problem `transport_not_found` */
  async probe(name: string): Promise<TransportTestView> {
    const transports = allTransports(this.settings);
    const transport = transports[keysOf(transports).indexOf(name)];
    if (!transport) throw new Problem('transport_not_found');
    const checks = await this.side.during(() =>
      transportChecks(transport, name, {
        settings: this.settings,
        names: new Names(),
        now: () => this.clock.now(),
        signal: AbortSignal.timeout(PROBE_WITHIN_MS),
      }),
    );
    const usable = checks.some(({ status, details }) => status !== 'fail' && details?.['configured'] !== false);
    return {
      name,
      host: hostname(),
      result: usable ? 'ok' : 'fail',
      checks: checks.map(({ name: what, status, ms, summary, remedy }) => ({
        ...{ name: what, status, summary },
        ...{ ms: ms === undefined ? null : Math.round(ms), remedy: remedy ?? null },
      })),
    };
  }
}

/** Trying whether mail flows: a transport from here, and a code all the way. */
@ApiTags('operations')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow(STAFF)
@Controller('v1/operations')
export class TrialController {
  constructor(
    private readonly probes: TransportProbes,
    private readonly issuer: CodeIssuer,
    private readonly verifications: Verifications,
    private readonly limits: Limits,
    private readonly idempotency: Idempotency,
    private readonly prisma: PrismaService,
    private readonly clock: DatabaseClock,
    private readonly audit: Audit,
  ) {}

  @Post('transports/:name/test')
  @Operation(200, TransportTestView, {
    summary: 'Try a transport from this web process',
    description: `${STAFF_IN_WORDS} Name, connection, TLS, greeting and login, as otpost doctor does it; no message is sent, and the state of the transport does not change. Workers may be on other hosts: POST /v1/operations/codes goes by them.`,
  })
  @Problems('transport_not_found')
  async test(@Param('name') name: string, @By() by: Doer): Promise<TransportTestView> {
    const found = await this.probes.probe(name);
    const target = { kind: 'transport', id: name };
    await this.audit.record({ action: 'transport.tested', ...by, target, details: { result: found.result } });
    return found;
  }

  @Post('codes')
  @TakesIdempotencyKey()
  @Operation(202, TrialView, {
    summary: 'Send yourself a code',
    description: `${STAFF_IN_WORDS} A code like any other, by the lane critical, which opens nothing: to see each step of its way.`,
  })
  @Problems('idempotency_in_flight', 'idempotency_mismatch', 'rate_limited')
  async send(
    @Body() { to }: TrialRequest,
    @Caller() caller: CallerIdentity,
    @By() by: Doer,
    @IdempotencyKey() key: string | undefined,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<TrialView> {
    const keyed = { caller: by.actor.id!, key, call: 'POST /v1/operations/codes', body: { to } };
    const before = await this.idempotency.find<TrialView>(keyed);
    if (before) return told(before, reply);
    const destination = parseEmailAddress(await this.addressFor(caller, to))!; // validated, or of an account
    await this.limits.take({ destination: destination.canonical, withMail: false });
    const { issued, commit } = this.issuer.prepare(
      {
        ...{ purpose: storedPurpose(PURPOSE), destination, template: VERIFICATION_TEMPLATES[0] },
        ...{ locale: 'en', digits: CODE_LENGTH.least, origin: { requestId: request.id } },
      },
      ({ id }) => [this.audit.companion({ action: 'trial.started', ...by, target: { kind: 'challenge', id } })],
    );
    const { challenge, delivery } = issued;
    const body: TrialView = {
      ...{ id: challenge.id, emailId: delivery.id, to: challenge.destination, reference: challenge.reference },
      ...{ expiresAt: challenge.expiresAt.toISOString(), acceptedBy: WORKER_NAME },
    };
    return told(await this.idempotency.once(keyed, { status: 202, body }, commit), reply);
  }

  @Post('codes/:id/check')
  @Operation(200, ArrivedView, {
    summary: 'Give the code back: it arrived',
    description: STAFF_IN_WORDS,
  })
  @Problems(...CHECK_PROBLEMS, 'rate_limited')
  async check(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() { code }: TrialCodeRequest,
    @By() by: Doer,
  ): Promise<ArrivedView> {
    const result = await this.verifications.check(id, code, by);
    if (result.kind !== 'approved') throw refusalProblem(result, this.clock.now());
    return { status: 'arrived' };
  }

  /** People try with their own mailbox: what goes to others is sent as mail. @throws Problem `validation_failed` */
  private async addressFor(caller: CallerIdentity, to: string | undefined): Promise<string> {
    const refuse = (message: string): Problem =>
      new Problem('validation_failed', { errors: [{ field: 'to', code: 'not_yours', message }] });
    if (caller.kind === 'api_key') {
      if (to === undefined) throw refuse('must be given by an API key, which has no address of its own');
      return to;
    }
    const account = await this.prisma.account.findUniqueOrThrow({ where: { id: caller.member.accountId } });
    if (to !== undefined && parseEmailAddress(to)?.canonical !== account.emailCanonical)
      throw refuse('must be your own address, or left out');
    return account.email;
  }
}
