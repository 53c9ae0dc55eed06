import { type Check, fail, ok, skip, type Verdict, warn } from './report.js';

export type BrokerFinding =
  | { kind: 'postgres' }
  /** `error`: its class, such as ECONNREFUSED or OOM; `words`: what that means. */
  | { kind: 'redis'; up: false; error: string; words: string }
  | {
      kind: 'redis';
      up: true;
      ms: number;
      version: string | undefined;
      policy: string | undefined;
      persistence: string[];
      maxmemory: string | undefined;
    };

const HARMLESS = 'Nothing is lost: accepting goes on, and workers drain on their timer, once a second.';

/** @param name of the server, without credentials */
export function brokerVerdicts(name: string, found: BrokerFinding): Check[] {
  if (found.kind === 'postgres')
    return [{ area: 'broker', name, ...ok('the queue runs on Postgres: there is no REDIS_URL') }];
  if (!found.up)
    return [
      {
        area: 'broker',
        name,
        ...fail(`Redis cannot be used: ${found.words}`, `${remedyOf(found.error)} ${HARMLESS}`),
      },
    ];
  const { ms, version, policy, persistence, maxmemory } = found;
  const details = { version, maxmemoryPolicy: policy, maxmemory, persistence };
  return [
    { area: 'broker', name, ms, ...ok(`Redis${version ? ` ${version}` : ''} takes writes`, details) },
    { area: 'broker', name: 'maxmemory-policy', ...policyVerdict(policy) },
    {
      area: 'broker',
      name: 'persistence',
      ...ok(`${persistence.length > 0 ? persistence.join(' and ') : 'none'}; none is needed: Postgres is the record`),
    },
  ];
}

function policyVerdict(policy: string | undefined): Verdict {
  if (policy === undefined) return skip('Redis does not tell it; it should be noeviction');
  if (policy === 'noeviction') return ok(policy);
  return warn(
    `${policy}: when its memory is full, Redis may throw wake-ups away, and mail waits for the timer of a worker`,
    'Set it to noeviction, or give Otpost a Redis of its own.',
  );
}

function remedyOf(error: string): string {
  switch (error) {
    case 'OOM':
      return 'It is full and refuses writes: give it more memory.';
    case 'WRONGPASS':
    case 'NOAUTH':
    case 'NOPERM':
      return 'Correct the user and the password in REDIS_URL.';
    case 'NODB':
      return 'Correct the number at the end of REDIS_URL, or raise databases in redis.conf.';
    case 'READONLY':
      return 'It is a replica: name the primary in REDIS_URL.';
    default:
      return 'Look whether it runs and whether REDIS_URL names it; with TLS it is rediss://.';
  }
}
