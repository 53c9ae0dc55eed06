import { Readable } from 'node:stream';
import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Optional } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { requireStorable } from '../core/input.js';
import { Logger } from '../core/logger.js';
import { TooManyFaults, TooManyMembers } from '../core/validation.js';
import { Limits } from '../limits/limits.js';
import { atOnce } from './at-once.js';
import { PROBLEM_WRITER, ProblemFilter, type ProblemWriter } from './problem-writer.js';

/**
 * NUL and halves of surrogate pairs are refused wherever they come in: in JSON, in forms, in the query and in the path.
 * Bodies that a route takes as bytes are looked at where they are read. Headers hold neither: Node refuses NUL in them,
 * and reads each byte as one character.
 */
export function refuseUnstorable(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook(
      'preValidation',
      atOnce(({ is404, params, query, body }) => {
        // A file that is read as it comes is no text; and from its stream, ways lead to the whole server.
        if (!is404) requireStorable(params, query, body instanceof Readable ? undefined : body);
      }),
    );
}

/**
 * What costs more to refuse than others counts as a call of its sender, and is not even told its faults when there were
 * too many.
 */
@Catch(TooManyFaults, TooManyMembers)
export class FaultCharge implements ExceptionFilter {
  private readonly problems: ProblemFilter;

  constructor(
    log: Logger,
    private readonly limits: Limits,
    @Optional() @Inject(PROBLEM_WRITER) write?: ProblemWriter,
  ) {
    this.problems = new ProblemFilter(log, write);
  }

  async catch(error: TooManyFaults | TooManyMembers, host: ArgumentsHost): Promise<void> {
    const { ip } = host.switchToHttp().getRequest<FastifyRequest>();
    const told: unknown = await this.limits.take({ ip, withMail: false }).then(
      () => error,
      (refusal: unknown) => refusal,
    );
    this.problems.catch(told, host);
  }
}
