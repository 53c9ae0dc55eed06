import fastifyCookie from '@fastify/cookie';
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { KEY_START } from './access/api-keys.js';
import { SetupTokens } from './accounts/administration/setup.js';
import { type Application, listen, listening, nestOptions } from './application.js';
import { VERSION } from './core/process-facts.js';
import { boundBodies } from './http/bodies.js';
import { allowOrigins } from './http/cors.js';
import { serveDocs } from './http/openapi.js';
import { problemWriterOf } from './http/problem-writer.js';
import { secureHeaders } from './http/security-headers.js';
import { refuseUnstorable } from './http/validation.js';
import { fastifyAdapter, logRequests, refuseOtherBodies, traceRequests, warnOfForwarded } from './http/web-server.js';
import { ResendDoorModule } from './mail/resend-door/resend-door.controller.js';
import { SmtpListeners } from './mail/smtp-submission/listeners.js';
import { StandInModule } from './mail/stand-in/stand-in.js';
import { type Imports, type Infrastructure, RoleModule } from './role.module.js';
import { WebModule } from './web.module.js';

/** Answers requests, and delivers where there is no worker, unless OUTBOX_RESCUE is off. */
export function startWeb(infrastructure: Infrastructure): Promise<Application> {
  const { settings } = infrastructure;
  return start(infrastructure, settings.mail.rescue ? [StandInModule.forRoot(settings)] : []);
}

/** Answers requests and delivers. */
export function startAll(infrastructure: Infrastructure, delivery: DynamicModule): Promise<Application> {
  return start(infrastructure, [delivery]);
}

async function start(infrastructure: Infrastructure, delivery: Imports): Promise<Application> {
  const { settings, log, tracing } = infrastructure;
  const doors = settings.mail.resendCompat ? [ResendDoorModule] : [];
  const app = await NestFactory.create<NestFastifyApplication>(
    RoleModule.forRoot(infrastructure, [WebModule, ...doors, ...delivery]),
    fastifyAdapter(settings.http.trustedProxies, problemWriterOf(settings)),
    nestOptions(infrastructure),
  );
  const smtp = app.get(SmtpListeners, { strict: false });
  const open = async () => {
    secureHeaders(app, settings.http.appUrl);
    await app.register(fastifyCookie);
    allowOrigins(app, settings.http.corsOrigins);
    logRequests(app, log);
    if (settings.tracesEndpoint !== undefined) traceRequests(app, tracing, KEY_START);
    warnOfForwarded(app, settings.http.trustedProxies, log);
    refuseOtherBodies(app);
    refuseUnstorable(app);
    boundBodies(app);
    serveDocs(app, settings, VERSION);
    await app.init();
    await smtp.listen();
    return listen(app, settings.http.host, settings.http.port, 'PORT'); // last: whoever hears from it finds all doors open
  };
  return listening(app, open, { smtp, offerSetup: () => app.get(SetupTokens, { strict: false }).offer() });
}
