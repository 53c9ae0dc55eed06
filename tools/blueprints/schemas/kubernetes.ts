import { closed, count, listOf, oneOf, type Schema, text, texts } from './closed.js';

/**
 * What deploy/kubernetes uses of the schemas of Kubernetes, closed as its strict variants are, and what the
 * "restricted" Pod Security Standard asks for.
 */
const labels: Schema = { type: 'object', additionalProperties: text };
const metadata = closed(
  { name: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxLength: 63 }, labels },
  ['name'],
);
const selector = closed({ matchLabels: labels }, ['matchLabels']);
const quantity: Schema = { type: 'string', pattern: '^\\d+(m|Mi|Gi)?$' };

const probe = closed(
  {
    httpGet: closed({ path: oneOf('/health', '/health/live'), port: text }, ['path', 'port']),
    periodSeconds: count,
    timeoutSeconds: count,
    failureThreshold: count,
  },
  ['httpGet', 'periodSeconds', 'timeoutSeconds', 'failureThreshold'],
);

const container = closed(
  {
    name: text,
    image: oneOf('otpost'),
    workingDir: text,
    command: texts,
    env: listOf(closed({ name: text, value: text }, ['name', 'value'])),
    envFrom: listOf({
      oneOf: ['configMapRef', 'secretRef'].map((kind) => closed({ [kind]: closed({ name: text }, ['name']) }, [kind])),
    }),
    ports: listOf(closed({ name: text, containerPort: count }, ['name', 'containerPort'])),
    startupProbe: probe,
    livenessProbe: probe,
    readinessProbe: probe,
    lifecycle: closed({ preStop: closed({ exec: closed({ command: texts }, ['command']) }, ['exec']) }, ['preStop']),
    resources: closed(
      {
        requests: closed({ cpu: quantity, memory: quantity }, ['cpu', 'memory']),
        limits: closed({ memory: quantity }, ['memory']),
      },
      ['requests', 'limits'],
    ),
    securityContext: closed(
      {
        allowPrivilegeEscalation: oneOf(false),
        readOnlyRootFilesystem: oneOf(true),
        capabilities: closed({ drop: { ...listOf(oneOf('ALL')), maxItems: 1 } }, ['drop']),
      },
      ['allowPrivilegeEscalation', 'readOnlyRootFilesystem', 'capabilities'],
    ),
    volumeMounts: listOf(closed({ name: text, mountPath: text }, ['name', 'mountPath'])),
  },
  ['name', 'image', 'envFrom', 'resources', 'securityContext', 'volumeMounts'],
);

const podTemplate = closed(
  {
    metadata: closed({ labels }, ['labels']),
    spec: closed(
      {
        automountServiceAccountToken: oneOf(false),
        enableServiceLinks: oneOf(false),
        restartPolicy: oneOf('Never'),
        terminationGracePeriodSeconds: count,
        securityContext: closed(
          {
            runAsNonRoot: oneOf(true),
            runAsUser: count,
            runAsGroup: count,
            fsGroup: count,
            seccompProfile: closed({ type: oneOf('RuntimeDefault') }, ['type']),
          },
          ['runAsNonRoot', 'runAsUser', 'seccompProfile'],
        ),
        initContainers: listOf(container),
        containers: listOf(container),
        volumes: listOf(
          closed({ name: text, emptyDir: closed({ medium: oneOf('Memory'), sizeLimit: quantity }, ['sizeLimit']) }, [
            'name',
            'emptyDir',
          ]),
        ),
      },
      ['automountServiceAccountToken', 'enableServiceLinks', 'securityContext', 'containers', 'volumes'],
    ),
  },
  ['metadata', 'spec'],
);

function kind(apiVersion: string, name: string, rest: Record<string, Schema>): Schema {
  return closed({ apiVersion: oneOf(apiVersion), kind: oneOf(name), metadata, ...rest }, [
    'apiVersion',
    'kind',
    'metadata',
    ...Object.keys(rest),
  ]);
}

const KINDS: Schema[] = [
  kind('v1', 'Namespace', {}),
  kind('v1', 'ConfigMap', { data: labels }),
  kind('v1', 'Service', {
    spec: closed(
      {
        type: oneOf('ClusterIP'),
        selector: labels,
        ports: listOf(closed({ name: text, port: count, targetPort: text }, ['name', 'port', 'targetPort'])),
      },
      ['selector', 'ports'],
    ),
  }),
  kind('apps/v1', 'Deployment', {
    spec: closed(
      {
        replicas: count,
        revisionHistoryLimit: count,
        strategy: closed(
          {
            type: oneOf('RollingUpdate'),
            rollingUpdate: closed({ maxUnavailable: oneOf(0), maxSurge: count }, ['maxUnavailable', 'maxSurge']),
          },
          ['type', 'rollingUpdate'],
        ),
        selector,
        template: podTemplate,
      },
      ['selector', 'template', 'strategy'],
    ),
  }),
  kind('batch/v1', 'Job', {
    spec: closed({ backoffLimit: count, activeDeadlineSeconds: count, template: podTemplate }, [
      'template',
      'backoffLimit',
    ]),
  }),
  kind('policy/v1', 'PodDisruptionBudget', {
    spec: closed({ maxUnavailable: count, selector }, ['maxUnavailable', 'selector']),
  }),
  kind('monitoring.coreos.com/v1', 'PodMonitor', {
    spec: closed(
      {
        selector,
        podMetricsEndpoints: listOf(
          closed(
            {
              port: text,
              path: oneOf('/metrics'),
              interval: text,
              scrapeTimeout: text,
              bearerTokenSecret: closed({ name: text, key: text }, ['name', 'key']),
            },
            ['port', 'path', 'bearerTokenSecret'],
          ),
        ),
      },
      ['selector', 'podMetricsEndpoints'],
    ),
  }),
  kind('keda.sh/v1alpha1', 'ScaledObject', {
    spec: closed(
      {
        scaleTargetRef: closed({ name: text }, ['name']),
        minReplicaCount: count,
        maxReplicaCount: count,
        pollingInterval: count,
        cooldownPeriod: count,
        triggers: listOf(
          closed(
            {
              type: oneOf('prometheus'),
              metricType: oneOf('Value'),
              metadata: closed(
                { serverAddress: text, query: text, threshold: text, ignoreNullValues: oneOf('false') },
                ['serverAddress', 'query', 'threshold'],
              ),
            },
            ['type', 'metadata'],
          ),
        ),
      },
      ['scaleTargetRef', 'minReplicaCount', 'maxReplicaCount', 'triggers'],
    ),
  }),
];

/** By `apiVersion kind`, so that a fault is told of the kind that was meant. */
export const KUBERNETES_SCHEMAS: ReadonlyMap<string, Schema> = new Map(
  KINDS.map((schema) => {
    const { apiVersion, kind: name } = schema['properties'] as Record<'apiVersion' | 'kind', { enum: string[] }>;
    return [`${apiVersion.enum[0]} ${name.enum[0]}`, schema];
  }),
);
