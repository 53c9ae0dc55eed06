import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, pino, type Logger, type LoggerOptions } from 'pino';
import { visibleLines } from './visible.js';

export type { Logger };

/** Injection token of the process's {@link Logger}. */
export const LOGGER = Symbol('Logger');

/**
 * Structured logs, one JSON object a line on stdout. Codes, tokens, bodies and the local part of addresses never get
 * here: callers log ids and domains. The redaction below is the second line of defence, not the first.
 */
export function createLogger(level: string, role: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: { role, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    // JSON leaves C1 controls and what reorders text as they are, and logs are read in terminals.
    hooks: { streamWrite: visibleLines },
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ['req.headers', 'headers', '*.password', '*.accessToken', '*.refreshToken', '*.newPassword'], remove: true },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Nest's own messages on the same stream; its start-up chatter only at debug. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.logger.trace({ context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }

  /** What stops the start is thrown to `main` as well, which tells it in one line. */
  error(message: unknown, ...details: unknown[]): void {
    this.logger[details.at(-1) === 'NestApplication' ? 'debug' : 'error']({ details }, String(message));
  }
}
