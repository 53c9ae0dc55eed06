import type { FastifyServerOptions } from 'fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { TrustedProxies } from '../config/trusted-proxies.js';
import type { Logger } from '../core/logger.js';

/**
 * Whose X-Forwarded-For Fastify believes. A number of hops is a function here: Fastify 5 takes a number and then trusts
 * nobody, because it cannot know that the connection comes from a proxy. Who sets one says that it does.
 */
export function trustOf(trusted: TrustedProxies | undefined): NonNullable<FastifyServerOptions['trustProxy']> {
  switch (trusted?.kind) {
    case undefined:
      return false;
    case 'hops':
      return (_address, hop) => hop < trusted.hops;
    case 'networks':
      return trusted.networks.map(({ address, prefix }) => `${address}/${prefix}`);
  }
}

/** Says once that a proxy seems to stand in front and is not believed, for then all its visitors share one limit. */
export function warnOfForwarded(app: NestFastifyApplication, trusted: TrustedProxies | undefined, log: Logger): void {
  if (trusted) return;
  let warned = false;
  app.getHttpAdapter().getInstance().addHook('onRequest', async ({ headers, socket }) => {
    if (warned || headers['x-forwarded-for'] === undefined) return;
    warned = true;
    log.warn(
      { from: socket.remoteAddress },
      'a request carries X-Forwarded-For, which is ignored: if a proxy of yours stands in front, name it (TRUSTED_PROXIES=<its address or network>) ' +
        'or count them (TRUSTED_PROXIES=1); until then all its visitors count as one address for limits',
    );
  });
}
