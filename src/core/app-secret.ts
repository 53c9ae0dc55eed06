import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Keyring } from './keyring.js';
import { fileErrorCode, StartupError } from './startup-error.js';

/** Characters. */
export const MIN_SECRET_LENGTH = 32;

interface SecretSettings {
  appSecret: string | undefined;
  dataDir: string;
  production: boolean;
}

/** The keys of APP_SECRET, and of those before it. @throws StartupError as {@link resolveAppSecret} */
export async function openKeyring(settings: SecretSettings & { appSecretPrevious: string[] }): Promise<Keyring> {
  return new Keyring(await resolveAppSecret(settings), settings.appSecretPrevious);
}

/**
 * The secret that seals codes and stored mail: APP_SECRET, or in development one that is kept in the data folder,
 * where web and worker on the same folder find the same.
 * @throws StartupError when the folder cannot hold it, or its file is damaged.
 */
export async function resolveAppSecret(settings: SecretSettings): Promise<string> {
  if (settings.appSecret !== undefined) return settings.appSecret;
  if (settings.production) {
    throw new StartupError('APP_SECRET is not set.', 'Set it to the output of: openssl rand -base64 32');
  }
  const file = join(settings.dataDir, 'app-secret');
  try {
    const secret = (await readIfThere(file)) ?? (await create(file, settings.dataDir));
    if (secret.length >= MIN_SECRET_LENGTH) return secret;
  } catch (cause) {
    throw new StartupError(
      `The generated secret cannot be kept in ${file} (${fileErrorCode(cause) ?? String(cause)}).`,
      'Make the folder writable, choose another with DATA_DIR, or set APP_SECRET.',
      { cause },
    );
  }
  throw new StartupError(
    `${file} is damaged: it has fewer than ${MIN_SECRET_LENGTH} characters.`,
    'Restore it, or delete it to have a new one generated; codes and mail sealed with the old one are lost then.',
  );
}

async function create(file: string, folder: string): Promise<string> {
  // The folder itself stays open: started as root, the embedded Postgres runs as another user inside it.
  await mkdir(folder, { recursive: true });
  const secret = randomBytes(32).toString('base64url');
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(draft, secret);
    // A link appears complete or not at all and never replaces: of two starts at once, the second takes the first
    // one's.
    await link(draft, file);
    return secret;
  } catch (error) {
    const others = fileErrorCode(error) === 'EEXIST' ? await readIfThere(file) : undefined;
    if (others === undefined) throw error;
    return others;
  } finally {
    await unlinkIfThere(draft);
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw error;
  }
}
