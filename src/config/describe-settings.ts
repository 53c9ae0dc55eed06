import { maskUrl } from '../core/mask.js';
import type { Settings } from './settings.js';

/** The settings in words for a log line at start: what is used and where it is, no secret. */
export function describeSettings(settings: Settings): Record<string, string> {
  const { name, address } = settings.mail.from;
  return {
    mode: settings.production ? 'production' : 'development',
    role: settings.role,
    listen: `${settings.http.host}:${settings.http.port}`,
    appUrl: settings.http.appUrl,
    database: settings.database.url === undefined ? `embedded in ${settings.dataDir}` : maskUrl(settings.database.url),
    queue: settings.redisUrl === undefined ? 'Postgres' : maskUrl(settings.redisUrl),
    mailFrom: name === '' ? address : `${name} <${address}>`,
    mailTransports: settings.mail.transports.map((transport) => transport.name).join(', '),
    lanes: settings.mail.lanes.map((lane) => `${lane}:${settings.mail.concurrency[lane]}`).join(', '),
  };
}
