import { fastify, type FastifyInstance } from 'fastify';
import { readSettings } from '../../../src/configuration.js';
import { trustOf } from '../../../src/http/web-server.js';
import type { BlueprintProcess } from '../../../tools/blueprints/process.js';
import { railwayProcesses, readRailway } from '../../../tools/blueprints/railway.js';
import { readRender, renderProcesses } from '../../../tools/blueprints/render.js';
import { readUnit, systemdProcess } from '../../../tools/blueprints/systemd.js';

const VISITOR = '203.0.113.7';
const FORGED = '192.0.2.66';

/**
 * What arrives as X-Forwarded-For when a visitor sends one of their own, as people saw it there; the connection is the
 * last proxy's.
 */
const CHAINS: [string, () => Promise<BlueprintProcess>, forwarded: string][] = [
  // arcjet-js#5411, 2025-11: appended by Cloudflare and two of Render's.
  ['render.yaml', () => firstOfRender('render.yaml'), `${FORGED},${VISITOR}, 172.71.95.118, 10.19.64.237`],
  [
    'deploy/render-split.yaml',
    () => firstOfRender('deploy/render-split.yaml'),
    `${FORGED},${VISITOR}, 172.71.95.118, 10.19.64.237`,
  ],
  // open-tag#107, 2026-06: what the visitor sent is gone.
  ['.railway/railway.ts', () => firstOfRailway('.railway/railway.ts'), `${VISITOR}, 152.233.33.9`],
  ['.railway/split.ts', () => firstOfRailway('.railway/split.ts'), `${VISITOR}, 152.233.33.9`],
  ['deploy/systemd', web, `${FORGED}, ${VISITOR}`],
];

describe('whose requests limits count', () => {
  let server: FastifyInstance | undefined;
  afterEach(() => server?.close());

  it.each(CHAINS)('as deployed by %s: the visitor, whatever they send', async (_name, read, forwarded) => {
    const { settings } = readSettings((await read()).env);
    server = fastify({ trustProxy: trustOf(settings.http.trustedProxies) });
    server.get('/', async ({ ip }) => ip);
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const answer = await fetch(url, { headers: { 'x-forwarded-for': forwarded } });
    expect(await answer.text()).toBe(VISITOR);
  });
});

async function firstOfRender(file: string): Promise<BlueprintProcess> {
  return renderProcesses(file, await readRender(file))[0]!;
}

async function firstOfRailway(file: string): Promise<BlueprintProcess> {
  return railwayProcesses(file, await readRailway(file))[0]!;
}

async function web(): Promise<BlueprintProcess> {
  const file = 'deploy/systemd/otpost-web.service';
  return systemdProcess(file, await readUnit(file), 'deploy/systemd/otpost.env');
}
