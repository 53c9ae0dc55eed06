import { ConfigurationError, type Fault } from '../../../src/config/read-settings.js';
import type { TransportSettings } from '../../../src/config/settings.js';
import { readSettings, VARIABLES } from '../../../src/configuration.js';

/** An environment that production accepts; tests spoil one thing in it. */
export const PRODUCTION_ENV = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://otpost:pw@db.example.com:5432/otpost',
  APP_URL: 'https://accounts.example.com',
  APP_SECRET: 'f'.repeat(32),
  MAIL_FROM: 'Acme <no-reply@example.com>',
  MAIL_TRANSPORTS: 'smtps://user:pw@smtp.example.com',
};

/** The error with which the environment is refused; the test fails when it is accepted. */
export function refusal(env: Record<string, string | undefined>): ConfigurationError {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error(`Accepted although it should be refused: ${JSON.stringify(env)}`);
}

/** The only fault of an environment, its remedy as one text. */
export function onlyFault(env: Record<string, string | undefined>): Omit<Fault, 'remedy'> & { remedy: string } {
  const { faults } = refusal(env);
  expect(faults.map((fault) => fault.variable)).toHaveLength(1);
  const fault = faults[0]!;
  return { ...fault, remedy: fault.remedy.join(' ') };
}

/** The lines of a remedy, as the operator sees them. */
export function remedyOf(name: string, text: string): string {
  return refusal({ [name]: text }).faults.map(({ remedy }) => remedy.join('\n'))[0]!;
}

/** What one entry of MAIL_TRANSPORTS is read as; the test fails when it is refused. */
export function onlyTransport(entry: string): TransportSettings {
  const aws = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' };
  return readSettings({ MAIL_TRANSPORTS: entry, ...aws }).settings.mail.transports[0]!;
}

/** MAIL_TRANSPORTS as an error text shows it. */
export function maskTransports(text: string): string {
  const { secret } = VARIABLES.find(({ name }) => name === 'MAIL_TRANSPORTS')!;
  return (secret as (text: string) => string)(text);
}
