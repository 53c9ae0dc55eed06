import { closed, oneOf, listOf, type Schema, text, texts } from './closed.js';

/** What compose.yaml uses of https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json. */
const duration: Schema = { type: 'string', pattern: '^[1-9]\\d*s$' };

const service = closed(
  {
    build: oneOf('.'),
    image: text,
    restart: oneOf('unless-stopped'),
    command: texts,
    depends_on: {
      type: 'object',
      additionalProperties: closed({ condition: oneOf('service_healthy', 'service_started') }, ['condition']),
    },
    env_file: listOf(closed({ path: oneOf('.env'), required: oneOf(false) }, ['path', 'required'])),
    environment: { type: 'object', additionalProperties: { type: 'string' } },
    // Published on loopback only.
    ports: listOf({ type: 'string', pattern: '^127\\.0\\.0\\.1:\\d+:\\d+$' }),
    volumes: texts,
    healthcheck: closed(
      {
        test: { type: 'array', items: [oneOf('CMD')], additionalItems: text, minItems: 2 },
        interval: duration,
        timeout: duration,
        retries: { type: 'integer', minimum: 1 },
        start_period: duration,
        start_interval: duration,
      },
      ['test', 'interval', 'timeout', 'retries'],
    ),
    stop_grace_period: duration,
    mem_limit: { type: 'string', pattern: '^\\d+m$' },
    shm_size: { type: 'string', pattern: '^\\d+m$' },
    read_only: oneOf(true),
    tmpfs: texts,
    cap_drop: texts,
    security_opt: texts,
  },
  ['image', 'restart'],
);

export const COMPOSE_SCHEMA: Schema = closed(
  {
    name: text,
    services: { type: 'object', additionalProperties: service },
    volumes: { type: 'object', additionalProperties: { type: 'null' } },
  },
  ['services'],
);
