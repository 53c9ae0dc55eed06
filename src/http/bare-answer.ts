import { uuidv7 } from '../core/ids.js';
import type { Problem } from '../core/problems.js';
import type { Asked } from './accept-policy.js';
import { asDocument, type ProblemWriter } from './problem-writer.js';
import { BARE_HEADERS } from './security-headers.js';

/** A problem as it goes over the wire where there is no request to answer. The connection ends with it. */
export function bareAnswer(problem: Problem, asked: Asked = { accept: undefined, url: '' }, write: ProblemWriter = asDocument): string {
  const { headers, body } = write(problem, uuidv7(new Date()), asked);
  const lines = Object.entries({ ...BARE_HEADERS, ...headers }).map(([name, text]) => `${name}: ${text}\r\n`);
  return (
    `HTTP/1.1 ${problem.status} ${problem.message}\r\n${lines.join('')}` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  );
}

/** What can be seen of a request that Node refused before it was one; `packet` is the part of it that came last. */
export function askedIn(packet: Buffer | undefined): Asked {
  const text = packet?.toString('latin1') ?? '';
  return { url: /^[A-Z]+ (\S+) HTTP\//.exec(text)?.[1] ?? '', accept: /^accept:[ \t]*([^\r\n]*)/im.exec(text)?.[1] };
}
