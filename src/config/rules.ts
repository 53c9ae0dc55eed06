import type { Environment } from './environment.js';
import { type Fault, show } from './configuration-error.js';
import { isLoopback, withoutBrackets } from './hosts.js';
import { parseTransports } from './mail-transports.js';
import { parseAppUrl } from './parse-url.js';
import { describeVariable, PRODUCTION_MARKERS, type VariableName } from './variables.js';

/** Development has a default for each of them that would lose data, codes or mail in production. */
const REQUIRED_IN_PRODUCTION = ['DATABASE_URL', 'APP_URL', 'APP_SECRET', 'MAIL_FROM', 'MAIL_TRANSPORTS'] as const;

/** @param env the raw environment, empty variables already removed: the markers are not settings of ours. */
export function isProduction(env: Readonly<Record<string, string>>): boolean {
  return env['NODE_ENV'] === 'production' || PRODUCTION_MARKERS.some((marker) => env[marker] !== undefined);
}

/** Faults that no variable has on its own. */
export function faultsBetween(environment: Environment, production: boolean): Fault[] {
  const faults: Fault[] = [];
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
export function warningsAbout(environment: Environment, production: boolean): string[] {
  const transports = environment.MAIL_TRANSPORTS === undefined ? undefined : parseTransports(environment.MAIL_TRANSPORTS);
  if (production && transports?.kind === 'value' && transports.value.some(({ kind }) => kind === 'capture')) {
    return ['MAIL_TRANSPORTS has capture: in production. Mail that it takes is kept in the built-in inbox and sent to nobody.'];
  }
  return [];
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
