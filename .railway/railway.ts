// Otpost on Railway in one container: web and worker side by side under Supervisor, and a Postgres. docs/deploy/railway.md
// Web and workers apart, with Redis: split.ts.
import { defineRailway, postgres, preserve, project, service } from 'railway/iac';

export default defineRailway(() => {
  const db = postgres('postgres');

  const otpost = service('otpost', {
    build: { builder: 'DOCKERFILE', dockerfilePath: 'Dockerfile' },
    // Asked at deploy time only, so it may ask for Postgres: a version that cannot accept never gets traffic.
    healthcheck: '/health',
    healthcheckTimeout: 120,
    replicas: 1,
    deploy: {
      restartPolicyType: 'ALWAYS',
      // Supervisor stops one after the other: the sum of two drains of 20 s, and some.
      drainingSeconds: 60,
    },
    env: {
      ROLE: 'all',
      DATABASE_URL: db.env.DATABASE_URL,
      // X-Forwarded-For arrives as <visitor>, <edge>, from a proxy that is not in it; what visitors forge is dropped (open-tag#107).
      TRUSTED_PROXIES: '2',
      APP_SECRET: preserve(),
      APP_URL: preserve(),
      MAIL_FROM: preserve(),
      MAIL_TRANSPORTS: preserve(),
    },
  });

  return project('otpost', { resources: [db, otpost] });
});
