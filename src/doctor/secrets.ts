import type { Settings, TransportSettings } from '../config/settings.js';

/** What an answer of a transport's server must not repeat: keys and passwords, also as SMTP's AUTH PLAIN has them. */
export function transportSecrets(transport: TransportSettings): string[] {
  switch (transport.kind) {
    case 'capture':
    case 'file':
      return [];
    case 'smtp': {
      const { user, password, oauth } = transport;
      const plain = user !== undefined && password !== undefined ? [password, Buffer.from(`\0${user}\0${password}`).toString('base64')] : [];
      return oauth ? [...plain, oauth.clientSecret, oauth.refreshToken] : plain;
    }
    case 'mailjet':
      return [transport.key, transport.secret];
    case 'ses':
      return transport.credentials ? [transport.credentials.secretAccessKey, transport.credentials.accessKeyId, transport.credentials.sessionToken ?? ''] : [];
    default:
      return [transport.key];
  }
}

/** Everything that must not be told, whatever breaks. */
export function secretsOf({ mail, database, redisUrl, appSecret, appSecretPrevious }: Settings): string[] {
  const urls = [database.url, redisUrl].flatMap((url) => (url === undefined ? [] : [url, decodeURIComponent(new URL(url).password)]));
  return [...urls, appSecret ?? '', ...appSecretPrevious, ...mail.transports.flatMap(transportSecrets)];
}
