import { randomBytes } from 'node:crypto';
import { VARIABLES } from '../../src/configuration.js';

/** A process that a blueprint starts, with the environment it finds there. */
export interface BlueprintProcess {
  /** Path of the file, and the process in it. */
  name: string;
  env: Record<string, string>;
  /** Seconds between the request to stop and the kill; undefined where nothing is drained. */
  graceSeconds?: number;
}

/**
 * What somebody fills in who follows the documents: the example of the variable, or a value of its kind where the
 * example says only how to get one.
 */
export function filledIn(variable: string): string {
  const description = VARIABLES.find(({ name }) => name === variable);
  if (!description) throw new Error(`${variable} is no variable of Otpost.`);
  const { example } = description;
  return example.startsWith('<') ? generated() : example;
}

/** As `openssl rand -base64 32` and Render's generateValue make it. */
export function generated(): string {
  return randomBytes(32).toString('base64');
}

/** What the environment of a process may hold besides the variables of Otpost. */
export function strangersIn(env: Readonly<Record<string, string>>, ofPlatform: readonly string[]): string[] {
  return Object.keys(env).filter(
    (name) => !ofPlatform.includes(name) && !VARIABLES.some((variable) => variable.name === name),
  );
}
