import { uuidv7 } from '../core/ids.js';
import type { Problem } from '../core/problems.js';
import { BARE_HEADERS } from './security-headers.js';

/** A problem as it goes over the wire where there is no request to answer. The connection ends with it. */
export function bareAnswer(problem: Problem): string {
  const body = JSON.stringify(problem.toDocument(uuidv7(new Date())));
  const headers = Object.entries({ ...BARE_HEADERS, ...problem.headers }).map(([name, text]) => `${name}: ${text}\r\n`);
  return (
    `HTTP/1.1 ${problem.status} ${problem.message}\r\ncontent-type: application/problem+json\r\n${headers.join('')}` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  );
}
