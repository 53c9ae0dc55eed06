import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderThatBars } from '../../../../src/development/binaries.js';

describe('The account that PostgreSQL runs as under root', () => {
  const stranger = { name: 'stranger', uid: 64_001, gid: 64_001 };
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'otpost-account-'));
    mkdirSync(join(root, 'home', 'project'), { recursive: true });
    for (const folder of ['.', 'home', 'home/project']) chmodSync(join(root, folder), 0o755);
  });

  afterEach(() => rmSync(root, { recursive: true }));

  it('reaches a folder when it may pass through all above it', () => {
    expect(folderThatBars(join(root, 'home/project/data'), stranger)).toBeUndefined();
  });

  it('is barred by a folder that only its owner may enter', () => {
    chmodSync(join(root, 'home'), 0o700);
    expect(folderThatBars(join(root, 'home/project/data'), stranger)).toBe(join(root, 'home'));
  });

  it('is told of the outermost of several, which has to be opened first', () => {
    chmodSync(join(root, 'home/project'), 0o700);
    chmodSync(join(root, 'home'), 0o700);
    expect(folderThatBars(join(root, 'home/project/data'), stranger)).toBe(join(root, 'home'));
  });

  it('may pass where it is the owner', () => {
    chmodSync(join(root, 'home'), 0o700);
    const owner = { name: 'owner', uid: process.getuid!(), gid: 64_001 };
    expect(folderThatBars(join(root, 'home/project/data'), owner)).toBeUndefined();
  });

  it('is not helped by the permission to read', () => {
    chmodSync(join(root, 'home'), 0o744);
    expect(folderThatBars(join(root, 'home/project/data'), stranger)).toBe(join(root, 'home'));
  });
});
