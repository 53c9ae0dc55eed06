import { CONTENT_POLICY, documentOf } from '../accounts/pages/page-frame.js';
import { problemPage } from '../accounts/pages/problem.page.js';
import type { Problem } from '../core/problems.js';
import { type Asked, wantsPage } from './accept-policy.js';

/** Injection token of the {@link ProblemWriter} of a process that has pages. */
export const PROBLEM_WRITER = Symbol('ProblemWriter');

export interface WrittenProblem {
  /** Content-Type among them. */
  headers: Record<string, string>;
  body: string;
}

/** How a problem is told to whoever asked. */
export type ProblemWriter = (problem: Problem, requestId: string, asked: Asked) => WrittenProblem;

/** To programs, and by processes that have no pages. */
export const asDocument: ProblemWriter = (problem, requestId) => ({
  headers: { ...problem.headers, 'content-type': 'application/problem+json' },
  body: JSON.stringify(problem.toDocument(requestId)),
});

/** To people as a page. @param product how mails call the product */
export function asPageOrDocument(product: string): ProblemWriter {
  return (problem, requestId, asked) => {
    if (!wantsPage(asked)) return asDocument(problem, requestId, asked);
    const page = problemPage(problem, requestId, asked.url);
    return {
      headers: { ...page.headers, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CONTENT_POLICY, 'cache-control': 'no-store' },
      body: documentOf(page, product),
    };
  };
}
