import type { EntryForm, SecretForm } from '../../config/provider-entries.js';
import type { Hook } from '../providers/hook.js';
import type { Caller } from '../providers/http-transport.js';
import type { Probe } from '../providers/provider.js';
import type { ReplyFacts } from '../providers/replies.js';
import type { ComposedMessage, Outcome } from '../transport/transport.js';

/**
 * A provider of SMS, whole, as those of mail are (mail/providers/provider.ts): how its account is configured, how it
 * wants to be told and how it answers, what its receipts say and what proves them, and how the doctor looks at the
 * account.
 */
export interface SmsProvider<Account = unknown, Secret = unknown> extends Caller<Account> {
  /** Its name, and what stands before the colon of its entries in SMS_TRANSPORTS and HOOK_SECRETS. */
  readonly kind: string;
  readonly entry: EntryForm<Account>;
  /** Where its API is, without a trailing slash. */
  endpoint(account: Account): string;
  /** What proves its receipts; undefined where it tells nothing later. */
  readonly secret?: SecretForm<Secret>;
  readonly hook?: Hook<Secret>;
  readonly probe?: Probe<Account>;
}

/** Of text there is little. */
export const SMS_LIMIT = { messageBytes: 64 * 1024 };

/** E.164. */
export function numberOf({ recipients }: ComposedMessage): string {
  return recipients[0]!.address;
}

/** Seconds for which the message is worth delivering, within what a provider takes; undefined: for ever. */
export function secondsLeft({ expiresAt, date }: ComposedMessage, least: number, most: number): number | undefined {
  if (!expiresAt) return undefined;
  return Math.min(most, Math.max(least, Math.ceil((expiresAt.getTime() - date.getTime()) / 1_000)));
}

/** As forms are sent (application/x-www-form-urlencoded). */
export function formRequest(url: string, headers: Record<string, string>, fields: Record<string, string | undefined>) {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return {
    url,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: Buffer.from(new URLSearchParams(given).toString()),
  };
}

/** No such number, or none that takes SMS. */
export function numberRefused({ told }: ReplyFacts): Outcome {
  return { kind: 'failed', ofRecipient: true, ...told, errorCode: 'sms_number' };
}

/** Whoever has the number told the provider that they want no messages. */
export function optedOut({ told }: ReplyFacts): Outcome {
  return { kind: 'failed', ofRecipient: true, ...told, errorCode: 'sms_opted_out' };
}

/** The account may not send to that country; another one may. */
export function countryRefused({ told }: ReplyFacts): Outcome {
  return { kind: 'failed', elsewhere: true, alert: true, ...told, errorCode: 'sms_country' };
}
