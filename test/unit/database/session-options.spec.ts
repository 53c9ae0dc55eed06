import { parse } from 'pg-connection-string';
import { withSessionOptions } from '../../../src/database/pool.js';

describe('session options', () => {
  it('are read by the driver', () => {
    const url = withSessionOptions('postgres://u:p@h:5432/d', { TimeZone: 'UTC', search_path: 'bullmq' });
    expect(parse(url).options).toBe('-c TimeZone=UTC -c search_path=bullmq');
  });

  it('stand behind those that are there, and leave the rest of the URL alone', () => {
    const url = withSessionOptions('postgres://u:p%40%2Bss@h/d?sslmode=require&options=-c%20work_mem%3D8MB', {
      TimeZone: 'UTC',
    });
    expect(parse(url)).toMatchObject({ password: 'p@+ss', options: '-c work_mem=8MB -c TimeZone=UTC', database: 'd' });
    expect(new URL(url).searchParams.get('sslmode')).toBe('require');
  });
});
