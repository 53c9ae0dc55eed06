import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveAppSecret } from '../../../src/core/app-secret.js';
import { StartupError } from '../../../src/core/startup-error.js';

describe('resolveAppSecret', () => {
  let root: string;
  let dataDir: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'otpost-secret-'));
    dataDir = join(root, 'deep', 'data');
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  const resolveIn = (folder: string) => resolveAppSecret({ appSecret: undefined, dataDir: folder, production: false });

  async function refusalIn(folder: string): Promise<StartupError> {
    const error: unknown = await resolveIn(folder).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    return error as StartupError;
  }

  it('prefers the one that was set, and writes nothing', async () => {
    const appSecret = 'a'.repeat(32);
    await expect(resolveAppSecret({ appSecret, dataDir, production: false })).resolves.toBe(appSecret);
    await expect(readdir(root)).resolves.toEqual([]);
  });

  it('generates 32 random bytes into a file that only its owner reads', async () => {
    const secret = await resolveIn(dataDir);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    const file = join(dataDir, 'app-secret');
    await expect(readFile(file, 'utf8')).resolves.toBe(secret);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(readdir(dataDir)).resolves.toEqual(['app-secret']);
  });

  it('finds the same one at the next start, and another one in another folder', async () => {
    const secret = await resolveIn(dataDir);
    await expect(resolveIn(dataDir)).resolves.toBe(secret);
    await expect(resolveIn(join(root, 'other'))).resolves.not.toBe(secret);
  });

  it('lets starts at the same time agree', async () => {
    const secrets = await Promise.all(Array.from({ length: 40 }, () => resolveIn(dataDir)));
    expect(new Set(secrets).size).toBe(1);
    await expect(resolveIn(dataDir)).resolves.toBe(secrets[0]);
    await expect(readdir(dataDir)).resolves.toEqual(['app-secret']);
  });

  it('leaves the folder open to the user under which the embedded Postgres runs', async () => {
    await resolveIn(dataDir);
    expect((await stat(dataDir)).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  it('takes a line break at the end of the file for what an editor adds', async () => {
    const secret = await resolveIn(dataDir);
    await writeFile(join(dataDir, 'app-secret'), `${secret}\n`);
    await expect(resolveIn(dataDir)).resolves.toBe(secret);
  });

  it('says what to do when the folder cannot be written', async () => {
    await writeFile(join(root, 'file'), '');
    const error = await refusalIn(join(root, 'file', 'data'));
    expect(error.message).toMatch(/app-secret \(ENOTDIR\)/);
    expect(error.remedy).toMatch(/DATA_DIR.*APP_SECRET/);
    expect(error.cause).toMatchObject({ code: 'ENOTDIR' });
  });

  it('does not replace a damaged secret, since mail may be sealed with the old one', async () => {
    await resolveIn(dataDir);
    await writeFile(join(dataDir, 'app-secret'), 'short');
    const error = await refusalIn(dataDir);
    expect(error.message).toMatch(/damaged/);
    await expect(readFile(join(dataDir, 'app-secret'), 'utf8')).resolves.toBe('short');
  });

  it('never generates one in production', async () => {
    const attempt = resolveAppSecret({ appSecret: undefined, dataDir, production: true });
    await expect(attempt).rejects.toThrow('APP_SECRET is not set.');
    await expect(readdir(root)).resolves.toEqual([]);
  });
});
