import type { Lane } from '../core/lanes.js';

/** The BullMQ queue of a lane. */
export function queueName(lane: Lane): string {
  return `mail-${lane}`;
}
