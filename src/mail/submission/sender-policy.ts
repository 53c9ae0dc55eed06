import { domainOf, parseSenderAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';

/** What mail may be sent from. */
interface Senders {
  /** Address of MAIL_FROM. */
  mailFrom: string;
  /** MAIL_SENDERS: canonical addresses, and `@domain` for all addresses of exactly that domain. */
  senders: readonly string[];
  /** The same, of the API key; empty: it names none, and may send from whatever the deployment may. */
  keySenders: readonly string[];
}

/**
 * Why a back end's mail may not be sent from there; undefined where it may. A domain that is not prepared for it (SPF,
 * DKIM) costs the reputation of the whole deployment, so the deployment names them; a key can only narrow that.
 * @param from the address alone, without a name
 */
export function senderFault(from: string, { mailFrom, senders, keySenders }: Senders): Problem | undefined {
  const address = canonicalOf(from);
  if (address !== canonicalOf(mailFrom) && !matches(address, senders)) {
    return refusal(
      'is not an address that this deployment sends from',
      `Send from ${mailFrom}${senders.length > 0 ? `, or ${senders.join(', ')}` : ''}; an operator adds others, or their @domain, to MAIL_SENDERS.`,
    );
  }
  if (keySenders.length > 0 && !matches(address, keySenders)) {
    return refusal(
      'is not an address that this API key sends from',
      `Send from ${keySenders.join(', ')}, or with another key; an operator makes one with: otpost keys create --sender.`,
    );
  }
  return undefined;
}

function matches(address: string, senders: readonly string[]): boolean {
  return senders.includes(address) || senders.includes(`@${domainOf(address)}`);
}

function canonicalOf(address: string): string {
  return parseSenderAddress(address)?.canonical ?? address.trim().toLowerCase();
}

function refusal(message: string, remedy: string): Problem {
  return new Problem('sender_not_allowed', {
    detail: `"from" ${message}.`,
    remedy,
    errors: [{ field: 'from', code: 'sender_not_allowed', message }],
  });
}
