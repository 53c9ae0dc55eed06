import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** It is linked to the dependencies of this copy. */
const HERE = createHash('sha256').update(ROOT).digest('hex').slice(0, 8);
/** While there is no release, the build before this migration stands in for the one that is upgraded from. */
const FIRST_UPGRADE = 'prisma/migrations/20261121120000_accounts';

export interface FormerBuild {
  /** Folder with `dist/main.js`. */
  folder: string;
  commit: string;
}

export type Former = { kind: 'built'; build: FormerBuild } | { kind: 'no_history'; why: string };

/**
 * The last release before this build, or while there is none the commit before the first upgrade, built from this
 * repository's own history beside this one. It runs on the dependencies of today and those that were given up. Built
 * once for each commit; nothing of git's state is touched.
 */
export function buildFormer(): Former {
  const commit = formerCommit();
  if (commit === undefined) {
    return {
      kind: 'no_history',
      why: `the history of this clone does not reach the commit before ${FIRST_UPGRADE}: clone it with its history (fetch-depth: 0)`,
    };
  }
  const room = join(tmpdir(), `otpost-former-${commit.slice(0, 12)}-${HERE}`);
  const folder = join(room, 'build');
  if (!existsSync(join(folder, 'dist/.built'))) {
    rmSync(room, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const archive = execFileSync('git', ['archive', '--format=tar', commit], {
      cwd: ROOT,
      maxBuffer: 256 * 1024 * 1024,
    });
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    installWhatIsGone(room, folder);
    execFileSync(process.execPath, ['tools/build.mjs'], { cwd: folder, stdio: 'pipe' });
  }
  return { kind: 'built', build: { folder, commit } };
}

/** Packages that the former build needs and this one has given up: one folder above, where Node looks next. */
function installWhatIsGone(room: string, folder: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const gone = Object.keys(dependencies).filter((name) => !existsSync(join(folder, 'node_modules', name)));
  if (gone.length === 0) return;
  writeFileSync(join(room, 'package.json'), '{ "private": true }');
  const packages = gone.map((name) => `${name}@${dependencies[name]}`);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', ...packages], {
    cwd: room,
    stdio: 'pipe',
  });
}

function formerCommit(): string | undefined {
  const release = git('describe', '--tags', '--match', 'v*', '--abbrev=0', 'HEAD^');
  if (release !== undefined) return git('rev-parse', `${release}^{commit}`);
  const [added] = git('log', '--diff-filter=A', '--format=%H', '--', FIRST_UPGRADE)?.split('\n') ?? [];
  // In a shallow clone the oldest commit seems to have added everything, and has no parent.
  return added ? git('rev-parse', '--verify', '--quiet', `${added}^`) : undefined;
}

/** Undefined where git says no, or is not there. */
function git(...args: string[]): string | undefined {
  try {
    return (
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() ||
      undefined
    );
  } catch {
    return undefined;
  }
}
