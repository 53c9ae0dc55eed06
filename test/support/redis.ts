/** Set by the gate when a Redis answers. */
export const REDIS_URL = process.env['TEST_REDIS_URL'];

/** Tests that need Redis; where none answers the gate says so aloud, or fails with REQUIRE_REDIS=1. */
export const describeWithRedis = REDIS_URL ? describe : describe.skip;
