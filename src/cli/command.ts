import { visible } from '../core/visible.js';
import type { PrismaService } from '../database/prisma.service.js';
import type { OUTPUT_CLOSED } from './output.js';

/** Where a command speaks: `out` is for what a script reads, `err` for people. A line break in a line is shown, and breaks none. */
export interface Terminal {
  out(...lines: string[]): void;
  err(...lines: string[]): void;
}

/** What comes from the record, from servers or from arguments may hold what a terminal obeys: it is shown instead, here and for every command. */
export function showingAll(terminal: Terminal): Terminal {
  const shown = (lines: string[]): string => lines.map(visible).join('\n');
  return { out: (...lines) => terminal.out(shown(lines)), err: (...lines) => terminal.err(shown(lines)) };
}

/**
 * 0 done; 1 not done, and why was told; 2 not understood; 3 not over yet. For a mail server, as in sysexits.h: 65 bad data,
 * 75 try again. 141 where nobody reads what is said.
 */
export type ExitCode = 0 | 1 | 2 | 3 | typeof BAD_DATA | typeof TRY_AGAIN | typeof OUTPUT_CLOSED;

/** EX_DATAERR and EX_TEMPFAIL of sysexits.h, which mail servers go by. */
export const BAD_DATA = 65;
export const TRY_AGAIN = 75;

/** What a command does once its arguments were understood. */
export type Work = (prisma: PrismaService, terminal: Terminal) => Promise<ExitCode>;

/** The same for one that finds for itself what it works on. */
export type LoneWork = (terminal: Terminal) => Promise<ExitCode>;

export type Command = DatabaseCommand | LoneCommand;

interface CommandFacts {
  /** Such as `keys create`. */
  name: string;
  summary: string;
  help: string;
  /** Where the database cannot be had, or something else broke; 1 unless it says so. */
  failsWith?: ExitCode;
}

export interface DatabaseCommand extends CommandFacts {
  alone?: false;
  /** Understands the arguments after the name. @throws UsageError */
  parse(args: string[]): Work;
}

export interface LoneCommand extends CommandFacts {
  alone: true;
  /** @throws UsageError */
  parse(args: string[]): LoneWork;
}

/** Arguments that are not understood; the message says which, and what is wanted. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
