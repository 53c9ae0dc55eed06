import { Configuration, type GivenEnvironment } from './config/read-settings.js';
import type { Settings } from './config/settings.js';
import { PROVIDERS } from './mail/providers/providers.js';
import { SMS_PROVIDERS } from './mail/sms/sms-providers.js';

/** The table of variables with those of all providers. */
export const CONFIGURATION = new Configuration(PROVIDERS, SMS_PROVIDERS);

export const VARIABLES = CONFIGURATION.variables;

/** @throws ConfigurationError that names every fault at once, without secrets. */
export function readSettings(env: GivenEnvironment): { settings: Settings; warnings: string[] } {
  return CONFIGURATION.read(env);
}
