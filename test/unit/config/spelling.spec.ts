import { readSettings, VARIABLES } from '../../../src/configuration.js';
import { distance, misspellings as misspeltOf, PRODUCTION_MARKERS } from '../../../src/config/names.js';
import { PROVIDERS } from '../../../src/mail/providers/providers.js';
import { PRODUCTION_ENV, refusal } from './faults.js';

const misspellings = (names: string[]): string[] =>
  misspeltOf(
    names,
    VARIABLES.map(({ name }) => name),
    PROVIDERS,
  );

describe('misspellings', () => {
  it.each([
    ['MAIL_TRANSPORT', 'MAIL_TRANSPORTS'],
    ['REDISURL', 'REDIS_URL'],
    ['REDIS_URI', 'REDIS_URL'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['MAIL_FORM', 'MAIL_FROM'],
    ['APP_SECRETS', 'APP_SECRET'],
    ['WORKER_LANE', 'WORKER_LANES'],
    ['mail_from', 'MAIL_FROM'],
    ['PROT', 'PORT'],
  ])('takes %s for %s', (name, meant) => {
    expect(misspellings([name])).toEqual([`${name} is not a setting of Otpost and is ignored. Did you mean ${meant}?`]);
  });

  it('says nothing about names that are right', () => {
    expect(misspellings([...VARIABLES.map(({ name }) => name), ...PRODUCTION_MARKERS])).toEqual([]);
  });

  it('says nothing about what shells, npm and platforms set', () => {
    const usual =
      'HOME USER SHELL PATH PWD OLDPWD TERM LANG LC_ALL LOGNAME HOSTNAME SHLVL TMPDIR TZ EDITOR MAIL DISPLAY CI ' +
      'NODE NODE_OPTIONS NODE_PATH NODE_VERSION NODE_EXTRA_CA_CERTS YARN_VERSION INIT_CWD npm_config_cache npm_lifecycle_event ' +
      'RENDER_SERVICE_ID RENDER_EXTERNAL_URL RENDER_INSTANCE_ID RENDER_GIT_COMMIT IS_PULL_REQUEST ' +
      'RAILWAY_PUBLIC_DOMAIN RAILWAY_SERVICE_NAME RAILWAY_PROJECT_ID REDISHOST REDISPORT REDISUSER REDISPASSWORD REDIS_PUBLIC_URL ' +
      'PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE DATABASE_PUBLIC_URL POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB ' +
      'KUBERNETES_PORT KUBERNETES_SERVICE_PORT REDIS_PORT REDIS_SERVICE_HOST OTPOST_PORT SUPERVISOR_ENABLED SUPERVISOR_PROCESS_NAME';
    expect(misspellings(usual.split(' '))).toEqual([]);
  });

  it('is told along with the settings, without the value', () => {
    const { warnings } = readSettings({ MAIL_TRANSPORT: 'smtp://user:hunter22@smtp.example.com' });
    expect(warnings).toEqual([expect.stringContaining('Did you mean MAIL_TRANSPORTS?')]);
    expect(warnings.join()).not.toContain('hunter22');
  });

  it('is told along with a refusal, which it may explain', () => {
    const { message } = refusal({
      ...PRODUCTION_ENV,
      MAIL_TRANSPORTS: '',
      MAIL_TRANSPORT: 'smtp://user:hunter22@smtp.example.com',
    });
    expect(message).toMatch(
      /MAIL_TRANSPORTS {2}not set\n.*\nMAIL_TRANSPORT is not a setting.*Did you mean MAIL_TRANSPORTS\?$/,
    );
    expect(message).not.toContain('hunter22');
  });
});

describe('distance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', 'abc', 0],
    ['abc', 'abd', 1],
    ['abc', 'acb', 1],
    ['abc', 'ab', 1],
    ['abc', 'xabc', 1],
    ['HOME', 'HOST', 2],
  ])('between %j and %j is %i', (a, b, steps) => {
    expect(distance(a, b)).toBe(steps);
    expect(distance(b, a)).toBe(steps);
  });
});
