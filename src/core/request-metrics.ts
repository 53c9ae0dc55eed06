import { Inject, Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

/**
 * What this process let through and what it refused, counted where it happens. Labels come from short lists of ours:
 * never an address, and never a name that a caller made up.
 */
@Injectable()
export class RequestMetrics {
  private readonly limited: Counter<'policy'>;
  private readonly requested: Counter<'purpose'>;
  private readonly verified: Counter<'purpose'>;
  private readonly refused: Counter<'purpose' | 'reason'>;

  constructor(@Inject(Registry) registry: Registry) {
    const registers = [registry];
    this.limited = new Counter({
      name: 'otpost_requests_limited_total',
      help: 'Requests this process refused because a limit was used up, by limit',
      labelNames: ['policy'],
      registers,
    });
    const labelNames = ['purpose'] as const;
    this.requested = new Counter({ name: 'otpost_codes_requested_total', help: 'Codes this process issued, those sent again left out', labelNames, registers });
    this.verified = new Counter({ name: 'otpost_codes_verified_total', help: 'Codes and links this process took', labelNames, registers });
    this.refused = new Counter({
      name: 'otpost_codes_refused_total',
      help: 'Codes this process did not take, and why',
      labelNames: ['purpose', 'reason'],
      registers,
    });
  }

  limitRefused(policy: string): void {
    this.limited.inc({ policy });
  }

  codeRequested(purpose: string): void {
    this.requested.inc({ purpose });
  }

  codeVerified(purpose: string): void {
    this.verified.inc({ purpose });
  }

  codeRefused(purpose: string, reason: string): void {
    this.refused.inc({ purpose, reason });
  }
}
