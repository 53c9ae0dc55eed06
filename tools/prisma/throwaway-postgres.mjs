import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import './load-typescript.mjs';

/** An empty PostgreSQL in a temporary folder; `stop` removes both. */
export async function startThrowawayPostgres() {
  const { startEmbeddedPostgres } = await import('../../src/development/embedded-postgres.ts');
  const folder = await mkdtemp(join(tmpdir(), 'otpost-prisma-'));
  // As root the server runs under another account, which has to pass.
  await chmod(folder, 0o755);
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const server = await startEmbeddedPostgres(folder);
    return { url: server.url, stop: () => server.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
