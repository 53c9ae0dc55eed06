import type { HttpSettings } from '../../config/settings.js';
import { gateway, openGateway } from './gateway.js';
import { semaphore } from './semaphore.js';
import type { SmsProvider } from './sms-provider.js';
import { twilio } from './twilio.js';
import { vonage } from './vonage.js';

/** All of them, in the order in which remedies and documents name them. */
export const SMS_PROVIDERS: readonly SmsProvider[] = [twilio, vonage, semaphore, gateway];

/** @param kind as settings name it; undefined: it is none of SMS */
export function findSmsProvider(kind: string): SmsProvider | undefined {
  return SMS_PROVIDERS.find((one) => one.kind === kind);
}

/** Of an entry of SMS_TRANSPORTS. @throws StartupError where the file of a gateway cannot be used */
export function smsProviderOf({ provider: kind, account }: Pick<HttpSettings, 'provider' | 'account'>): SmsProvider {
  if (kind === gateway.kind) return openGateway(account as { file: string; key: string });
  const provider = findSmsProvider(kind);
  if (!provider) throw new Error(`Settings name the provider ${kind} of SMS, which is none.`);
  return provider;
}
