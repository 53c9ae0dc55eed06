import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '../../core/logger.js';
import { Problem } from '../../core/problems.js';
import { databaseProblemOf, DatabaseSilent } from '../../database/database-errors.js';
import { problemPage } from './problem.page.js';
import { PageWriter } from './page-writer.js';

/** Every error on a page leaves as a page; the cause of an unforeseen one stays in the log. */
@Catch()
export class PageProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(PageWriter) private readonly pages: PageWriter,
  ) {}

  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const { id: requestId } = http.getRequest<FastifyRequest>();
    const problem = problemOf(error);
    if (problem.code === 'internal') this.log.error({ err: error, requestId }, 'a page failed');
    else if (problem.code === 'unavailable') this.log.warn({ err: new DatabaseSilent('no answer to a page', { cause: error }), requestId }, 'the database did not answer a page');
    await this.pages.show(http.getResponse<FastifyReply>(), problemPage(problem, requestId));
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return databaseProblemOf(error) ?? new Problem('internal', { cause: error });
}
