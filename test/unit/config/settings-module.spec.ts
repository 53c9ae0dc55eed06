import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable, Module } from '@nestjs/common';
import { ConfigModule, type ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { ConfigurationError } from '../../../src/config/read-settings.js';
import { CONFIGURATION, readSettings } from '../../../src/configuration.js';
import { Settings } from '../../../src/config/settings.js';
import { type LoadedSettings, loadSettings as load, settingsModule } from '../../../src/config/settings.module.js';
import { StartupError } from '../../../src/core/startup-error.js';

@Injectable()
class Reader {
  constructor(readonly settings: Settings) {}
}

@Module({ providers: [Reader] })
class ReaderModule {}

const loadSettings = (env: Record<string, string> | undefined, file: string): Promise<LoadedSettings> =>
  load(CONFIGURATION, env, file);

describe('loadSettings', () => {
  let folder: string;
  let envFile: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-env-'));
    envFile = join(folder, '.env');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('reads the .env file for what the environment does not name', async () => {
    await writeFile(envFile, 'PORT=4000\nLOG_LEVEL=debug\nMAIL_FROM="Acme <a@b.example>"\n');
    const { settings } = await loadSettings({ PORT: '5000' }, envFile);
    expect(settings.http.port).toBe(5000);
    expect(settings.logLevel).toBe('debug');
    expect(settings.mail.from.name).toBe('Acme');
  });

  it('lets an empty variable hide the one in the file', async () => {
    await writeFile(envFile, 'PORT=4000\n');
    expect((await loadSettings({ PORT: '' }, envFile)).settings.http.port).toBe(3000);
  });

  it('does without a file', async () => {
    const { settings, warnings } = await loadSettings({}, envFile);
    expect(settings).toEqual(readSettings({}).settings);
    expect(warnings).toEqual([]);
  });

  it('reads the environment of the process unless told otherwise', async () => {
    process.env['WORKER_LANES'] = 'bulk';
    try {
      expect((await loadSettings(undefined, envFile)).settings.mail.lanes).toEqual(['bulk']);
      expect((await loadSettings({}, envFile)).settings.mail.lanes).toHaveLength(3);
    } finally {
      delete process.env['WORKER_LANES'];
    }
  });

  it('hands on warnings, also about names in the file', async () => {
    await writeFile(envFile, 'REDISURL=redis://localhost\n');
    expect((await loadSettings({}, envFile)).warnings).toEqual([expect.stringContaining('REDIS_URL')]);
  });

  it('lets the ConfigurationError through as it is', async () => {
    await writeFile(envFile, 'PORT=70000\nROLE=api\n');
    const error: unknown = await loadSettings({}, envFile).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).faults.map(({ variable }) => variable)).toEqual(['PORT', 'ROLE']);
  });

  it('says so when the file cannot be read', async () => {
    const error: unknown = await loadSettings({}, folder).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    expect((error as StartupError).message).toContain('cannot be read (EISDIR)');
  });

  it('keeps the secrets of the file out of process.env and of ConfigService', async () => {
    await writeFile(envFile, `APP_SECRET=${'s'.repeat(32)}\nINBOX_TOKEN=${'t'.repeat(16)}\nOTPOST_TEST_OTHER=1\n`);
    const before = { ...process.env };
    const { module } = await loadSettings({}, envFile);
    expect(process.env).toEqual(before);

    const app = await Test.createTestingModule({ imports: [module] }).compile();
    const exported = Reflect.getMetadata('exports', ConfigModule) as (typeof ConfigService)[];
    const config = app.get(
      exported.find(({ name }) => name === 'ConfigService')!,
      { strict: false },
    );
    expect(config.get('APP_SECRET')).toBeUndefined();
    expect(config.get('PATH')).toBeUndefined();
    await app.close();
  });

  it('gives every module the settings', async () => {
    const { module, settings } = await loadSettings({ PORT: '0' }, envFile);
    const app = await Test.createTestingModule({ imports: [module, ReaderModule] }).compile();
    expect(app.get(Reader, { strict: false }).settings).toBe(settings);
    await app.close();
  });
});

describe('settingsModule', () => {
  it('gives every module the settings it was made from', async () => {
    const { settings } = readSettings({ PORT: '0' });
    const app = await Test.createTestingModule({ imports: [settingsModule(settings), ReaderModule] }).compile();
    expect(app.get(Reader, { strict: false }).settings).toBe(settings);
    await app.close();
  });
});
