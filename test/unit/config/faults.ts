import { ConfigurationError, type Fault } from '../../../src/config/configuration-error.js';
import { readSettings } from '../../../src/config/read-settings.js';

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
