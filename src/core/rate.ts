/** So many in so many milliseconds. */
export interface Rate {
  count: number;
  windowMs: number;
}

const WINDOWS: Record<string, number> = { s: 1_000, min: 60_000, h: 3_600_000, day: 86_400_000 };

/** `50/min`, `10/s`, `500/day`, `5/15min`; undefined when it is none of these. */
export function parseRate(text: string): Rate | undefined {
  const [, count, every, unit] = /^(\d{1,7})\/(\d{1,4})?(s|min|h|day)$/.exec(text.trim()) ?? [];
  if (count === undefined || Number(count) === 0 || every === '0') return undefined;
  return { count: Number(count), windowMs: WINDOWS[unit!]! * Number(every ?? 1) };
}
