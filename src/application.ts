import type { INestApplicationContext } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { NestLogger } from './core/logger.js';
import { StartupError } from './core/startup-error.js';
import { PrismaService } from './database/prisma.service.js';
import type { SmtpListeners } from './mail/smtp-submission/listeners.js';
import type { Infrastructure } from './role.module.js';

/** The modules of a role, started. */
export interface Application {
  context: INestApplicationContext;
  /** Undefined of a worker without a port. */
  url: string | undefined;
  /** Of a process that takes mail in. */
  smtp?: SmtpListeners;
  /** As in `RunningProcess`; of a process with accounts. */
  offerSetup?: () => Promise<string | undefined>;
}

export function nestOptions({ log }: Infrastructure): { logger: NestLogger; abortOnError: false } {
  return { logger: new NestLogger(log), abortOnError: false };
}

/** An application that cannot listen is closed again. */
export async function listening(
  app: NestFastifyApplication,
  open: () => Promise<string>,
  more: Pick<Application, 'smtp' | 'offerSetup'> = {},
): Promise<Application> {
  try {
    return { context: app, url: await open(), ...more };
  } catch (error) {
    await closeApplication({ context: app, ...more });
    throw error;
  }
}

export async function listen(
  app: NestFastifyApplication,
  host: string,
  port: number,
  variable: 'PORT' | 'WORKER_PORT',
): Promise<string> {
  try {
    // One address: Fastify opens a second server for the other one of `localhost`, which has none of our bounds.
    await app.listen(port, host === 'localhost' ? '127.0.0.1' : host);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new StartupError(
        `Port ${port} on ${host} is taken.`,
        `Stop what listens there, or choose another: ${variable}=${port + 1}.`,
      );
    }
    if (code === 'EACCES') {
      throw new StartupError(
        `Port ${port} may not be used by this user.`,
        `Choose one above 1023, such as ${variable}=${variable === 'PORT' ? 3000 : 3001}.`,
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new StartupError(
        `HOST=${host} is no address of this machine.`,
        'Use HOST=127.0.0.1, or HOST=0.0.0.0 for all addresses.',
      );
    }
    throw error;
  }
  return app.getUrl();
}

/** Prisma's pool outlives the deliveries that the modules bring to an end. */
export async function closeApplication({ context, smtp }: Omit<Application, 'url'>): Promise<void> {
  const prisma = context.get(PrismaService);
  // First of all nothing more is accepted: what is accepted while the drains have stopped would wait for the next
  // start.
  const server = (context as Partial<NestFastifyApplication>).getHttpServer?.();
  server?.close();
  server?.closeIdleConnections();
  await smtp?.close();
  await context.close();
  await prisma.$disconnect();
}
