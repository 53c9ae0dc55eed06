import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { SETTINGS, type Settings } from '../config/settings.js';
import { bearerOf, sameSecret } from '../core/credentials.js';
import { Problem } from '../core/problems.js';
import { isAtTheMachine } from '../mail/inbox/inbox-access.js';

/** Numbers tell how a business goes: whoever reads them has METRICS_TOKEN, or in development sits at the machine. */
@Injectable()
export class MetricsGuard implements CanActivate {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers, socket } = context.switchToHttp().getRequest<FastifyRequest>();
    const { metricsToken } = this.settings;
    if (metricsToken === undefined) {
      if (isAtTheMachine({ address: socket.remoteAddress, host: headers.host }, this.settings)) return true;
      throw new Problem('not_found');
    }
    const bearer = bearerOf(headers.authorization);
    if (bearer !== undefined && sameSecret(bearer, metricsToken)) return true;
    throw new Problem('unauthorized', {
      detail: 'The metrics need "Authorization: Bearer <METRICS_TOKEN>".',
      remedy: 'Give the scraper the token that the operator has set.',
      headers: { 'www-authenticate': 'Bearer realm="metrics"' },
    });
  }
}
