import type { Outcome } from '../../outcome.js';
import type { HttpStage } from './exchange.js';
import { TLS_CODES } from '../../tls-codes.js';

const SECOND = 1_000;

const CODES: Record<string, string> = {
  ENOTFOUND: 'http_dns',
  EAI_AGAIN: 'http_dns',
  ECONNREFUSED: 'http_refused',
  EHOSTUNREACH: 'http_unreachable',
  ENETUNREACH: 'http_unreachable',
  ETIMEDOUT: 'http_connect_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'http_connect_timeout',
  UND_ERR_SOCKET: 'http_closed',
  ECONNRESET: 'http_closed',
  EPIPE: 'http_closed',
};

/** What it means that a request got no answer. Only this host felt it. Pure. */
export function classifyFailure(stage: HttpStage, code: string): Outcome {
  const errorCode = nameOf(stage, code);
  if (stage === 'released') return { kind: 'unknown', errorCode };
  if (stage === 'transferring') {
    // Counted, and no break: it may be this message that something on the way does not bear.
    return { kind: 'deferred', errorCode };
  }
  if (errorCode === 'http_tls') {
    return { kind: 'deferred', uncounted: true, alert: true, transport: { kind: 'backoff', ms: 5 * SECOND, here: true }, errorCode };
  }
  return { kind: 'deferred', uncounted: true, transport: { kind: 'backoff', ms: SECOND, here: true, unreachable: true }, errorCode };
}

function nameOf(stage: HttpStage, code: string): string {
  if (code === 'STALLED') return stage === 'connecting' ? 'http_connect_timeout' : 'http_timeout';
  if (TLS_CODES.test(code)) return 'http_tls';
  if (code.startsWith('HPE_')) return 'http_garbage';
  return CODES[code] ?? 'http_closed';
}
