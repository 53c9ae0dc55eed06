import type { TestNumber } from '../../config/settings.js';
import type { Clock } from '../../core/clock.js';
import { type Offer, OfferRefused, type Transport } from '../transport/transport.js';
import { numberOf } from './sms-provider.js';

/** The number of test that it is, while that is good. */
export function testNumberIn(numbers: readonly TestNumber[], e164: string, now: Date): TestNumber | undefined {
  return numbers.find(({ number, until }) => number === e164 && until > now);
}

/** The same transport, on which numbers of test get nothing: their code is known to whoever tests. */
export function sparingTestNumbers(transport: Transport, numbers: readonly TestNumber[], clock: Clock): Transport {
  if (numbers.length === 0) return transport;
  return {
    name: transport.name,
    send: async (message, offer, urgent) => {
      if (!testNumberIn(numbers, numberOf(message), clock.now())) return transport.send(message, offer, urgent);
      return (await isOffered(offer))
        ? { kind: 'sent', reply: '250 a number of test: nothing was sent' }
        : { kind: 'withdrawn' };
    },
    close: () => transport.close(),
  };
}

async function isOffered(offer: Offer): Promise<boolean> {
  try {
    await offer();
    return true;
  } catch (error) {
    if (error instanceof OfferRefused) return false;
    throw error;
  }
}
