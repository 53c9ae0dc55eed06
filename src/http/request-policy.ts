import { Problem } from '../core/problems.js';

export interface RequestHead {
  httpVersion: string;
  headers: { expect?: string | undefined };
  /** Names and values in turn, as they came. */
  rawHeaders: readonly string[];
}

/** What HTTP itself refuses, and Node would answer without a word of explanation or not at all. */
export function requestFault({ httpVersion, headers, rawHeaders }: RequestHead): Problem | undefined {
  if (!/^[01]\./.test(httpVersion)) return new Problem('http_version_not_supported');
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  // RFC 9112 §3.2
  if (hosts > 1) return badHost('The request names more than one host.');
  if (hosts === 0 && httpVersion === '1.1') return badHost('The request names no host.');
  if (headers.expect !== undefined && !isContinue(headers.expect)) return new Problem('expectation_failed');
  return undefined;
}

/** RFC 9110 §10.1.1: the only expectation there is. */
export function isContinue(expectation: string | undefined): boolean {
  return expectation?.toLowerCase() === '100-continue';
}

function badHost(detail: string): Problem {
  return new Problem('bad_request', { detail, remedy: 'Send one header "Host" with the name that the URL has.' });
}
