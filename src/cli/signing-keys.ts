import { inOrder, PUBLISHED_BEFORE_MS, retiresAt, signerAt } from '../accounts/tokens/signing-key-policy.js';
import type { SigningKeyRecords } from '../accounts/tokens/signing-keys.js';
import type { SigningKey } from '../generated/prisma/client.js';
import type { Command } from './command.js';
import { type ExitCode, minute } from './io.js';
import type { Session } from './session.js';

export function declare(program: Command): void {
  const keys = program.command('signing-keys');

  keys
    .command('list')
    .summary('show the keys that sign access tokens')
    .synopsis('[--json]')
    .description(
      `Shows every key in /.well-known/jwks.json: its id (kid), whether it signs now, will sign, or only verifies tokens that it
signed before, when it was made, when it began or begins to sign, and when it is removed.`,
    )
    .option('--json', 'print a list of objects')
    .onDatabase(list);

  keys
    .command('rotate')
    .summary('sign access tokens with a new key, without signing anybody out')
    .description(
      `Makes a new key. It is published at /.well-known/jwks.json at once and signs ${PUBLISHED_BEFORE_MS / 60_000} minutes later, when every back end has it.
The former key stays published until the tokens it signed have run out. Nobody is signed out.

Otpost does the same by itself every 90 days.`,
    )
    .onDatabase(rotate);
}

async function list(session: Session): Promise<ExitCode> {
  const records = await recordsOf(session);
  return session.io.list(await shown(await records.list(), (await session.clock()).now()), {
    none: 'There is no signing key yet. Otpost makes one when it starts.',
    heading: ['STATE', 'CREATED', 'SIGNS FROM', 'REMOVED AFTER', 'ID'],
    row: ({ id, state, createdAt, activeFrom, removedAfter }) => [
      state,
      ...[createdAt, activeFrom, removedAfter].map(minute),
      id,
    ],
  });
}

async function rotate(session: Session): Promise<ExitCode> {
  const { io } = session;
  const rotation = await (await recordsOf(session)).rotate((await session.clock()).now(), { asked: true });
  switch (rotation.kind) {
    case 'rotated':
      io.out(rotation.key.id);
      io.err(`The new key is published, and signs from ${rotation.key.activeFrom.toISOString()} on.`);
      return 0;
    case 'pending':
      io.err(`The key ${rotation.key.id} is new already, and signs from ${rotation.key.activeFrom.toISOString()} on.`);
      return 1;
    case 'not_due':
      throw new Error('a rotation that was asked for is always due');
  }
}

interface ShownKey {
  id: string;
  state: 'signs' | 'signs later' | 'verifies';
  createdAt: Date;
  activeFrom: Date;
  /** When it is removed from the key set; null while it has no successor. */
  removedAfter: Date | null;
}

async function recordsOf(session: Session): Promise<SigningKeyRecords> {
  const { SigningKeyRecords: Records } = await import('../accounts/tokens/signing-keys.js');
  return new Records(session.prisma, session.transactions, await session.keyring(), await session.audit());
}

/** The newest first; nothing of the private halves. */
async function shown(keys: readonly SigningKey[], now: Date): Promise<ShownKey[]> {
  const { ACCESS_TOKEN_SECONDS } = await import('../accounts/tokens/session-policy.js');
  const signer = signerAt(keys, now);
  return inOrder(keys).map(({ id, createdAt, activeFrom }, index, newestFirst) => {
    const successor = newestFirst[index - 1];
    const state = id === signer?.id ? 'signs' : activeFrom > now ? 'signs later' : 'verifies';
    return {
      id,
      state,
      createdAt,
      activeFrom,
      removedAfter: successor ? retiresAt(successor, ACCESS_TOKEN_SECONDS * 1_000) : null,
    };
  });
}
