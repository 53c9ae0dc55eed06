import type { LoggerService } from '@nestjs/common';
import { type DestinationStream, type Logger as PinoLogger, type LoggerOptions, pino } from 'pino';
import { visibleLines } from './mask.js';

/** The process's logger, and the token that it is injected by. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- Nest finds it by a class; pino has an interface.
export abstract class Logger {}
// oxlint-disable-next-line typescript/no-empty-object-type
export interface Logger extends PinoLogger {}

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
    redact: {
      paths: ['req.headers', 'headers', '*.password', '*.accessToken', '*.refreshToken', '*.newPassword'],
      remove: true,
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

/**
 * Standard output, written to once a turn of the event loop: a write for each line is a twentieth of what accepting a
 * message costs. What the last turn logged is lost with `kill -9` alone.
 */
export function standardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true });
  let lines = '';
  const flush = (): void => {
    const text = lines;
    lines = '';
    if (text !== '') output.write(text);
  };
  process.on('exit', flush);
  return {
    write: (line) => {
      if (lines === '') setImmediate(flush);
      lines += line;
    },
  };
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

  /** What stops the start is thrown to `main` as well, which tells it with its remedy. */
  error(message: unknown, ...details: unknown[]): void {
    const stopsTheStart = ['NestApplication', 'ExceptionHandler'].includes(String(details.at(-1)));
    this.logger[stopsTheStart ? 'debug' : 'error']({ details }, String(message));
  }
}
