export type CheckStatus = 'ok' | 'warn' | 'fail' | 'skip';

/** What is looked at, in the order in which it is told. */
export const AREAS = ['configuration', 'database', 'clock', 'broker', 'workers', 'smtp', 'http', 'local', 'dns', 'mail'] as const;
export type Area = (typeof AREAS)[number];

/** One answer. No secrets, and no address of a person: reports are pasted into tickets. */
export interface Check {
  area: Area;
  /** Of what, such as `smtp.example.com:587`. */
  name: string;
  /** fail: mail, or something that was configured, does not work. warn: it works, and asks for a look. skip: not looked at. */
  status: CheckStatus;
  /** Milliseconds it took, where that says something. */
  ms?: number;
  /** In plain words, one line. */
  summary: string;
  /** What to do about it. */
  remedy?: string;
  /** For programs. */
  details?: Record<string, unknown>;
}

export interface Report {
  /** The machine or container that it speaks for. */
  host: string;
  /** As configured there; `unknown` where the configuration cannot be read. */
  role: string;
  /** ISO 8601 */
  at: string;
  checks: Check[];
  status: 'ok' | 'warn' | 'fail';
}

const WORST_FIRST: readonly CheckStatus[] = ['fail', 'warn', 'ok', 'skip'];

/** The worst of all; what was not looked at does not count. */
export function worstOf(checks: readonly Check[]): Report['status'] {
  if (checks.some(({ status }) => status === 'fail')) return 'fail';
  return checks.some(({ status }) => status === 'warn') ? 'warn' : 'ok';
}

/** By area; within one as they came. */
export function inOrder(checks: readonly Check[]): Check[] {
  return [...checks].sort((one, other) => AREAS.indexOf(one.area) - AREAS.indexOf(other.area));
}

export function worstFirst(checks: readonly Check[]): Check[] {
  return [...checks].sort((one, other) => WORST_FIRST.indexOf(one.status) - WORST_FIRST.indexOf(other.status));
}
