import type { LimitVariable } from '../../src/config/limits.js';

/** Tests ask more often than people do; those of limits switch on the ones they are about. */
export const LIMITS_OFF: Record<LimitVariable, string> = {
  LIMIT_DESTINATION: 'off',
  LIMIT_IP: 'off',
  LIMIT_IP_DESTINATIONS: 'off',
  LIMIT_PUBLIC_MAIL: 'off',
  LIMIT_KEY: 'off',
};
