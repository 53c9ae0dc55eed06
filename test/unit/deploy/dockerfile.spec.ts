import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCKERFILE = readFileSync(`${ROOT}Dockerfile`, 'utf8').replaceAll(/\\\n\s*/g, ' ');
const PACKAGE = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string; license: string };
const LOCK = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as {
  packages: Record<string, { dev?: boolean; optional?: boolean; devOptional?: boolean }>;
};

const stages = DOCKERFILE.split(/^FROM /m).slice(1);
const image = stages.at(-1)!;
const healthcheck = JSON.parse(/^HEALTHCHECK .*?CMD (\[.*\])$/m.exec(image)![1]!) as string[];

/** Runs the check as the container would; answers its exit code. */
async function check(env: Record<string, string>): Promise<number> {
  const child = spawn(process.execPath, healthcheck.slice(1), { env, stdio: 'ignore' });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

async function withServer(status: number, ask: (port: string) => Promise<void>): Promise<string[]> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url!);
    response.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await ask(String((server.address() as AddressInfo).port));
  server.closeAllConnections();
  server.close();
  return paths;
}

describe('The health check of the image', () => {
  it('asks whether the process is alive, on PORT, and on WORKER_PORT of a worker', async () => {
    expect(healthcheck[0]).toBe('node');
    const paths = await withServer(200, async (port) => {
      expect(await check({ PORT: port })).toBe(0);
      expect(await check({ ROLE: 'web', PORT: port })).toBe(0);
      expect(await check({ ROLE: 'worker', PORT: '1', WORKER_PORT: port })).toBe(0);
    });
    expect(paths).toEqual(['/health/live', '/health/live', '/health/live']);
  });

  it('fails on any other answer, and on none', async () => {
    await withServer(503, async (port) => expect(await check({ PORT: port })).toBe(1));
    expect(await check({ PORT: '1' })).toBe(1);
  });

  it('finds nothing to ask of a worker without WORKER_PORT', async () => {
    expect(await check({ ROLE: 'worker', PORT: '1' })).toBe(0);
  });
});

describe('The image', () => {
  it('is of this version and licence', () => {
    expect(image).toContain(`ARG VERSION=${PACKAGE.version}\n`);
    expect(image).toContain(`image.licenses="${PACKAGE.license}"`);
  });

  it('runs as somebody, told by number, who is not root', () => {
    expect(/^USER (\d+):\d+$/m.exec(image)?.[1]).toBe('1000');
    expect(image.indexOf('USER ')).toBeGreaterThan(image.lastIndexOf('RUN '));
  });

  it("has the dependencies of what runs, and Prisma's command line is none of them", () => {
    expect(stages[1]).toContain('npm ci --omit=dev --omit=optional');
    expect(image).toContain('COPY --from=dependencies /app/node_modules');
    // What npm leaves out with both flags.
    const { dev = false, devOptional = false } = LOCK.packages['node_modules/prisma']!;
    expect(dev || devOptional).toBe(true);
  });

  it('keeps the one query compiler that the generated client loads', () => {
    const kept = /! -name '(query_compiler_\w+\.postgresql)\.\*'/.exec(DOCKERFILE)![1]!;
    const loaded = readFileSync(`${ROOT}src/generated/prisma/internal/class.ts`, 'utf8').match(
      /query_compiler_\w+\.(?!js)\w+/g,
    );
    expect(new Set(loaded)).toEqual(new Set([kept]));
  });
});
