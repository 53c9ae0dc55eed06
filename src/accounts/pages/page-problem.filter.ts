import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '../../core/logger.js';
import { Problem } from '../../core/problems.js';
import { databaseProblemOf, DatabaseSilent } from '../../database/database-errors.js';
import { CONTENT_POLICY } from './page-frame.js';
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
    const { id: requestId, url } = http.getRequest<FastifyRequest>();
    const problem = problemOf(error);
    if (problem.code === 'internal') this.log.error({ err: error, requestId }, 'a page failed');
    else if (problem.code === 'unavailable') this.log.warn({ err: new DatabaseSilent('no answer to a page', { cause: error }), requestId }, 'the database did not answer a page');
    const reply = http.getResponse<FastifyReply>().headers({ 'content-security-policy': CONTENT_POLICY, 'cache-control': 'no-store' }); // also where no guard of pages came so far
    await this.pages.show(reply, problemPage(problem, requestId, url));
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return databaseProblemOf(error) ?? new Problem('internal', { cause: error });
}
