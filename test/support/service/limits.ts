import type { LimitVariable } from '../../../src/config/variables.js';
import { VARIABLES } from '../../../src/configuration.js';

/** What holds where nothing is set. */
export const DEFAULT_LIMITS = Object.fromEntries(
  VARIABLES.filter(({ name }) => name.startsWith('LIMIT_')).map(({ name, fallback }) => [name, fallback]),
) as Record<LimitVariable, string>;

/** Tests ask more often than people do; those of limits switch on the ones they are about. */
export const LIMITS_OFF: Record<LimitVariable, string> = {
  LIMIT_DESTINATION: 'off',
  LIMIT_IP: 'off',
  LIMIT_IP_DESTINATIONS: 'off',
  LIMIT_PUBLIC_MAIL: 'off',
  LIMIT_KEY: 'off',
};
