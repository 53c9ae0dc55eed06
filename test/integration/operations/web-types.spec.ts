import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

const ROOT = new URL('../../../', import.meta.url);
/** In the package of the client; the page takes it from there, for types alone. */
const KEPT = new URL('clients/typescript/src/schema.ts', ROOT);
/** Names nothing of the deployment that describes itself. */
const APP_URL = 'http://localhost:3000';

/**
 * What the page and the client know of the API. To write it anew: `WRITE_WEB_TYPES=1 npm test --
 * test/integration/operations/web-types.spec.ts`
 */
describe('the types of the operations page and of the client', () => {
  let otpost: Otpost;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-types-'));
    otpost = await startOtpost({ APP_URL });
  });
  afterAll(async () => {
    await otpost.stop();
    await rm(folder, { recursive: true });
  });

  it('are those of the API description', async () => {
    const description = join(folder, 'openapi.json');
    await writeFile(description, JSON.stringify((await otpost.api.get('/docs/json')).body));
    const program = new URL('node_modules/openapi-typescript/bin/cli.js', ROOT).pathname;
    const made = join(folder, 'schema.d.ts');
    await promisify(execFile)(process.execPath, [
      program,
      description,
      '--default-non-nullable',
      'false',
      '--output',
      made,
    ]);
    const types = await readFile(made, 'utf8');
    if (process.env['WRITE_WEB_TYPES'] === '1') await writeFile(KEPT, types);
    expect(await readFile(KEPT, 'utf8')).toBe(types);
  });
});
