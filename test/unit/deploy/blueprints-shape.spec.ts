import { Ajv } from 'ajv';
import { readCompose } from '../../../tools/blueprints/compose.js';
import { readManifests } from '../../../tools/blueprints/kubernetes.js';
import { readRender } from '../../../tools/blueprints/render.js';
import type { Schema } from '../../../tools/blueprints/schemas/closed.js';
import { COMPOSE_SCHEMA } from '../../../tools/blueprints/schemas/compose.js';
import { KUBERNETES_SCHEMAS } from '../../../tools/blueprints/schemas/kubernetes.js';
import { RENDER_SCHEMA } from '../../../tools/blueprints/schemas/render.js';

const FOLDERS = ['deploy/kubernetes', 'deploy/kubernetes/autoscaling'];

describe('the shape of the blueprints', () => {
  it.each(['render.yaml', 'deploy/render-split.yaml'])(
    '%s has the fields that Render knows, and no other',
    async (file) => {
      expect(faults(RENDER_SCHEMA, await readRender(file))).toEqual([]);
    },
  );

  it('compose.yaml has the fields that Compose knows, and no other', async () => {
    expect(faults(COMPOSE_SCHEMA, await readCompose('compose.yaml'))).toEqual([]);
  });

  it.each(FOLDERS)('%s has the fields that Kubernetes knows, and no other', async (folder) => {
    const manifests = await readManifests(folder);
    expect(manifests.flatMap((manifest) => faultsOfKind(manifest))).toEqual([]);
  });

  it('tells a misspelt field, a wrong type and one that is missing', async () => {
    const [web] = (await readManifests('deploy/kubernetes')).filter(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'otpost-web',
    );
    const misspelt = structuredClone(web!) as unknown as {
      spec: { template: { spec: { terminationGracePeriodSecond?: number; containers: { ports: object[] }[] } } };
    };
    misspelt.spec.template.spec.terminationGracePeriodSecond = 45;
    misspelt.spec.template.spec.containers[0]!.ports = [{ containerPort: '3000' }];
    expect(faultsOfKind(misspelt as never)).toEqual([
      expect.stringContaining('/spec/template/spec must NOT have additional properties'),
      expect.stringContaining("/ports/0 must have required property 'name'"),
      expect.stringContaining('/ports/0/containerPort must be integer'),
    ]);
    expect(faults(RENDER_SCHEMA, { services: [], databases: [] })).not.toEqual([]);
  });
});

function faultsOfKind(manifest: { apiVersion: string; kind: string }): string[] {
  const schema = KUBERNETES_SCHEMAS.get(`${manifest.apiVersion} ${manifest.kind}`);
  return schema
    ? faults(schema, manifest).map((fault) => `${manifest.kind}${fault}`)
    : [`There is no schema of ${manifest.apiVersion} ${manifest.kind}.`];
}

function faults(schema: Schema, data: unknown): string[] {
  const validate = new Ajv({
    allErrors: true,
    strict: true,
    strictTuples: false,
    strictRequired: false,
    allowUnionTypes: true,
  }).compile(schema);
  return validate(data) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
