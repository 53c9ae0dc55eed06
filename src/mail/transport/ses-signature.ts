import { createHash, createHmac } from 'node:crypto';
import type { AwsCredentials } from '../../config/http-transports.js';

export interface SignableRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface Scope {
  region: string;
  service: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * The headers that sign a request with AWS Signature Version 4, on top of its own.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signingHeaders(request: SignableRequest, credentials: AwsCredentials, scope: Scope, now: Date): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const time = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, ''); // 20150830T123600Z
  const added = { 'x-amz-date': time, ...(sessionToken ? { 'x-amz-security-token': sessionToken } : {}) };
  const url = new URL(request.url);
  const headers = canonicalHeaders({ ...request.headers, ...added, host: url.host });
  const signed = headers.map(([name]) => name).join(';');
  const canonical = [
    request.method,
    canonicalPath(url.pathname),
    canonicalQuery(url.searchParams),
    ...headers.map(([name, text]) => `${name}:${text}`),
    '',
    signed,
    sha256(request.body),
  ].join('\n');
  const day = time.slice(0, 8);
  const credentialScope = `${day}/${scope.region}/${scope.service}/aws4_request`;
  const key = [day, scope.region, scope.service, 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${secretAccessKey}`));
  const signature = hmac(key, [ALGORITHM, time, credentialScope, sha256(canonical)].join('\n')).toString('hex');
  return { ...added, authorization: `${ALGORITHM} Credential=${accessKeyId}/${credentialScope}, SignedHeaders=${signed}, Signature=${signature}` };
}

function canonicalHeaders(headers: Record<string, string>): [name: string, text: string][] {
  return Object.entries(headers)
    .map(([name, text]): [string, string] => [name.toLowerCase(), text.trim().replaceAll(/ +/g, ' ')])
    .sort(([one], [other]) => compare(one, other));
}

/** Each part is encoded once more on top of what the URL has; every service but S3 wants that. */
function canonicalPath(path: string): string {
  return path.split('/').map(encode).join('/');
}

function canonicalQuery(parameters: URLSearchParams): string {
  return [...parameters]
    .map(([name, text]) => [encode(name), encode(text)] as const)
    .sort(([name, text], [otherName, otherText]) => compare(name, otherName) || compare(text, otherText))
    .map((pair) => pair.join('='))
    .join('&');
}

/** RFC 3986: encodeURIComponent leaves out five. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
