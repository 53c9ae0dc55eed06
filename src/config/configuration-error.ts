import { MASK, maskUrl } from '../core/mask.js';
import { StartupError } from '../core/startup-error.js';
import { maskTransports } from './mail-transports.js';
import { describeVariable, type VariableName } from './variables.js';

export interface Fault {
  variable: VariableName;
  /** What was read, secrets masked, ready to be shown; `not set` when there was nothing. */
  read: string;
  /** What to do, line by line. */
  remedy: string[];
}

/** Everything that is wrong with the environment, in one message, so that one correction is enough. */
export class ConfigurationError extends StartupError {
  /** @param hints told after the faults, because a misspelt name is often why another is not set. */
  constructor(
    readonly faults: readonly Fault[],
    hints: readonly string[] = [],
  ) {
    super([report(faults), ...hints].join('\n'), 'Correct this in the environment or in .env, and start again.');
  }

  override get lines(): string[] {
    return `${this.message} ${this.remedy}`.split('\n');
  }
}

/** What was read, as an operator may see it, and logs may keep it. */
export function show(variable: VariableName, text: string | undefined): string {
  if (text === undefined) return 'not set';
  switch (describeVariable(variable).secret) {
    case 'whole':
      return `read ${MASK} (${text.length} characters)`;
    case 'url':
      return quote(maskUrl(text));
    case 'transports':
      return quote(maskTransports(text));
    case 'none':
      // A URL that was pasted into the wrong variable has its password all the same.
      return quote(text.includes('://') ? maskUrl(text) : text);
  }
}

function quote(text: string): string {
  return `read ${JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text)}`;
}

function report(faults: readonly Fault[]): string {
  const width = Math.max(...faults.map((fault) => fault.variable.length)) + 2;
  const lines = faults.flatMap((fault) => [
    `  ${fault.variable.padEnd(width)}${fault.read}`,
    ...fault.remedy.map((line) => `  ${' '.repeat(width)}${line}`),
  ]);
  const count = faults.length === 1 ? '1 setting is wrong' : `${faults.length} settings are wrong`;
  return [`Otpost cannot start: ${count}.`, ...lines].join('\n');
}
