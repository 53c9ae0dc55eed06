import { parseArgs } from 'node:util';
import { PUBLISHED_BEFORE_MS } from '../accounts/tokens/signing-key-policy.js';
import type { Command } from './command.js';

const list: Command = {
  name: 'signing-keys list',
  summary: 'show the keys that sign access tokens',
  help: `Usage: otpost signing-keys list [--json]

Shows every key in /.well-known/jwks.json: its id (kid), whether it signs now, will sign, or only verifies tokens that it
signed before, when it was made, when it began or begins to sign, and when it is removed.

  --json  print a list of objects`,
  alone: true,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    return async (terminal) => {
      const { listSigningKeys } = await import('./signing-keys-work.js');
      return listSigningKeys(values.json ?? false, terminal);
    };
  },
};

const rotate: Command = {
  name: 'signing-keys rotate',
  summary: 'sign access tokens with a new key, without signing anybody out',
  help: `Usage: otpost signing-keys rotate

Makes a new key. It is published at /.well-known/jwks.json at once and signs ${PUBLISHED_BEFORE_MS / 60_000} minutes later, when every back end has it.
The former key stays published until the tokens it signed have run out. Nobody is signed out.

Otpost does the same by itself every 90 days.`,
  alone: true,
  parse(args) {
    parseArgs({ args, options: {} });
    return async (terminal) => {
      const { rotateSigningKey } = await import('./signing-keys-work.js');
      return rotateSigningKey(terminal);
    };
  },
};

export const SIGNING_KEY_COMMANDS: readonly Command[] = [list, rotate];
