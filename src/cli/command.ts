import type { PrismaService } from '../database/prisma.service.js';

/** Where a command speaks: `out` is for what a script reads, `err` for people. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

/** 0 done; 1 not done, and why was told; 2 not understood. */
export type ExitCode = 0 | 1 | 2;

/** What a command does once its arguments were understood. */
export type Work = (prisma: PrismaService, terminal: Terminal) => Promise<ExitCode>;

export interface Command {
  /** Such as `keys create`. */
  name: string;
  summary: string;
  help: string;
  /** Understands the arguments after the name. @throws UsageError */
  parse(args: string[]): Work;
}

/** Arguments that are not understood; the message says which, and what is wanted. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
