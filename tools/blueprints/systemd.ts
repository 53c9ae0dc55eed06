import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BlueprintProcess, filledIn } from './process.js';

/** Values by `Section.Key`; a key that stands several times has several. */
export type Unit = ReadonlyMap<string, string[]>;

export async function readUnit(file: string): Promise<Unit> {
  const unit = new Map<string, string[]>();
  let section = '';
  for (const line of await meaningfulLines(file)) {
    const header = /^\[(\w+)\]$/.exec(line);
    if (header) section = header[1]!;
    else {
      const [key, value] = split(line, file);
      unit.set(`${section}.${key}`, [...(unit.get(`${section}.${key}`) ?? []), value]);
    }
  }
  return unit;
}

/**
 * What the unit's process finds, once what is empty in the file of variables is filled in; the file wins over the unit.
 */
export async function systemdProcess(file: string, unit: Unit, variables: string): Promise<BlueprintProcess> {
  const own = (unit.get('Service.Environment') ?? [])
    .flatMap((line) => line.split(' '))
    .map((text) => split(text, file));
  const shared = (await meaningfulLines(variables)).map((line) => split(line, variables));
  const stop = unit.get('Service.TimeoutStopSec')?.[0];
  return {
    name: join('deploy/systemd', basename(file)),
    env: Object.fromEntries([...own, ...shared].map(([name, value]) => [name, value === '' ? filledIn(name) : value])),
    ...(stop === undefined ? {} : { graceSeconds: Number(stop) }),
  };
}

async function meaningfulLines(file: string): Promise<string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(';'));
}

function split(line: string, file: string): [string, string] {
  const at = line.indexOf('=');
  if (at < 1) throw new Error(`${file} has a line that is none: ${line}`);
  return [line.slice(0, at), line.slice(at + 1)];
}
