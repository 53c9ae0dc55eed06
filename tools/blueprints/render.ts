import { readFile } from 'node:fs/promises';
import { load } from 'js-yaml';
import { type BlueprintProcess, filledIn, generated } from './process.js';

type EnvVar = { key: string } & (
  | { value: string }
  | { generateValue: true }
  | { sync: false }
  | { fromDatabase: { name: string; property: 'connectionString' } }
  | { fromService: { type: string; name: string; property?: 'connectionString'; envVarKey?: string } }
);

interface RenderService {
  type: 'web' | 'worker' | 'keyvalue';
  name: string;
  envVars?: EnvVar[];
  maxShutdownDelaySeconds?: number;
}

export interface RenderBlueprint {
  services: RenderService[];
  databases: { name: string }[];
}

/** What Render itself puts there: https://render.com/docs/environment-variables. */
export const RENDER_VARIABLES = {
  RENDER: 'true',
  RENDER_SERVICE_TYPE: 'web',
  RENDER_EXTERNAL_URL: 'https://otpost-x1yz.onrender.com',
};
const DATABASE = 'postgresql://otpost_db_user:p4ssw0rd@dpg-abc123-a/otpost_db';
const KEY_VALUE = 'redis://red-abc123:6379';

export async function readRender(file: string): Promise<RenderBlueprint> {
  return load(await readFile(file, 'utf8')) as RenderBlueprint;
}

/** @throws Error when a value comes from a resource or a variable that the blueprint does not have. */
export function renderProcesses(file: string, blueprint: RenderBlueprint): BlueprintProcess[] {
  const own = new Map(blueprint.services.map((service) => [service.name, valuesOf(service, blueprint)]));
  return blueprint.services
    .filter(({ type }) => type !== 'keyvalue')
    .map((service) => ({
      name: `${file}: ${service.name}`,
      env: {
        ...RENDER_VARIABLES,
        NODE_ENV: 'production',
        ...(service.type === 'web' ? { PORT: '10000' } : {}),
        ...own.get(service.name),
        ...copied(service, own),
      },
      ...(service.maxShutdownDelaySeconds === undefined ? {} : { graceSeconds: service.maxShutdownDelaySeconds }),
    }));
}

function valuesOf({ envVars = [] }: RenderService, blueprint: RenderBlueprint): Record<string, string> {
  const values: Record<string, string> = {};
  for (const entry of envVars) {
    if ('value' in entry) values[entry.key] = entry.value;
    else if ('generateValue' in entry) values[entry.key] = generated();
    else if ('sync' in entry) values[entry.key] = filledIn(entry.key);
    else if ('fromDatabase' in entry) {
      if (!blueprint.databases.some(({ name }) => name === entry.fromDatabase.name))
        throw new Error(`There is no database ${entry.fromDatabase.name}.`);
      values[entry.key] = DATABASE;
    } else if (entry.fromService.property) {
      const { type, name } = entry.fromService;
      if (!blueprint.services.some((service) => service.type === type && service.name === name))
        throw new Error(`There is no ${type} ${name}.`);
      values[entry.key] = KEY_VALUE;
    }
  }
  return values;
}

/** Variables that are those of another service. */
function copied(
  { envVars = [] }: RenderService,
  own: ReadonlyMap<string, Record<string, string>>,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const entry of envVars) {
    if (!('fromService' in entry) || entry.fromService.envVarKey === undefined) continue;
    const value = own.get(entry.fromService.name)?.[entry.fromService.envVarKey];
    if (value === undefined)
      throw new Error(`${entry.fromService.name} has no ${entry.fromService.envVarKey} of its own.`);
    values[entry.key] = value;
  }
  return values;
}
