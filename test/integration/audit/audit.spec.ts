import { Audit, OPERATOR } from '../../../src/audit/audit.js';
import { AuditMaintenance } from '../../../src/audit/audit.module.js';
import { readSettings } from '../../../src/configuration.js';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { ScheduledTasks } from '../../../src/database/scheduled-tasks.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';

interface EventBody {
  id: string;
  at: string;
  action: string;
  result: string;
  actor: { kind: string; id: string | null };
  target: { kind: string; id: string } | null;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  details: Record<string, unknown> | null;
}

interface ListBody {
  items: EventBody[];
  nextCursor: string | null;
}

const BEGAN = new Date('2026-11-21T12:00:00Z');

describe('the audit record', () => {
  let otpost: Otpost;
  let prisma: PrismaService;
  let clock: HeldClock;
  let audit: Audit;
  let admin: string;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    prisma = new PrismaService({ url: otpost.database.url, poolSize: 2 });
    admin = await createApiKey(otpost.database.url, ['admin']);
  });
  beforeEach(async () => {
    await otpost.database.query('TRUNCATE audit_events');
    clock = new HeldClock(BEGAN);
    audit = new Audit(prisma, clock);
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await otpost.stop();
  });

  const list = (query = '') => ask<ListBody & ProblemBody>(otpost, admin, 'GET', `/v1/audit${query}`);
  const actions = async (query: string): Promise<string[]> =>
    (await list(query)).body.items.map(({ action }) => action);

  it('says who did what to what, when, from where, and whether it was let', async () => {
    const source = {
      requestId: 'request-1',
      ip: '192.0.2.7',
      userAgent: `Firefox${'x'.repeat(400)}`,
      deviceToken: 'otd_secret',
    };
    await audit.record({
      action: 'session.refused',
      result: 'refused',
      actor: { kind: 'account', id: 'a' },
      target: { kind: 'session', id: 's' },
      source,
      details: { reason: 'wrong', tries: 2, known: true, until: null },
    });
    const { items } = (await list()).body;
    expect(items).toEqual([
      {
        id: expect.stringMatching(/^\d+$/) as string,
        at: BEGAN.toISOString(),
        action: 'session.refused',
        result: 'refused',
        actor: { kind: 'account', id: 'a' },
        target: { kind: 'session', id: 's' },
        ip: '192.0.2.7',
        userAgent: source.userAgent.slice(0, 300),
        requestId: 'request-1',
        details: { reason: 'wrong', tries: 2, known: true, until: null },
      },
    ]);
  });

  it('holds what a transaction did if it commits, and nothing if it does not', async () => {
    const transactions = new Transactions(prisma);
    const write = (action: string, fails: boolean) =>
      transactions.run(async (unit) => {
        await audit.record({ action, result: 'done', ...OPERATOR }, unit);
        if (fails) throw new Error('rolled back');
      });
    await write('thing.kept', false);
    await expect(write('thing.lost', true)).rejects.toThrow('rolled back');
    expect(await actions('')).toEqual(['thing.kept']);
  });

  it('is read by action or its first word, actor, target, result and time, newest first', async () => {
    const entries = [
      ['session.started', 'done', 'ada', 's1'],
      ['session.refused', 'refused', 'eve', 's2'],
      ['sessions.ended', 'done', 'ada', 's3'],
      ['role.changed', 'done', 'ada', 'eve'],
    ] as const;
    for (const [action, result, actor, target] of entries) {
      await audit.record({
        action,
        result,
        actor: { kind: 'account', id: actor },
        target: { kind: 'thing', id: target },
      });
      clock.advance(60);
    }
    expect(await actions('')).toEqual(['role.changed', 'sessions.ended', 'session.refused', 'session.started']);
    expect(await actions('?action=session.started')).toEqual(['session.started']);
    expect(await actions('?action=session')).toEqual(['session.refused', 'session.started']);
    expect(await actions('?actorId=eve')).toEqual(['session.refused']);
    expect(await actions('?targetId=eve')).toEqual(['role.changed']);
    expect(await actions('?result=refused')).toEqual(['session.refused']);
    expect(await actions('?since=2026-11-21T12:01:00Z&until=2026-11-21T12:03:00Z')).toEqual([
      'sessions.ended',
      'session.refused',
    ]);
    expect(await actions('?since=2026-11-21T13:01:00%2B01:00&actorId=ada')).toEqual(['role.changed', 'sessions.ended']);
  });

  it('comes in pages that neither repeat nor miss a row while others are written', async () => {
    for (let number = 1; number <= 7; number++)
      await audit.record({ action: `thing.number_${'abcdefg'[number - 1]}`, result: 'done', ...OPERATOR });
    const first = (await list('?limit=3')).body;
    await audit.record({ action: 'thing.later', result: 'done', ...OPERATOR });
    const second = (await list(`?limit=3&cursor=${first.nextCursor}`)).body;
    const third = (await list(`?limit=3&cursor=${second.nextCursor}`)).body;
    expect([first, second, third].map(({ items }) => items.map(({ action }) => action.at(-1)).join(''))).toEqual([
      'gfe',
      'dcb',
      'a',
    ]);
    expect(third.nextCursor).toBeNull();
  });

  it.each([
    ['action=Session'],
    ['action=a.b.c'],
    ['result=maybe'],
    ['since=yesterday'],
    ['until=2026-11-21'],
    ['limit=0'],
    ['limit=101'],
    ['cursor=bm9uZQ'],
    ['actorId=%00'],
    ['who=me'],
  ])('refuses ?%s', async (query) => {
    const { status, body } = await list(`?${query}`);
    expect([status, body.code, body.errors?.[0]?.field]).toEqual([422, 'validation_failed', query.split('=')[0]]);
  });

  it('is kept for AUDIT_RETENTION_DAYS', async () => {
    const { settings } = readSettings({ AUDIT_RETENTION_DAYS: '10' });
    const maintenance = new AuditMaintenance(
      settings,
      new ScheduledTasks(prisma, createLogger('silent', 'test')),
      prisma,
      clock,
    );
    await audit.record({ action: 'thing.old', result: 'done', ...OPERATOR });
    clock.advance(10 * 86_400);
    await audit.record({ action: 'thing.new', result: 'done', ...OPERATOR });
    expect(await maintenance.removeOld(new AbortController().signal)).toBe('0 audit events removed');
    clock.advance(1);
    expect(await maintenance.removeOld(new AbortController().signal)).toBe('1 audit events removed');
    expect(await actions('')).toEqual(['thing.new']);
  });

  it('is cleaned by a task of its own, every day', async () => {
    const task = await eventually(
      async () =>
        (
          await otpost.database.query<{ last_result: string | null }>(
            `SELECT last_result FROM scheduled_tasks WHERE name = 'audit.events'`,
          )
        )[0]?.last_result ?? undefined,
      'the task to have run',
    );
    expect(task).toBe('0 audit events removed');
  });

  it('tells who made, changed, rotated and removed a webhook endpoint, and nothing of its secret', async () => {
    const path = '/v1/webhook-endpoints';
    const { body } = await ask<{ id: string; secret: string }>(otpost, admin, 'POST', path, {
      url: 'http://127.0.0.1:9/hook',
    });
    await ask(otpost, admin, 'PATCH', `${path}/${body.id}`, { description: 'of the shop' });
    const rotated = await ask<{ secret: string }>(otpost, admin, 'POST', `${path}/${body.id}/rotate-secret`);
    expect((await ask(otpost, admin, 'DELETE', `${path}/${body.id}`)).status).toBe(204);
    const { items } = (await list(`?targetId=${body.id}`)).body;
    expect(items.map(({ action }) => action)).toEqual(
      ['removed', 'secret_rotated', 'changed', 'created'].map((change) => `webhook_endpoint.${change}`),
    );
    expect(new Set(items.map(({ actor }) => actor.kind))).toEqual(new Set(['api_key']));
    for (const secret of [body.secret, rotated.body.secret]) expect(JSON.stringify(items)).not.toContain(secret);
  });
});
