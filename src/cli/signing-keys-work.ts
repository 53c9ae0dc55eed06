import { ACCESS_TOKEN_SECONDS } from '../accounts/sessions/session-policy.js';
import { inOrder, retiresAt, signerAt } from '../accounts/tokens/signing-key-policy.js';
import { SigningKeyRecords } from '../accounts/tokens/signing-key-records.js';
import { Audit } from '../audit/audit.js';
import { resolveAppSecret } from '../config/app-secret.js';
import type { Clock } from '../core/clock.js';
import { Keyring } from '../core/keyring.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import type { SigningKey } from '../generated/prisma/client.js';
import type { ExitCode, Terminal } from './command.js';
import { withDatabaseUrl } from './database.js';
import { minute, printTable } from './table.js';

type State = 'signs' | 'signs later' | 'verifies';

interface ShownKey {
  id: string;
  state: State;
  createdAt: Date;
  activeFrom: Date;
  /** When it is removed from the key set; null while it has no successor. */
  removedAfter: Date | null;
}

export async function listSigningKeys(json: boolean, terminal: Terminal): Promise<ExitCode> {
  return withRecords(terminal, async (records, clock) => {
    const keys = shown(await records.list(), clock.now());
    if (json) terminal.out(JSON.stringify(keys));
    else if (keys.length === 0) terminal.err('There is no signing key yet. Otpost makes one when it starts.');
    else printKeys(keys, terminal);
    return 0;
  });
}

export async function rotateSigningKey(terminal: Terminal): Promise<ExitCode> {
  return withRecords(terminal, async (records, clock) => {
    const rotation = await records.rotate(clock.now(), { asked: true });
    switch (rotation.kind) {
      case 'rotated':
        terminal.out(rotation.key.id);
        terminal.err(`The new key is published, and signs from ${rotation.key.activeFrom.toISOString()} on.`);
        return 0;
      case 'pending':
        terminal.err(`The key ${rotation.key.id} is new already, and signs from ${rotation.key.activeFrom.toISOString()} on.`);
        return 1;
      case 'not_due':
        throw new Error('a rotation that was asked for is always due');
    }
  });
}

async function withRecords(terminal: Terminal, work: (records: SigningKeyRecords, clock: Clock) => Promise<ExitCode>): Promise<ExitCode> {
  return withDatabaseUrl(terminal, async (url, { settings }) => {
    const keyring = new Keyring(await resolveAppSecret(settings), settings.appSecretPrevious);
    const prisma = new PrismaService({ url, poolSize: 1 });
    try {
      const clock = await DatabaseClock.read(prisma);
      return await work(new SigningKeyRecords(prisma, new Transactions(prisma), keyring, new Audit(prisma, clock)), clock);
    } finally {
      await prisma.$disconnect();
    }
  });
}

/** The newest first; nothing of the private halves. */
function shown(keys: readonly SigningKey[], now: Date): ShownKey[] {
  const signer = signerAt(keys, now);
  return inOrder(keys).map((key, index, newestFirst) => {
    const { id, createdAt, activeFrom } = key;
    const successor = newestFirst[index - 1];
    return {
      id,
      state: id === signer?.id ? 'signs' : activeFrom > now ? 'signs later' : 'verifies',
      createdAt,
      activeFrom,
      removedAfter: successor ? retiresAt(successor, ACCESS_TOKEN_SECONDS * 1_000) : null,
    };
  });
}

function printKeys(keys: readonly ShownKey[], terminal: Terminal): void {
  printTable(
    [
      ['STATE', 'CREATED', 'SIGNS FROM', 'REMOVED AFTER', 'ID'],
      ...keys.map(({ id, state, createdAt, activeFrom, removedAfter }) => [state, minute(createdAt), minute(activeFrom), minute(removedAfter), id]),
    ],
    terminal,
  );
}
