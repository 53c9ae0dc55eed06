import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '../core/logger.js';
import { Limits } from '../limits/limits.js';
import { TooManyFaults, TooManyMembers } from './faults-policy.js';
import { ProblemFilter } from './problem.filter.js';

/** What costs more to refuse than others counts as a call of its sender, and is not even told its faults when there were too many. */
@Catch(TooManyFaults, TooManyMembers)
export class FaultCharge implements ExceptionFilter {
  private readonly problems: ProblemFilter;

  constructor(
    @Inject(LOGGER) log: Logger,
    @Inject(Limits) private readonly limits: Limits,
  ) {
    this.problems = new ProblemFilter(log);
  }

  async catch(error: TooManyFaults | TooManyMembers, host: ArgumentsHost): Promise<void> {
    const { ip } = host.switchToHttp().getRequest<FastifyRequest>();
    const told: unknown = await this.limits.take({ ip, withMail: false }).then(() => error, (refusal: unknown) => refusal);
    this.problems.catch(told, host);
  }
}
