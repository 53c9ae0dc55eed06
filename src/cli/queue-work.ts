import { Audit, OPERATOR } from '../audit/audit.js';
import type { Lane } from '../core/lanes.js';
import { DatabaseClock } from '../database/database-clock.js';
import type { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { LanePauses } from '../mail/lane-pauses.js';
import { OutboxRecords } from '../mail/outbox-records.js';
import { ALIVE_WITHIN_MS } from '../queue/worker-registry.js';
import type { ExitCode, Terminal } from './command.js';
import { confirmed } from './confirm.js';
import { printLanes } from './outbox-work.js';

export async function showLanes(json: boolean, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const lanes = await new OutboxRecords(prisma).lanes(ALIVE_WITHIN_MS);
  if (json) terminal.out(JSON.stringify(lanes));
  else printLanes(lanes, terminal);
  return 0;
}

interface Pause {
  lanes: readonly Lane[];
  reason: string | null;
  yes: boolean;
  json: boolean;
}

export async function pauseLanes({ lanes, reason, yes, json }: Pause, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const codes = lanes.includes('critical') ? ' Nobody can sign in by code meanwhile.' : '';
  if (!(await confirmed(`Deliver nothing of ${lanes.join(', ')} until resumed?${codes}`, yes))) {
    terminal.err('Nothing was done.');
    return 1;
  }
  const audit = new Audit(prisma, await DatabaseClock.read(prisma));
  const paused = await new Transactions(prisma).run(async (unit) => {
    const changed = await new LanePauses(prisma).pause(lanes, reason, unit);
    for (const id of changed) await audit.record({ action: 'lane.paused', result: 'done', ...OPERATOR, target: { kind: 'lane', id }, details: { reason } }, unit);
    return changed;
  });
  if (json) terminal.out(JSON.stringify({ paused }));
  else terminal.err(paused.length > 0 ? `Paused ${paused.join(', ')}. To go on: otpost queue resume ${paused.join(' ')}` : 'Paused already.');
  return 0;
}

export async function resumeLanes(lanes: readonly Lane[], json: boolean, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const audit = new Audit(prisma, await DatabaseClock.read(prisma));
  const resumed = await new Transactions(prisma).run(async (unit) => {
    const changed = await new LanePauses(prisma).resume(lanes, unit);
    for (const id of changed) await audit.record({ action: 'lane.resumed', result: 'done', ...OPERATOR, target: { kind: 'lane', id } }, unit);
    return changed;
  });
  if (json) terminal.out(JSON.stringify({ resumed }));
  else terminal.err(resumed.length > 0 ? `Resumed ${resumed.join(', ')}.` : 'None was paused; there was nothing to resume.');
  return 0;
}
