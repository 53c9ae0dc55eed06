/**
 * The part of `railway/iac` (railway 3.11.0) that `.railway/` uses, as far as it decides what a service finds in its
 * environment. The package itself wants Node 22 and is no dependency; the graphs of the two were compared.
 */
export type Value =
  | { type: 'literal'; value: string }
  | { type: 'reference'; resource: string; output: string }
  | { type: 'preserve' };

export interface Resource {
  address: string;
  name: string;
  kind: string;
  variables: Record<string, Value>;
  config: Record<string, unknown>;
}

type Referable = Resource & { env: Record<string, Value> };

export const railwayIac = {
  defineRailway: <T>(program: T): T => program,
  project: (name: string, { resources }: { resources: Resource[] }) => ({ name, resources }),
  postgres: (name: string): Referable => resource('database', name, 'postgres', {}),
  redis: (name: string): Referable => resource('database', name, 'redis', {}),
  service: (name: string, config: Record<string, unknown>): Referable => resource('service', name, 'service', config),
  preserve: (): Value => ({ type: 'preserve' }),
};

function resource(
  type: string,
  name: string,
  kind: string,
  { env = {}, ...config }: Record<string, unknown>,
): Referable {
  const address = `${type}.${name}`;
  const variables = Object.fromEntries(
    Object.entries(env as Record<string, string | Value>).map(([key, value]) => [
      key,
      typeof value === 'string' ? ({ type: 'literal', value } as const) : value,
    ]),
  );
  const references = new Proxy<Record<string, Value>>(
    {},
    { get: (_, output) => ({ type: 'reference', resource: address, output: String(output) }) },
  );
  return Object.defineProperty({ address, name, kind, variables, config }, 'env', {
    value: references,
    enumerable: false,
  }) as Referable;
}
