import { randomBytes } from 'node:crypto';
import type { ResealedKind } from '../database/resealing.js';
import { UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, type Io, Progress } from './io.js';
import type { Session } from './session.js';

/** Bytes; what `openssl rand -base64 32` gives. */
const SECRET_BYTES = 32;

export function declare(program: Command): void {
  program
    .command('rotate-secret')
    .summary('seal again with APP_SECRET what a former one sealed, so that it can be forgotten')
    .synopsis('--generate', '[--status] [--yes] [--json]')
    .description(
      `A rotation in four steps, nobody signed out and no mail lost (docs/operations.md):

  1. NEW=$(otpost rotate-secret --generate)
  2. Every process knows the new one: APP_SECRET=old APP_SECRET_PREVIOUS=new. Restart one after the other.
  3. Every process seals with it: APP_SECRET=new APP_SECRET_PREVIOUS=old. Restart again.
  4. otpost rotate-secret, with the settings of step 3; then take the old one out of APP_SECRET_PREVIOUS.

Step 4 seals again, with APP_SECRET: the keys that sign tokens, the content of kept mail, codes that are still good, and
the secrets of webhooks. Otpost may run meanwhile. It may be ended at any time and run again.`,
    )
    .option('--generate', 'print a fresh secret and nothing else; no database is needed')
    .option('--status', 'change nothing; say how much a former secret still sealed')
    .option('--yes', 'do not ask')
    .option('--json', 'print one document: {keyId, kinds: [{kind, resealed, unreadable, remaining}], formerNeeded}')
    .remark('Exit codes: 0 nothing in the database needs a former secret, 1 something does, and why is told.')
    .does(generateOrReseal);
}

const QUESTION =
  'Has every process been restarted with the new APP_SECRET, and the former one in APP_SECRET_PREVIOUS? One that has not can open nothing of what is sealed now.';

async function generateOrReseal(io: Io, { generate, status }: { generate?: true; status?: true }): Promise<ExitCode> {
  if (generate) {
    if (status || io.yes || io.json) throw new UsageError('--generate goes alone.');
    io.out(randomBytes(SECRET_BYTES).toString('base64'));
    return 0;
  }
  const { withSession } = await import('./session.js');
  return withSession(io, (session) => reseal(session, status));
}

/** @param status only look */
async function reseal(session: Session, status = false): Promise<ExitCode> {
  const { Resealing } = await import('../database/resealing.js');
  const { SEALED_COLUMNS } = await import('../sealed-columns.js');
  const { io, prisma } = session;
  const keyring = await session.keyring();
  const resealing = new Resealing(prisma, keyring, SEALED_COLUMNS);
  const progress = new Progress(io);
  let kinds = await resealing.count(({ looked }) => progress.show(`${looked} looked at`));
  progress.end();
  const count = kinds.reduce((all, { remaining }) => all + remaining, 0);
  if (!status && count > 0) {
    if (!(await io.confirmed(QUESTION))) return 1;
    const { currentId: keyId } = keyring;
    // Before the first one, for it may be ended at any time.
    await session.record({ action: 'secret.rotation_started', details: { keyId, found: count } });
    kinds = await resealing.run(({ resealed, looked }) =>
      progress.show(`${resealed} of ${count} sealed again, ${looked} looked at`),
    );
    progress.end();
    const resealed = kinds.reduce((all, kind) => all + kind.resealed, 0);
    await session.record({ action: 'secret.rotated', details: { keyId, resealed } });
  }
  const formerNeeded = kinds.some(({ remaining }) => remaining > 0);
  if (io.json) io.out(JSON.stringify({ keyId: keyring.currentId, kinds, formerNeeded }));
  else {
    const rows = kinds.map(({ kind, resealed, unreadable, remaining }) => [
      kind,
      ...[resealed, unreadable, remaining].map(String),
    ]);
    io.table([['WHAT', 'SEALED AGAIN', 'UNREADABLE', 'LEFT'], ...rows]);
    io.err(...(formerNeeded ? [whyStill(kinds, status)] : FORGET));
  }
  return formerNeeded ? 1 : 0;
}

function whyStill(kinds: readonly ResealedKind[], status: boolean): string {
  if (status) return 'What is left was sealed with a former secret: otpost rotate-secret';
  return kinds.some((kind) => kind.unreadable > 0)
    ? 'What is unreadable opens with neither APP_SECRET nor APP_SECRET_PREVIOUS. Add the secret that sealed it, and run this again.'
    : 'What is left was in use, or is being made by a process that still has the former APP_SECRET: run this again once all are restarted.';
}

/** What is not in the database, and so cannot be sealed again. */
const FORGET = [
  'Nothing in the database needs a former secret. Take it out of APP_SECRET_PREVIOUS and restart; from then on',
  '- links to unsubscribe in mail that was sent before do not work any more: where you sent bulk mail, wait 30 days,',
  '- devices that are known by a token of before are unknown until their next sign-in; nobody is signed out.',
];
