import { describeSettings } from '../../../src/config/describe-settings.js';
import { readSettings } from '../../../src/config/read-settings.js';

describe('describeSettings', () => {
  it('says where things are, and no secret', () => {
    const { settings } = readSettings({
      DATABASE_URL: 'postgres://otpost:hunter22@db:5432/otpost',
      REDIS_URL: 'redis://:hunter22@cache:6379',
      APP_SECRET: `hunter22${'x'.repeat(32)}`,
      INBOX_TOKEN: 'hunter22hunter22',
      MAIL_TRANSPORTS: 'smtps://user:hunter22@smtp.example.com,capture:',
      WORKER_LANES: 'critical,bulk',
    });
    const description = describeSettings(settings);
    expect(description).toEqual({
      mode: 'development',
      role: 'all',
      listen: '127.0.0.1:3000',
      appUrl: 'http://localhost:3000',
      database: 'postgres://otpost:***@db:5432/otpost',
      queue: 'redis://:***@cache:6379',
      mailFrom: 'Otpost <no-reply@localhost>',
      mailTransports: 'smtp.example.com:465, capture',
      lanes: 'critical:8, bulk:4',
    });
    expect(JSON.stringify(description)).not.toContain('hunter22');
  });

  it('names the embedded database and the queue on it', () => {
    expect(describeSettings(readSettings({ DATA_DIR: '/var/otpost', MAIL_FROM: 'a@b.example' }).settings)).toMatchObject({
      database: 'embedded in /var/otpost',
      queue: 'Postgres',
      mailFrom: 'a@b.example',
    });
  });
});
