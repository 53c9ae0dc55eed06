import type { Settings } from '../../config/settings.js';
import type { Logger } from '../../core/logger.js';
import { StartupError } from '../../core/startup-error.js';
import { withClient } from '../../database/pool.js';
import type { PrismaService } from '../../database/prisma.service.js';
import { findSmsProvider } from '../sms/sms-providers.js';

/*
 * A process that was told of no transport captures mail. Other processes of its database may send it, and nobody would
 * miss what this one takes, for that would be `sent`. Whoever means it says MAIL_TRANSPORTS=capture:.
 */

const REMEDY =
  'Start it with the environment of the other processes, MAIL_TRANSPORTS above all; with MAIL_TRANSPORTS=capture: where all mail is to stay in the inbox.';

/**
 * Before anything is delivered. What an embedded Postgres knows of is of this process's own former starts.
 * @throws StartupError
 */
export async function refuseCaptureByDefault({ mail, role, database }: Settings): Promise<void> {
  const delivers = role !== 'web' || mail.rescue;
  if (!mail.capturesByDefault || !delivers || database.url === undefined) return;
  const names = await withClient(database.url, 'start', async (client) => {
    const { rows } = await client.query<{ name: string }>('SELECT name FROM transport_states ORDER BY name');
    return transportsOfMail(rows);
  });
  if (names.length > 0)
    throw new StartupError(
      `MAIL_TRANSPORTS is not set here, and mail of this database goes out by ${names.join(', ')}.`,
      REMEDY,
    );
}

/** The same for as long as the process lives: others may come later, and while it starts. */
export class CaptureByDefault {
  private readonly applies: boolean;
  private readonly isEmbedded: boolean;
  /** Of former starts of its own. */
  private former: ReadonlySet<string> = new Set();
  private isTold = false;

  constructor(
    { mail, database }: Settings,
    private readonly prisma: PrismaService,
    private readonly log: Logger,
  ) {
    this.applies = mail.capturesByDefault;
    this.isEmbedded = database.url === undefined;
  }

  /** At the start. */
  async look(): Promise<void> {
    if (this.applies && this.isEmbedded) this.former = new Set(await this.names());
  }

  /** Whether mail may be claimed. */
  async mayTake(): Promise<boolean> {
    if (!this.applies) return true;
    const come = (await this.names()).filter((name) => !this.former.has(name));
    if (come.length === 0) return true;
    if (!this.isTold)
      this.log.error(
        { transports: come },
        `THIS PROCESS DELIVERS NO MAIL ANY MORE: MAIL_TRANSPORTS is not set here, and another process of its database has transports. ${REMEDY}`,
      );
    this.isTold = true;
    return false;
  }

  private async names(): Promise<string[]> {
    return transportsOfMail(await this.prisma.statements.query<{ name: string }[]>`SELECT name FROM transport_states`);
  }
}

/** Of whatever a process of this database was ever started with. */
function transportsOfMail(rows: readonly { name: string }[]): string[] {
  const kindOf = (name: string): string => name.split(/[:#]/, 1)[0]!;
  return rows.map(({ name }) => name).filter((name) => kindOf(name) !== 'capture' && !findSmsProvider(kindOf(name)));
}
