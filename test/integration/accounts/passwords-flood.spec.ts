import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Passwords } from '../../../src/accounts/passwords/passwords.js';
import { readSettings } from '../../../src/config/read-settings.js';
import type { Problem } from '../../../src/core/problems.js';
import type { ProblemBody } from '../../support/api.js';
import { TEST_SECRET } from '../../support/otpost.js';
import { OtpostProcess } from '../../support/otpost-process.js';
import { createDatabase } from '../../support/postgres.js';

const FLOOD = 500;
/** 2 at one time and 64 waiting. */
const PLACES = 66;
const MIB = 1_024 * 1_024;

function percentile(values: number[], share: number): number {
  return values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
}

describe('a flood of passwords', () => {
  it(`takes the memory of a few: of ${FLOOD} at once, ${PLACES} are compared and the others told to come back`, async () => {
    const { settings } = readSettings({ DATABASE_URL: 'postgres://nobody@127.0.0.1/none', APP_SECRET: TEST_SECRET });
    const passwords = new Passwords(settings);
    await passwords.onModuleInit();
    const hash = await passwords.hash('correct horse battery staple');
    await passwords.verify(hash, 'warm');
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const before = process.memoryUsage.rss();
    let peak = before;
    const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
    delay.enable();
    const started = performance.now();
    const outcomes = await Promise.allSettled(Array.from({ length: FLOOD }, () => passwords.verify(hash, 'wrong')));
    const took = performance.now() - started;
    delay.disable();
    clearInterval(sampler);
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as Problem);
    const grown = (peak - before) / MIB;
    console.log(`${FLOOD - refusals.length} compared in ${took.toFixed(0)} ms, ${refusals.length} refused; memory +${grown.toFixed(0)} MiB; event-loop delay p50 ${(delay.percentile(50) / 1e6).toFixed(1)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`);
    expect(refusals).toHaveLength(FLOOD - PLACES);
    for (const { code, status, headers } of refusals) expect([code, status, headers['retry-after']]).toEqual(['busy', 503, '1']);
    // Limits are asked before the line.
    expect(refusals[0]!.toDocument('id')['remedy']).toContain('the limits do count the request');
    expect(grown).toBeLessThan(80); // two hashes are 38
    // Less than one hash takes, on a busy machine: none runs in the event loop. The monitor's own 5 ms are part of it.
    expect(delay.percentile(99) / 1e6).toBeLessThan(Math.max(50, took / PLACES));
    // The line is empty again.
    expect(await passwords.verify(hash, 'correct horse battery staple')).toEqual({ correct: true, rehash: false });
  });

  it('keeps no request waiting that has nothing to do with it, and counts no try that was not made', async () => {
    const database = await createDatabase();
    const service = await OtpostProcess.start({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, PORT: '0', ROLE: 'web', LOG_LEVEL: 'info' });
    try {
      const api = await service.api();
      const peakKib = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${service.child.pid}/status`, 'utf8'))![1]);
      const signIn = async (n: number) => api.post<ProblemBody>('/v1/sessions', { email: `nobody${n}@example.com`, password: 'wrong horse battery' });
      await Promise.all(Array.from({ length: 20 }, (_, n) => signIn(n))); // warm
      await database.query('DELETE FROM failure_budgets');
      const lag = async (which: string) => Number(new RegExp(`^nodejs_eventloop_lag_${which}_seconds ([\\d.e-]+)`, 'm').exec((await api.get<string>('/metrics')).body)![1]) * 1_000;
      await lag('p99'); // asking begins the measurement anew
      const before = peakKib();
      const flood = Promise.all(Array.from({ length: FLOOD }, (_, n) => signIn(n)));
      const others: number[] = [];
      let over = false;
      void flood.finally(() => (over = true));
      while (!over) {
        const asked = performance.now();
        expect((await api.get('/health/live')).status).toBe(200);
        others.push(performance.now() - asked);
      }
      const answers = await flood;
      const delay = await lag('p99');
      const refused = answers.filter(({ body }) => body.code === 'invalid_credentials').length;
      const busy = answers.filter(({ status, body, headers }) => status === 503 && body.code === 'busy' && headers.get('retry-after') === '1').length;
      const grown = (peakKib() - before) / 1_024;
      const [counted] = await database.query<{ n: number }>('SELECT count(*)::int AS n FROM failure_budgets');
      console.log(`${refused} compared, ${busy} busy; peak memory +${grown.toFixed(0)} MiB to ${(peakKib() / 1_024).toFixed(0)} MiB; event-loop delay p99 ${delay.toFixed(1)} ms; ${others.length} other requests meanwhile: p50 ${percentile(others, 0.5).toFixed(0)} ms, max ${Math.max(...others).toFixed(0)} ms`);
      expect(refused + busy).toBe(FLOOD);
      expect(refused).toBeGreaterThanOrEqual(PLACES);
      expect(counted!.n).toBe(refused);
      expect(percentile(others, 0.5)).toBeLessThan(250);
      expect(grown).toBeLessThan(120);
      expect(peakKib() / 1_024).toBeLessThan(400);
      expect(service.text).not.toContain('nobody');
    } finally {
      await service.stop();
      await database.drop();
    }
  }, 120_000);
});
