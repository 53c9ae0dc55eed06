import { createInterface } from 'node:readline/promises';
import { visible } from '../core/visible.js';
import { UsageError } from './command.js';

/**
 * Asks before harm is done. A script cannot be asked: it says --yes, or nothing is done.
 * @throws UsageError where there is nobody to ask
 */
export async function confirmed(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY) throw new UsageError(`${question} Nobody can be asked here: say --yes to do it.`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question(`${visible(question)} [y/N] `)).trim());
  } finally {
    asking.close();
  }
}
