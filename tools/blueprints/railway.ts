import { readFile } from 'node:fs/promises';
import { runInNewContext } from 'node:vm';
import ts from 'typescript';
import { type BlueprintProcess, filledIn } from './process.js';
import { railwayIac, type Resource } from './railway-iac.js';

export interface RailwayProject {
  name: string;
  resources: Resource[];
}

/** What Railway itself puts there, a part of it: https://docs.railway.com/variables/reference. */
export const RAILWAY_VARIABLES = {
  RAILWAY_ENVIRONMENT: 'production',
  RAILWAY_ENVIRONMENT_NAME: 'production',
  RAILWAY_PUBLIC_DOMAIN: 'otpost.up.railway.app',
};

const OUTPUTS: Record<string, Record<string, string>> = {
  postgres: { DATABASE_URL: 'postgresql://postgres:p4ssw0rd@postgres.railway.internal:5432/railway' },
  redis: { REDIS_URL: 'redis://default:p4ssw0rd@redis.railway.internal:6379' },
};

/** Runs the program as Railway's command line does: the default export, called with an empty context. */
export async function readRailway(file: string): Promise<RailwayProject> {
  const { outputText } = ts.transpileModule(await readFile(file, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    fileName: file,
    reportDiagnostics: true,
  });
  const exports: { default?: (context: object) => RailwayProject } = {};
  const require = (name: string): unknown => {
    if (name !== 'railway/iac') throw new Error(`${file} imports ${name}.`);
    return railwayIac;
  };
  runInNewContext(outputText, { exports, require }, { filename: file });
  if (!exports.default) throw new Error(`${file} has no default export.`);
  return exports.default({});
}

/** @throws Error when a value comes from a resource or a variable that the project does not have. */
export function railwayProcesses(file: string, { resources }: RailwayProject): BlueprintProcess[] {
  const asked = new Map<string, string>();
  const valueOf = (address: string, variable: string): string => {
    const owner = resources.find((resource) => resource.address === address);
    if (!owner) throw new Error(`There is no ${address}.`);
    if (owner.kind !== 'service') {
      const output = OUTPUTS[owner.kind]?.[variable];
      if (output === undefined) throw new Error(`${address} has no ${variable}.`);
      return output;
    }
    const value = owner.variables[variable];
    if (!value) throw new Error(`${address} has no ${variable} of its own.`);
    if (value.type === 'literal') return value.value;
    if (value.type === 'reference') return valueOf(value.resource, value.output);
    const key = `${address} ${variable}`;
    const given = asked.get(key) ?? filledIn(variable);
    asked.set(key, given);
    return given;
  };
  return resources
    .filter(({ kind }) => kind === 'service')
    .map(({ address, name, variables, config }) => ({
      name: `${file}: ${name}`,
      env: {
        ...RAILWAY_VARIABLES,
        NODE_ENV: 'production',
        PORT: '8080',
        ...Object.fromEntries(Object.keys(variables).map((variable) => [variable, valueOf(address, variable)])),
      },
      ...graceOf(config['deploy']),
    }));
}

function graceOf(deploy: unknown): { graceSeconds?: number } {
  const seconds = (deploy as { drainingSeconds?: number } | undefined)?.drainingSeconds;
  return seconds === undefined ? {} : { graceSeconds: seconds };
}
