/** Of a hundred: by so much the messages that are found may differ from what the caller expects. */
const TOLERANCE_PERCENT = 10;

/**
 * Whether so many messages are not what somebody meant who expected another number: it has changed since they looked.
 */
export function countDiffers(found: number, expected: number): boolean {
  return Math.abs(found - expected) * 100 > expected * TOLERANCE_PERCENT;
}

/** The UUID right before this one. */
export function uuidBefore(id: string): string {
  const hex = (BigInt(`0x${id.replaceAll('-', '')}`) - 1n).toString(16).padStart(32, '0');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
