import { closed, count, listOf, oneOf, type Schema, text } from './closed.js';

/**
 * What our blueprints use of https://render.com/schema/render.yaml.json, which is not to be had offline; the fields as
 * in render-oss/skills, render-blueprints/references/field-reference.md.
 */
const envVar: Schema = {
  oneOf: [
    closed({ key: text, value: text }, ['key', 'value']),
    closed({ key: text, generateValue: oneOf(true) }, ['key', 'generateValue']),
    closed({ key: text, sync: oneOf(false) }, ['key', 'sync']),
    closed(
      { key: text, fromDatabase: closed({ name: text, property: oneOf('connectionString') }, ['name', 'property']) },
      ['key', 'fromDatabase'],
    ),
    closed(
      {
        key: text,
        fromService: closed({ type: oneOf('keyvalue'), name: text, property: oneOf('connectionString') }, [
          'type',
          'name',
          'property',
        ]),
      },
      ['key', 'fromService'],
    ),
    closed(
      {
        key: text,
        fromService: closed({ type: oneOf('web', 'worker'), name: text, envVarKey: text }, [
          'type',
          'name',
          'envVarKey',
        ]),
      },
      ['key', 'fromService'],
    ),
  ],
};

const docker = {
  name: text,
  runtime: oneOf('docker'),
  dockerfilePath: oneOf('./Dockerfile'),
  dockerContext: oneOf('.'),
  // The free plan takes no maxShutdownDelaySeconds.
  plan: oneOf('starter', 'standard', 'pro'),
  numInstances: count,
  maxShutdownDelaySeconds: { type: 'integer', minimum: 1, maximum: 300 },
  envVars: listOf(envVar),
};
const dockerRequired = ['type', 'name', 'runtime', 'dockerfilePath', 'plan', 'maxShutdownDelaySeconds', 'envVars'];

export const RENDER_SCHEMA: Schema = closed(
  {
    services: listOf({
      oneOf: [
        // Only web services are probed.
        closed({ ...docker, type: oneOf('web'), healthCheckPath: oneOf('/health/live') }, [
          ...dockerRequired,
          'healthCheckPath',
        ]),
        closed({ ...docker, type: oneOf('worker') }, dockerRequired),
        closed(
          {
            type: oneOf('keyvalue'),
            name: text,
            plan: oneOf('starter', 'standard', 'pro'),
            maxmemoryPolicy: oneOf('noeviction'),
            ipAllowList: { type: 'array', maxItems: 0 },
          },
          ['type', 'name', 'plan', 'maxmemoryPolicy', 'ipAllowList'],
        ),
      ],
    }),
    databases: listOf(
      closed({ name: text, plan: oneOf('basic-256mb', 'basic-1gb'), ipAllowList: { type: 'array', maxItems: 0 } }, [
        'name',
        'plan',
        'ipAllowList',
      ]),
    ),
  },
  ['services', 'databases'],
);
