import { parseRate, type Rate } from '../core/rate.js';
import { fault, type Parsed, value } from './parsed.js';

/** What every transport may have, after the question mark of its entry in MAIL_TRANSPORTS. */
export interface CommonParameters {
  /** Of this transport, all workers together; MAIL_RATE where it says nothing. */
  rate?: Rate;
  /** Messages a UTC day, all workers together. */
  daily?: number;
  /** Deliveries side by side, all workers together. */
  connections?: number;
}

/** Takes the common parameters out of `parameters`; whoever asked deals with what is left. */
export function takeCommon(parameters: URLSearchParams): Parsed<CommonParameters> {
  const common: CommonParameters = {};
  const rate = take(parameters, 'rate');
  if (rate !== undefined) {
    const parsed = parseRate(rate);
    if (!parsed) return fault('rate must be a number of messages in a time, such as ?rate=50/min (s, min, h or day).');
    common.rate = parsed;
  }
  for (const name of ['daily', 'connections'] as const) {
    const text = take(parameters, name);
    if (text === undefined) continue;
    if (!/^[1-9]\d{0,6}$/.test(text)) return fault(`${name} must be a whole number from 1, such as ?${name}=${name === 'daily' ? 500 : 5}.`);
    common[name] = Number(text);
  }
  return value(common);
}

/** A parameter that stands twice is left, and so becomes one that nobody understands. */
export function take(parameters: URLSearchParams, name: string): string | undefined {
  const all = parameters.getAll(name);
  if (all.length !== 1) return undefined;
  parameters.delete(name);
  return all[0];
}
