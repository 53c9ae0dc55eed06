import { describeWhere } from '../signals/where.js';

/** Set by the gate when a Redis answers. */
export const REDIS_URL = process.env['TEST_REDIS_URL'];

/** Tests that need Redis; where none answers the gate says so aloud, or fails with REQUIRE_REDIS=1. */
export const HAS_REDIS = REDIS_URL;

export function describeWithRedis(title: string, tests: () => void): void {
  describeWhere(HAS_REDIS)(title, tests);
}
