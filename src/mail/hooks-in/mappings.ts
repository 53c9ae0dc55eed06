import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../config/settings.js';
import { PACKAGE_ROOT } from '../../core/process-facts.js';
import { fileErrorCode, StartupError } from '../../core/startup-error.js';
import type { Templates } from '../content/templates.js';
import { type Mapping, MappingError, readMapping } from './generic-policy.js';

/** Those that Otpost brings. */
const OURS = fileURLToPath(new URL('hooks-in/', PACKAGE_ROOT));
const GENERIC = 'generic/';

/** The mappings of the generic sources of HOOK_IN_SECRETS, by name. All are read at the start of the process. */
export class Mappings {
  private constructor(private readonly byName: ReadonlyMap<string, Mapping>) {}

  /** @throws StartupError that names the first file that is missing or cannot be used */
  static async read(
    { hookInSecrets, hookInMappings }: Pick<Settings['mail'], 'hookInSecrets' | 'hookInMappings'>,
    { known }: Pick<Templates, 'known'>,
  ): Promise<Mappings> {
    if (hookInMappings !== undefined) await requireFolder(hookInMappings);
    const names = hookInSecrets.flatMap(({ source }) =>
      source.startsWith(GENERIC) ? [source.slice(GENERIC.length)] : [],
    );
    const byName = new Map<string, Mapping>();
    for (const name of new Set(names)) {
      const { path, text } = await find(name, [...(hookInMappings === undefined ? [] : [hookInMappings]), OURS]);
      byName.set(name, await mappingOf(name, path, text, known));
    }
    return new Mappings(byName);
  }

  /** Of a source that is configured. */
  of(name: string): Mapping {
    return this.byName.get(name)!;
  }
}

/** A mapping of ours would stand in silently for the one that is not found in a folder of another name. */
async function requireFolder(folder: string): Promise<void> {
  await readdir(folder).catch((cause: unknown) => {
    throw new StartupError(
      `HOOK_IN_MAPPINGS=${folder} cannot be read (${fileErrorCode(cause) ?? 'it is no folder'}).`,
      'Name a folder that this process may read, and start again; docs/hooks-in.md shows what stands in it.',
      { cause },
    );
  });
}

async function find(name: string, folders: readonly string[]): Promise<{ path: string; text: string }> {
  for (const folder of folders) {
    const path = `${folder.replace(/\/$/, '')}/${name}.yaml`;
    try {
      return { path, text: await readFile(path, 'utf8') };
    } catch (cause) {
      if (fileErrorCode(cause) === 'ENOENT') continue;
      throw new StartupError(
        `The mapping ${path} of HOOK_IN_SECRETS cannot be read (${fileErrorCode(cause) ?? 'it is no text'}).`,
        'Let this process read it, and start again.',
        { cause },
      );
    }
  }
  throw new StartupError(
    `HOOK_IN_SECRETS has generic/${name}, and there is no mapping ${name}.yaml.`,
    'Put it into the folder of HOOK_IN_MAPPINGS; docs/hooks-in.md shows what stands in it.',
  );
}

async function mappingOf(name: string, path: string, text: string, known: Templates['known']): Promise<Mapping> {
  try {
    const { load } = await import('js-yaml'); // who has no such source does without
    return readMapping(name, load(text), known);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const why = cause instanceof MappingError ? cause.message.replaceAll('\n', '; ') : cause.message.split('\n', 1)[0];
    throw new StartupError(
      `The mapping ${path} cannot be used: ${why}.`,
      'Correct it, and start again; docs/hooks-in.md shows what stands in it.',
      { cause },
    );
  }
}
