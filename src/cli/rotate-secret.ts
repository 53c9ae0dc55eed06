import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type Command, type LoneWork, UsageError } from './command.js';
import type { RotateOrder } from './rotate-secret-work.js';

/** Bytes; what `openssl rand -base64 32` gives. */
const SECRET_BYTES = 32;

const rotateSecret: Command = {
  name: 'rotate-secret',
  alone: true,
  summary: 'seal again with APP_SECRET what a former one sealed, so that it can be forgotten',
  help: `Usage: otpost rotate-secret --generate
       otpost rotate-secret [--status] [--yes] [--json]

A rotation in four steps, nobody signed out and no mail lost (docs/operations.md):

  1. NEW=$(otpost rotate-secret --generate)
  2. Every process knows the new one: APP_SECRET=old APP_SECRET_PREVIOUS=new. Restart one after the other.
  3. Every process seals with it: APP_SECRET=new APP_SECRET_PREVIOUS=old. Restart again.
  4. otpost rotate-secret, with the settings of step 3; then take the old one out of APP_SECRET_PREVIOUS.

Step 4 seals again, with APP_SECRET: the keys that sign tokens, the content of kept mail, codes that are still good, and
the secrets of webhooks. Otpost may run meanwhile. It may be ended at any time and run again.

  --generate  print a fresh secret and nothing else; no database is needed
  --status    change nothing; say how much a former secret still sealed
  --yes       do not ask
  --json      print one document: {keyId, kinds: [{kind, resealed, unreadable, remaining}], formerNeeded}

Exit codes: 0 nothing in the database needs a former secret, 1 something does, and why is told.`,
  parse(args) {
    const { values } = parseArgs({ args, options: { generate: { type: 'boolean' }, status: { type: 'boolean' }, yes: { type: 'boolean' }, json: { type: 'boolean' } } });
    const { generate = false, status = false, yes = false, json = false } = values;
    if (!generate) return resealing({ status, yes, json });
    if (status || yes || json) throw new UsageError('--generate goes alone.');
    return async (terminal) => {
      terminal.out(randomBytes(SECRET_BYTES).toString('base64'));
      return 0;
    };
  },
};

export const ROTATE_SECRET_COMMANDS: readonly Command[] = [rotateSecret];

function resealing(order: RotateOrder): LoneWork {
  return async (terminal) => {
    const { reseal } = await import('./rotate-secret-work.js');
    return reseal(order, terminal);
  };
}
