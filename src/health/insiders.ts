import { Inject, Injectable, Optional } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiKeys, KEY_START } from '../access/api-keys.js';
import { allows } from '../access/scopes.js';
import { reaches, Staff } from '../access/staff.js';
import { SETTINGS, type Settings } from '../config/settings.js';
import { bearerOf, sameSecret } from '../core/credentials.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { isAtTheMachine } from '../mail/inbox/inbox-access.js';
import { HealthMonitor } from './health-monitor.js';

/**
 * Who is told more than whether all is well: names, numbers and reasons are for whoever runs this. Whoever is not known
 * gets the bare status and no refusal, for a probe must have its answer.
 */
@Injectable()
export class Insiders {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(HealthMonitor) private readonly monitor: HealthMonitor,
    @Inject(ApiKeys) private readonly keys: ApiKeys,
    @Inject(LOGGER) private readonly log: Logger,
    /** None on a worker: nobody signs in there. */
    @Optional() @Inject(Staff) private readonly staff: Staff | undefined,
  ) {}

  async include({ headers, socket }: FastifyRequest): Promise<boolean> {
    if (isAtTheMachine({ address: socket.remoteAddress, host: headers.host }, this.settings)) return true;
    const bearer = bearerOf(headers.authorization);
    if (bearer === undefined) return false;
    const { metricsToken } = this.settings;
    if (metricsToken !== undefined && sameSecret(bearer, metricsToken)) return true;
    // Postgres tells the others apart. Where it is away there is nobody but the holder of METRICS_TOKEN to tell.
    return this.monitor.database.error === undefined && this.runs(bearer);
  }

  /** An API key with the scope admin, or an operator. */
  private async runs(bearer: string): Promise<boolean> {
    try {
      if (bearer.startsWith(KEY_START)) {
        const check = await this.keys.authenticate(bearer);
        return check.kind === 'good' && allows(check.record.scopes, 'admin');
      }
      const member = await this.staff?.authenticate(bearer);
      return member !== undefined && reaches(member.role, 'operator');
    } catch (error) {
      this.log.warn({ err: error }, 'health tells the bare status: whose token it is could not be looked up');
      return false;
    }
  }
}
