import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { PACKAGE_ROOT } from '../core/process-facts.js';
import type { Coding } from '../http/pages/accept-encoding.js';

const FOLDER = new URL('dist/web/', PACKAGE_ROOT);

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** How the files end that are packed. */
const ENDS: Record<Coding, string> = { br: '.br', gzip: '.gz' };

/** A file as a browser gets it. */
export interface ServedFile {
  type: string;
  bytes: Buffer;
  encoding?: Coding;
}

/** What `npm run build` made of web/, read once; until it is there, each look tries again. */
@Injectable()
export class WebFiles {
  private files: Promise<ReadonlyMap<string, Buffer>> | undefined;

  /** Undefined: not built yet. */
  page(codings: Coding[]): Promise<ServedFile | undefined> {
    return this.find('index.html', codings);
  }

  /** @param codings those that whoever asks takes */
  async find(name: string, codings: Coding[]): Promise<ServedFile | undefined> {
    const files = await this.load();
    const plain = files.get(name);
    if (!plain) return undefined;
    const type = TYPES[name.split('.').at(-1)!] ?? 'application/octet-stream';
    for (const encoding of codings) {
      const bytes = files.get(name + ENDS[encoding]);
      if (bytes) return { type, bytes, encoding };
    }
    return { type, bytes: plain };
  }

  private async load(): Promise<ReadonlyMap<string, Buffer>> {
    this.files ??= readAll();
    const files = await this.files;
    if (!files.has('index.html')) this.files = undefined;
    return files;
  }
}

/** Some twenty files. The folder comes to its place whole: where index.html is, the others are. */
async function readAll(): Promise<ReadonlyMap<string, Buffer>> {
  try {
    await readFile(new URL('index.html', FOLDER));
    const entries = await readdir(FOLDER, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
    return new Map(
      await Promise.all(
        files.map(async ({ name, parentPath }): Promise<[string, Buffer]> => [
          name,
          await readFile(join(parentPath, name)),
        ]),
      ),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
}
