// Otpost on Railway, web and worker apart, with Redis as the broker. docs/deploy/railway.md
// All in one container: railway.ts.
import { defineRailway, postgres, preserve, project, redis, service } from 'railway/iac';

export default defineRailway(() => {
  const db = postgres('postgres');
  // Redis evicts nothing unless it is told to (maxmemory-policy noeviction); `otpost doctor` says what it finds.
  const broker = redis('redis');

  const web = service('web', {
    build: { builder: 'DOCKERFILE', dockerfilePath: 'Dockerfile' },
    // Asked at deploy time only, so it may ask for Postgres: a version that cannot accept never gets traffic.
    healthcheck: '/health',
    healthcheckTimeout: 120,
    replicas: 1,
    deploy: {
      restartPolicyType: 'ALWAYS',
      // Above the drain of 20 s.
      drainingSeconds: 45,
    },
    env: {
      ROLE: 'web',
      DATABASE_URL: db.env.DATABASE_URL,
      REDIS_URL: broker.env.REDIS_URL,
      // X-Forwarded-For arrives as <visitor>, <edge>, from a proxy that is not in it; what visitors forge is dropped (open-tag#107).
      TRUSTED_PROXIES: '2',
      APP_SECRET: preserve(),
      APP_URL: preserve(),
      MAIL_FROM: preserve(),
      MAIL_TRANSPORTS: preserve(),
    },
  });

  const worker = service('worker', {
    build: { builder: 'DOCKERFILE', dockerfilePath: 'Dockerfile' },
    replicas: 1,
    deploy: { restartPolicyType: 'ALWAYS', drainingSeconds: 45 },
    env: {
      ROLE: 'worker',
      DATABASE_URL: db.env.DATABASE_URL,
      REDIS_URL: broker.env.REDIS_URL,
      // What web has: the two open each other's seals, and both write links.
      APP_SECRET: web.env.APP_SECRET,
      APP_URL: web.env.APP_URL,
      MAIL_FROM: web.env.MAIL_FROM,
      MAIL_TRANSPORTS: web.env.MAIL_TRANSPORTS,
    },
  });

  return project('otpost', { resources: [db, broker, web, worker] });
});
