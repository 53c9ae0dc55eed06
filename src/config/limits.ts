import { parseRate, type Rate } from '../core/rate.js';
import { list } from './parse-value.js';
import { fault, type Parser, value } from './parsed.js';

/** Each of them several rates, all of which hold, or none: then it is off. */
export interface LimitSettings {
  /** Of what is asked for one address. */
  destination: readonly Rate[];
  /** Of requests of one requester: an IPv4 address or an IPv6 /64. */
  ip: readonly Rate[];
  /** Of different addresses that one requester asks for. */
  ipDestinations: readonly Rate[];
  /** Of all mail that strangers cause. */
  publicMail: readonly Rate[];
  /** Of requests with one API key that send or check. */
  key: readonly Rate[];
}

/** As they would be written in the environment. */
export const DEFAULT_LIMITS = {
  LIMIT_DESTINATION: '5/15min,20/day',
  LIMIT_IP: '20/10min',
  LIMIT_IP_DESTINATIONS: '30/h',
  LIMIT_PUBLIC_MAIL: '600/h',
  LIMIT_KEY: '1000/min',
} as const;

export type LimitVariable = keyof typeof DEFAULT_LIMITS;

/** Rates, comma-separated, or `off`. Two of one window would be one counter, so they are refused. */
export function limitOf(name: LimitVariable): Parser<readonly Rate[]> {
  const remedy = `must be off, or rates with different times, comma-separated, such as ${name}=${DEFAULT_LIMITS[name]} (s, min, h or day).`;
  return (text) => {
    if (text.toLowerCase() === 'off') return value([]);
    const rates = list(text).map(parseRate);
    const windows = new Set(rates.map((rate) => rate?.windowMs));
    return rates.length === 0 || windows.has(undefined) || windows.size < rates.length ? fault(remedy) : value(rates as Rate[]);
  };
}

/** @param given what was set, validated; the rest has its default */
export function limitsFrom(given: Readonly<Partial<Record<LimitVariable, string | undefined>>>): LimitSettings {
  const rates = (name: LimitVariable): readonly Rate[] => {
    const parsed = limitOf(name)(given[name] ?? DEFAULT_LIMITS[name]);
    if (parsed.kind === 'fault') throw new Error(`${name} was read without validation.`);
    return parsed.value;
  };
  return {
    destination: rates('LIMIT_DESTINATION'),
    ip: rates('LIMIT_IP'),
    ipDestinations: rates('LIMIT_IP_DESTINATIONS'),
    publicMail: rates('LIMIT_PUBLIC_MAIL'),
    key: rates('LIMIT_KEY'),
  };
}
