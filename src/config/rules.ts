import type { Environment } from './environment.js';
import { type Fault, show } from './configuration-error.js';
import { isLoopback, withoutBrackets } from './hosts.js';
import { parseTransports } from './mail-transports.js';
import { parseAppUrl } from './parse-url.js';
import type { TransportSettings } from './settings.js';
import { describeVariable, PRODUCTION_MARKERS, type VariableName } from './variables.js';

/** Development has a default for each of them that would lose data, codes or mail in production. */
const REQUIRED_IN_PRODUCTION = ['DATABASE_URL', 'APP_URL', 'APP_SECRET', 'MAIL_FROM', 'MAIL_TRANSPORTS'] as const;

/** @param env the raw environment, empty variables already removed: the markers are not settings of ours. */
export function isProduction(env: Readonly<Record<string, string>>): boolean {
  return env['NODE_ENV'] === 'production' || PRODUCTION_MARKERS.some((marker) => env[marker] !== undefined);
}

/** Any of these present: the platform's proxy stands in front, and nothing else reaches the port. */
const PROXY_MARKERS: readonly (typeof PRODUCTION_MARKERS)[number][] = ['RENDER', 'RAILWAY_ENVIRONMENT', 'RAILWAY_ENVIRONMENT_NAME'];

/** @param env as for {@link isProduction} */
export function isBehindPlatformProxy(env: Readonly<Record<string, string>>): boolean {
  return PROXY_MARKERS.some((marker) => env[marker] !== undefined);
}

/** Faults that no variable has on its own. */
export function faultsBetween(environment: Environment, production: boolean): Fault[] {
  const faults: Fault[] = [];
  for (const [one, other] of [['DKIM_SELECTOR', 'DKIM_PRIVATE_KEY'], ['DKIM_PRIVATE_KEY', 'DKIM_SELECTOR']] as const) {
    if (environment[one] === undefined && environment[other] !== undefined) faults.push(missing(one, `is required with ${other}`));
  }
  const transports = transportsOf(environment);
  if (transports.some(({ kind }) => kind === 'ses')) {
    for (const variable of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const) {
      if (environment[variable] === undefined) faults.push(missing(variable, 'is required with ses: in MAIL_TRANSPORTS'));
    }
  }
  if (production && transports.some((transport) => 'endpoint' in transport)) {
    faults.push({
      variable: 'MAIL_TRANSPORTS',
      read: show('MAIL_TRANSPORTS', environment.MAIL_TRANSPORTS),
      remedy: ['must not have ?endpoint= in production: it is for tests. Remove it, such as MAIL_TRANSPORTS=resend:re_123.'],
    });
  }
  if (production) {
    for (const variable of REQUIRED_IN_PRODUCTION) {
      if (environment[variable] === undefined) faults.push(missing(variable, 'is required in production'));
    }
    if (environment.APP_URL !== undefined && isOpenHttp(environment.APP_URL)) {
      faults.push({
        variable: 'APP_URL',
        read: show('APP_URL', environment.APP_URL),
        remedy: ['must be https in production, except on loopback, such as APP_URL=https://accounts.example.com.'],
      });
    }
  } else if (environment.DATABASE_URL === undefined && (environment.ROLE === 'web' || environment.ROLE === 'worker')) {
    const reason = `is required with ROLE=${environment.ROLE}, because the embedded Postgres serves one process only`;
    faults.push(missing('DATABASE_URL', reason));
  }
  return faults;
}

/** What is allowed and yet probably not meant. */
export function warningsAbout(environment: Environment, production: boolean, behindProxy: boolean): string[] {
  const kinds = transportsOf(environment).map(({ kind }) => kind);
  if (!production) return [];
  return [
    ...(behindProxy && environment.TRUSTED_PROXIES === undefined && environment.ROLE !== 'worker'
      ? ["TRUSTED_PROXIES is not set, and this host's proxy stands in front: all visitors count as one address for limits. Set how many proxies there are: TRUSTED_PROXIES=3 on Render, 2 on Railway (see docs/deploy)."]
      : []),
    ...(kinds.includes('capture')
      ? ['MAIL_TRANSPORTS has capture: in production. Mail that it takes is kept in the built-in inbox and sent to nobody.']
      : []),
    ...(kinds.includes('file') ? ['MAIL_TRANSPORTS has file: in production. Mail that it takes is written to files and sent to nobody.'] : []),
  ];
}

/** None where they do not parse, which is a fault of its own. */
function transportsOf({ MAIL_TRANSPORTS: text }: Environment): TransportSettings[] {
  const transports = text === undefined ? undefined : parseTransports(text);
  return transports?.kind === 'value' ? transports.value : [];
}

function missing(variable: VariableName, reason: string): Fault {
  return { variable, read: show(variable, undefined), remedy: [`${reason}, such as ${variable}=${describeVariable(variable).example}.`] };
}

function isOpenHttp(text: string): boolean {
  const origin = parseAppUrl(text);
  if (origin.kind === 'fault') return false;
  const url = new URL(origin.value);
  return url.protocol === 'http:' && !isLoopback(withoutBrackets(url.hostname));
}
