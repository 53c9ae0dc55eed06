import { readdirSync, readFileSync } from 'node:fs';
import type { Api } from './api.js';

export interface ProcessFacts {
  descriptors: number;
  memoryMib: number;
  /** The most there ever was. */
  peakMib: number;
}

/** As Linux tells of a process (proc(5)). */
export function factsOf(pid: number): ProcessFacts {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (field: string) =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)![1]) / 1_024);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, memoryMib: mib('VmRSS'), peakMib: mib('VmHWM') };
}

/** Somebody else, who asks one thing after the other while `work` is under way. */
export async function others(api: Api, work: Promise<unknown>): Promise<string> {
  const took: number[] = [];
  let over = false;
  void work.finally(() => (over = true));
  do {
    const askedAt = performance.now();
    const { status } = await api.get('/health/live');
    if (status !== 200) throw new Error(`somebody else was answered ${status}`);
    took.push(performance.now() - askedAt);
    await new Promise((resolve) => setTimeout(resolve, 2));
  } while (!over);
  took.sort((one, other) => one - other);
  return `${took.length} other requests: median ${took[took.length >> 1]!.toFixed(0)} ms, slowest ${took.at(-1)!.toFixed(0)} ms`;
}

export function line({ descriptors, memoryMib, peakMib }: ProcessFacts): string {
  return `${descriptors} descriptors, ${memoryMib} MiB (most ${peakMib} MiB)`;
}
