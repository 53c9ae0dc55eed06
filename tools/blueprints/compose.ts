import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import type { BlueprintProcess } from './process.js';

interface ComposeService {
  build?: string;
  env_file?: { path: string; required: boolean }[];
  environment?: Record<string, string>;
  stop_grace_period?: string;
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
}

export async function readCompose(file: string): Promise<ComposeFile> {
  return load(await readFile(file, 'utf8')) as ComposeFile;
}

/**
 * The services that are built here, with variables put in as Compose does.
 * @throws Error with the text of the file when a variable is missing that it wants (`${NAME:?text}`).
 */
export function composeProcesses(
  file: string,
  { services }: ComposeFile,
  dotEnv: Readonly<Record<string, string>>,
): BlueprintProcess[] {
  return Object.entries(services)
    .filter(([, { build }]) => build !== undefined)
    .map(([name, { env_file: files = [], environment = {}, stop_grace_period: grace }]) => ({
      name: `${file}: ${name}`,
      env: {
        ...(files.some(({ path }) => path === '.env') ? dotEnv : {}),
        ...Object.fromEntries(
          Object.entries(environment).map(([variable, text]) => [variable, interpolated(text, dotEnv)]),
        ),
      },
      ...(grace === undefined ? {} : { graceSeconds: Number(/^(\d+)s$/.exec(grace)?.[1]) }),
    }));
}

/** `${NAME}`, `${NAME:-otherwise}` and `${NAME:?text}`, which is all that the file uses. */
function interpolated(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind: string | undefined, rest = '') => {
      const value = env[name];
      if (value) return value;
      if (kind === '?') throw new Error(`${name}: ${String(rest)}`);
      return String(rest);
    },
  );
}
