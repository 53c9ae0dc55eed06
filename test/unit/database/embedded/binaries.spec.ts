import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StartupError } from '../../../../src/core/startup-error.js';
import { locateBinaries, restoreLibraryLinks } from '../../../../src/development/binaries.js';

describe('The binaries of the embedded PostgreSQL', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'otpost-binaries-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('are found where development dependencies are installed', () => {
    const { postgres, majorVersion } = locateBinaries();
    expect(readFileSync(postgres).length).toBeGreaterThan(1_000_000);
    expect(majorVersion).toMatch(/^\d+$/);
  });

  it('point an installation without them to DATABASE_URL', () => {
    let refusal: unknown;
    try {
      locateBinaries(pathToFileURL(join(folder, 'index.js')).href);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(StartupError);
    expect(refusal).toHaveProperty('remedy', expect.stringContaining('Set DATABASE_URL'));
  });

  it('get the library links that an installation without scripts leaves out', () => {
    mkdirSync(join(folder, 'native/lib'), { recursive: true });
    writeFileSync(join(folder, 'native/lib/libpq.so.5.18'), 'library');
    writeFileSync(
      join(folder, 'native/pg-symlinks.json'),
      JSON.stringify([{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]),
    );
    restoreLibraryLinks(folder);
    restoreLibraryLinks(folder);
    expect(readlinkSync(join(folder, 'native/lib/libpq.so.5'))).toBe('libpq.so.5.18');
    expect(readFileSync(join(folder, 'native/lib/libpq.so.5'), 'utf8')).toBe('library');
  });
});
