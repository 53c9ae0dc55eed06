import { Resealing, type ResealedKind } from '../accounts/resealing.js';
import { Audit, OPERATOR } from '../audit/audit.js';
import { resolveAppSecret } from '../config/app-secret.js';
import type { Settings } from '../config/settings.js';
import { Keyring } from '../core/keyring.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService } from '../database/prisma.service.js';
import type { ExitCode, Terminal } from './command.js';
import { confirmed } from './confirm.js';
import { withDatabaseUrl } from './database.js';
import { Progress } from './progress.js';
import { printTable } from './table.js';

export interface RotateOrder {
  /** Only look. */
  status: boolean;
  yes: boolean;
  json: boolean;
}

const QUESTION = 'Has every process been restarted with the new APP_SECRET, and the former one in APP_SECRET_PREVIOUS? One that has not can open nothing of what is sealed now.';

export async function reseal(order: RotateOrder, terminal: Terminal): Promise<ExitCode> {
  return withDatabaseUrl(terminal, (url, { settings }) => resealAt(url, settings, order, terminal));
}

async function resealAt(url: string, settings: Settings, order: RotateOrder, terminal: Terminal): Promise<ExitCode> {
  const keyring = new Keyring(await resolveAppSecret(settings), settings.appSecretPrevious);
  const prisma = new PrismaService({ url, poolSize: 1 });
  try {
    const resealing = new Resealing(prisma, keyring);
    const stale = await resealing.count();
    const count = stale.reduce((all, { remaining }) => all + remaining, 0);
    if (order.status || count === 0) return tell(order, stale, keyring, terminal);
    if (!(await confirmed(QUESTION, order.yes))) {
      terminal.err('Nothing was done.');
      return 1;
    }
    const progress = new Progress(terminal);
    const kinds = await resealing.run((done) => progress.show(`${done} of ${count} sealed again`));
    progress.end();
    const resealed = kinds.reduce((all, kind) => all + kind.resealed, 0);
    await new Audit(prisma, await DatabaseClock.read(prisma)).record({ action: 'secret.rotated', result: 'done', ...OPERATOR, details: { keyId: keyring.currentId, resealed } });
    return tell(order, kinds, keyring, terminal);
  } finally {
    await prisma.$disconnect();
  }
}

function tell({ json, status }: RotateOrder, kinds: readonly ResealedKind[], keyring: Keyring, terminal: Terminal): ExitCode {
  const formerNeeded = kinds.some(({ remaining }) => remaining > 0);
  if (json) {
    terminal.out(JSON.stringify({ keyId: keyring.currentId, kinds, formerNeeded }));
    return formerNeeded ? 1 : 0;
  }
  printTable([['WHAT', 'SEALED AGAIN', 'UNREADABLE', 'LEFT'], ...kinds.map(({ kind, resealed, unreadable, remaining }) => [kind, String(resealed), String(unreadable), String(remaining)])], terminal);
  terminal.err(formerNeeded ? whyStill(kinds, status) : FORGET);
  return formerNeeded ? 1 : 0;
}

function whyStill(kinds: readonly ResealedKind[], status: boolean): string {
  if (status) return 'What is left was sealed with a former secret: otpost rotate-secret';
  const unreadable = kinds.some((kind) => kind.unreadable > 0);
  return unreadable
    ? 'What is unreadable opens with neither APP_SECRET nor APP_SECRET_PREVIOUS. Add the secret that sealed it, and run this again.'
    : 'What is left was in use, or is being made by a process that still has the former APP_SECRET: run this again once all are restarted.';
}

/** What is not in the database, and so cannot be sealed again. */
const FORGET = `Nothing in the database needs a former secret. Take it out of APP_SECRET_PREVIOUS and restart; from then on
- links to unsubscribe in mail that was sent before do not work any more: where you sent bulk mail, wait 30 days,
- devices that are known by a token of before are unknown until their next sign-in; nobody is signed out.`;
