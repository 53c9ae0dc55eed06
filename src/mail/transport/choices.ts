import { hostname } from 'node:os';
import type { Settings, TransportSettings } from '../../config/settings.js';
import { heloName } from '../../config/smtp-manners.js';
import type { PrismaService } from '../../database/prisma.service.js';
import { DailyQuota } from '../daily-quota.js';
import { AllOf, type Limiter } from '../limiter.js';
import { RateLimiter } from '../rate-limiter.js';
import { openTransport, type Surroundings } from './open-transport.js';
import { LateReplies } from './late-replies.js';
import { RefusalsPolicy } from './refusals-policy.js';
import { Slots } from './shared-slots.js';
import type { Transport } from './transport.js';

/** One entry of MAIL_TRANSPORTS, and what bounds it. */
export interface Choice {
  /** Names its state; its name, but for a second account at the same server. */
  key: string;
  kind: TransportSettings['kind'];
  transport: Transport;
  /** Of a transport with a rate or a daily quota. */
  limiter: Limiter | undefined;
  /** Of a transport with `?connections=`: this process's part of them. */
  shared: { total: number; slots: Slots } | undefined;
  /** What this process saw of it lately. */
  lateReplies: LateReplies;
  refusals: RefusalsPolicy;
  settings: TransportSettings;
}

/** In order of preference. */
export function openChoices({ mail, http }: Settings, around: Pick<Surroundings, 'prisma' | 'clock' | 'log'>): Choice[] {
  const ordinary = mail.lanes.filter((lane) => lane !== 'critical').reduce((sum, lane) => sum + mail.concurrency[lane], 0);
  const keys = keysOf(mail.transports);
  return mail.transports.map((settings, index) => ({
    key: keys[index]!,
    kind: settings.kind,
    transport: openTransport(settings, {
      ...around,
      ordinary: Math.max(1, Math.min(ordinary, settings.connections ?? ordinary)),
      helo: heloName(hostname(), http.appUrl),
      dkim: mail.dkim,
      bounceAddress: mail.bounceAddress,
    }),
    limiter: limiterOf(settings, keys[index]!, around.prisma),
    shared: settings.connections === undefined ? undefined : { total: settings.connections, slots: new Slots(settings.connections) },
    lateReplies: new LateReplies(),
    refusals: new RefusalsPolicy(),
    settings,
  }));
}

/** What its troubles depend on: another rate mends none. */
export function troublesDependOn({ rate: _rate, daily: _daily, connections: _connections, ...rest }: TransportSettings): object {
  return rest;
}

function limiterOf({ rate, daily }: TransportSettings, key: string, prisma: PrismaService): Limiter | undefined {
  const limiters: Limiter[] = [];
  if (rate) limiters.push(new RateLimiter(prisma, key, rate));
  if (daily !== undefined) limiters.push(new DailyQuota(prisma, key, daily));
  return limiters.length > 1 ? new AllOf(limiters) : limiters[0];
}

/** Two accounts at one server have one name, but troubles of their own. */
export function keysOf(transports: TransportSettings[]): string[] {
  const seen = new Map<string, number>();
  return transports.map(({ name }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}#${times}`;
  });
}
