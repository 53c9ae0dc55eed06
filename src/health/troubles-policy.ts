import type { Channel } from '../core/lanes.js';
import type { MailFacts } from './health-monitor.js';
import type { AttemptFacts } from '../mail/outbox/records.js';

export interface MailProblem {
  /** Stable. */
  code:
    | 'ledger_imbalance'
    | 'mail_waits'
    | 'slow_handover'
    | 'no_worker'
    | 'lane_without_worker'
    | 'lane_paused'
    | 'transport_paused'
    | 'transport_backing_off'
    | 'transport_failing'
    | 'transport_unreachable'
    | 'sender_refused'
    | 'no_way_out'
    | 'quota_used'
    | 'codes_expired'
    | 'bounce_rate'
    | 'unknown_waiting'
    | 'webhook_disabled'
    | 'webhook_failing'
    | 'clock_skew'
    | 'broker_down'
    | 'database_down';
  /** The cause in a sentence, with the server's own words where there are any. */
  message: string;
  remedy: string;
  /** Of a transport, such as smtp_auth. */
  errorCode?: string;
  /** Since when, where the fact itself says. */
  since?: Date;
}

export interface TransportReport {
  name: string;
  channel: Channel;
  /** unused: nothing was sent this way lately. */
  state: 'ok' | 'unused' | 'failing' | 'backing_off' | 'unreachable' | 'paused';
  pausedAt: Date | null;
  pauseReason: string | null;
  backoffUntil: Date | null;
  /** Of the last pause or break. */
  lastErrorCode: string | null;
  lastReply: string | null;
  /** Hosts that cannot reach it, and since when; other hosts may well. */
  unreachableFrom: { host: string; since: Date; lastErrorCode: string | null; lastReply: string | null }[];
  lastAttempt: Omit<AttemptFacts, 'transport'> | null;
}

/**
 * Milliseconds that the clock of a host may differ from that of Postgres before people are told; as each process tells
 * of its own.
 */
const SKEW_LIMIT_MS = 2_000;
/** Of those that were tried: mailbox providers begin to refuse senders somewhere above. */
const BOUNCES_FROM = 0.1;
/** Fewer are chance. */
const LEAST_BOUNCES = 10;

/** A quota leaves nothing for ordinary mail, or for texts. */
export interface UsedQuota {
  name: string;
  channel: Channel;
  used: number;
  daily: number;
}

/** Where several transports of mail are configured and none takes it. One alone is told of by what is wrong with it. */
export function noneOpen(transports: readonly TransportReport[]): MailProblem[] {
  const shut = transports.filter(({ state }) => state in SHUT);
  if (transports.length < 2 || shut.length < transports.length) return [];
  const told = shut.map(({ name, state }) => `${name} ${SHUT[state as keyof typeof SHUT]}`).join(', ');
  const moments = shut.flatMap(({ pausedAt, unreachableFrom }) => [
    ...(pausedAt ? [pausedAt] : []),
    ...unreachableFrom.map(({ since }) => since),
  ]);
  return [
    {
      code: 'no_way_out',
      message: `None of the ${transports.length} transports takes mail: ${told}.`,
      remedy:
        'Mend the first of them; what is wrong with each stands beside this. All mail is kept, and goes out then.',
      ...(moments.length > 0 ? { since: new Date(Math.max(...moments.map((moment) => moment.getTime()))) } : {}),
    },
  ];
}
const SHUT = { paused: 'is paused', backing_off: 'has a break', unreachable: 'cannot be reached' } as const;

export function quotaProblems(quotas: readonly UsedQuota[]): MailProblem[] {
  return quotas.map(({ name, channel, used, daily }) => {
    const [waits, variable] =
      channel === 'sms'
        ? ['Codes by SMS wait until midnight (UTC).', 'SMS_TRANSPORTS']
        : ['What is left is kept for codes; other mail waits until midnight (UTC).', 'MAIL_TRANSPORTS'];
    return {
      code: 'quota_used',
      message: `${used} of the ${daily} messages that ${name} may send today have gone out. ${waits}`,
      remedy: `Raise ?daily= in ${variable} if the provider allows more, or put another transport before it.`,
    };
  });
}

/** Nobody could use them any more. For as long as no code was handed over since. */
export function expiredCodeProblems({ expiredCodes }: MailFacts['messages']): MailProblem[] {
  if (!expiredCodes || expiredCodes.flowsAgain) return [];
  const { count, firstAt } = expiredCodes;
  return [
    {
      code: 'codes_expired',
      message: `${count === 1 ? 'A code' : `${count} codes`} expired in the last hour before ${count === 1 ? 'it was' : 'they were'} handed over, and none was since.`,
      remedy:
        'People wait to sign in. Where nothing else is named, look at the timeline of one of them, and at otpost doctor.',
      since: firstAt,
    },
  ];
}

/** What asks for a look while mail flows. The worst first. */
export function noticesOf({ ledger, messages, webhooks, workers }: MailFacts): MailProblem[] {
  return [
    ...bounceNotices(messages.bounces),
    ...unknownNotices(ledger.states.unknown, messages.unknownSince),
    ...webhookNotices(webhooks),
    ...skewNotices(workers),
  ];
}

function bounceNotices({ looked, bounced, firstAt }: MailFacts['messages']['bounces']): MailProblem[] {
  if (bounced < LEAST_BOUNCES || bounced < looked * BOUNCES_FROM) return [];
  return [
    {
      code: 'bounce_rate',
      message: `${bounced} of the last ${looked} messages came back, or their mailbox was refused: ${Math.round((100 * bounced) / looked)} %.`,
      remedy:
        'Providers refuse whoever goes on like this. Look where the addresses come from; those that bounced get no more mail by themselves.',
      ...(firstAt ? { since: firstAt } : {}),
    },
  ];
}

function unknownNotices(count: number, since: Date | null): MailProblem[] {
  if (count === 0) return [];
  return [
    {
      code: 'unknown_waiting',
      message: `${count === 1 ? 'One message has' : `${count} messages have`} an unknown outcome: the server got it whole, and its answer was lost.`,
      remedy:
        'Otpost does not send it twice by itself. Look into the log of the server, and say of each what became of it.',
      ...(since ? { since } : {}),
    },
  ];
}

function webhookNotices({ disabled, disabledSince, failing, failingSince }: MailFacts['webhooks']): MailProblem[] {
  const of = (count: number): string => (count === 1 ? 'One webhook endpoint' : `${count} webhook endpoints`);
  return [
    ...(disabled === 0
      ? []
      : [
          {
            code: 'webhook_disabled' as const,
            message: `${of(disabled)} took nothing for days, or said that nobody is there any more: it is told of nothing.`,
            remedy: 'Mend what listens there and enable it again, or remove it.',
            ...(disabledSince ? { since: disabledSince } : {}),
          },
        ]),
    ...(failing === 0
      ? []
      : [
          {
            code: 'webhook_failing' as const,
            message: `${of(failing)} ${failing === 1 ? 'does' : 'do'} not take what is sent there. It is tried again now and then, and nothing is lost for now.`,
            remedy: 'Its deliveries show what it answered. Ask whoever runs it.',
            ...(failingSince ? { since: failingSince } : {}),
          },
        ]),
  ];
}

function skewNotices(workers: MailFacts['workers']): MailProblem[] {
  const wrong = workers.filter(({ alive, aheadMs }) => alive && aheadMs !== null && Math.abs(aheadMs) > SKEW_LIMIT_MS);
  if (wrong.length === 0) return [];
  const told = wrong.map(
    ({ name, aheadMs }) =>
      `${name} is ${Math.round(Math.abs(aheadMs!) / 1_000)} s ${aheadMs! > 0 ? 'ahead' : 'behind'}`,
  );
  return [
    {
      code: 'clock_skew',
      message: `The clock of a host differs from that of Postgres: ${told.join(', ')}. Codes and mail go by that of Postgres, and work; certificates are judged by the host.`,
      remedy: 'Turn on time synchronisation (NTP) there, and on the host of Postgres.',
    },
  ];
}
