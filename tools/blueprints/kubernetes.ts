import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { type BlueprintProcess, filledIn } from './process.js';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { template?: { spec: PodSpec }; [key: string]: unknown };
  [key: string]: unknown;
}

export interface PodSpec {
  terminationGracePeriodSeconds?: number;
  initContainers?: Container[];
  containers: Container[];
}

export interface Container {
  name: string;
  command?: string[];
  env?: { name: string; value: string }[];
  envFrom?: ({ configMapRef: { name: string } } | { secretRef: { name: string } })[];
}

/** What Kubernetes itself puts into every pod. */
export const KUBERNETES_VARIABLES = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' };

/** All documents of a folder, without what puts them together. */
export async function readManifests(folder: string): Promise<Manifest[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) => loadAll(text) as Manifest[]);
}

/**
 * Containers with the environment they find: their own variables win over those of the ConfigMap and the Secret.
 * @param inSecret the variables that the documents have put into the Secret
 */
export function kubernetesProcesses(
  folder: string,
  manifests: readonly Manifest[],
  inSecret: readonly string[],
): BlueprintProcess[] {
  const secret = Object.fromEntries(inSecret.map((name) => [name, filledIn(name)]));
  return manifests.flatMap(({ kind, metadata, spec }) => {
    const pod = spec?.template?.spec;
    if (!pod) return [];
    return pod.containers.map((container) => ({
      name: `${folder}: ${kind} ${metadata.name}`,
      env: {
        ...KUBERNETES_VARIABLES,
        NODE_ENV: 'production',
        ...Object.fromEntries(
          (container.envFrom ?? []).flatMap((source) =>
            Object.entries('secretRef' in source ? secret : configOf(source.configMapRef.name, manifests)),
          ),
        ),
        ...Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value])),
      },
      ...(pod.terminationGracePeriodSeconds === undefined ? {} : { graceSeconds: pod.terminationGracePeriodSeconds }),
    }));
  });
}

function configOf(name: string, manifests: readonly Manifest[]): Record<string, string> {
  const data = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)?.data;
  if (!data) throw new Error(`There is no ConfigMap ${name}.`);
  return data;
}
