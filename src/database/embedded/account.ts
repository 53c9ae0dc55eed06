import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The account the server runs as when we are root, because PostgreSQL refuses to. */
export interface ServerAccount {
  /** For messages. */
  name: string;
  uid: number;
  gid: number;
}

/** Accounts to fall back on, the usual one of PostgreSQL first. */
const UNPRIVILEGED = ['postgres', 'nobody'];

/**
 * Undefined unless we are root. The owner of an existing cluster keeps it; a new one goes to `postgres` where that
 * account exists, else to `nobody`.
 */
export function chooseAccount(clusterFolder: string): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(clusterFolder, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { name: `user id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  const accounts = parsePasswd(readFileSync('/etc/passwd', 'utf8'));
  return UNPRIVILEGED.map((name) => accounts.get(name)).find((account) => account !== undefined);
}

function parsePasswd(passwd: string): Map<string, ServerAccount> {
  const accounts = new Map<string, ServerAccount>();
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid) accounts.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

/** The outermost folder above `path` that `account` may not pass through (no search permission), if there is one. */
export function folderThatBars(path: string, account: ServerAccount): string | undefined {
  let barred: string | undefined;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const search = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & search) === 0) barred = folder;
    if (folder === dirname(folder)) return barred;
  }
}
