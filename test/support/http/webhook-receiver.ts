import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../signals/wait.js';

export interface ReceivedWebhook {
  path: string;
  method: string;
  headers: IncomingHttpHeaders;
  /** As it came over the wire. */
  body: string;
  json: { type: string; timestamp: string; data: Record<string, unknown> };
}

export type Respond = (response: ServerResponse, received: ReceivedWebhook, nth: number) => void;

/** A back end that is told: a real HTTP server on loopback, with an answer for each path. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  private readonly answers = new Map<string, Respond>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', (request, response) => void receiver.take(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(path: string, host = '127.0.0.1'): string {
    return `http://${host}:${this.port}${path}`;
  }

  /** Without one, a path answers 204. */
  answer(path: string, respond: Respond): void {
    this.answers.set(path, respond);
  }

  at(path: string): ReceivedWebhook[] {
    return this.received.filter((one) => one.path === path);
  }

  /** Waits until so many came to a path. */
  async arrived(path: string, count = 1): Promise<ReceivedWebhook[]> {
    return eventually(() => this.at(path).length >= count && this.at(path), `${count} webhooks at ${path}`);
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const path = request.url!;
    const json = (body === '' ? {} : JSON.parse(body)) as ReceivedWebhook['json'];
    const webhook = { path, method: request.method!, headers: request.headers, body, json };
    this.received.push(webhook);
    const respond = this.answers.get(path);
    if (respond) respond(response, webhook, this.at(path).length);
    else response.writeHead(204).end();
  }
}

/**
 * How many of its signatures a secret made: by the text of Standard Webhooks, with another implementation than ours.
 */
export async function signaturesBy(secret: string, { headers, body }: ReceivedWebhook): Promise<number> {
  const bytes = new Uint8Array(Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
  const key = await webcrypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
  const signed = new TextEncoder().encode([headers['webhook-id'], headers['webhook-timestamp'], body].join('.'));
  const signatures = String(headers['webhook-signature']).split(' ');
  const verdicts = await Promise.all(
    signatures.map(async (signature) => {
      const [version, text] = signature.split(',');
      return (
        version === 'v1' && webcrypto.subtle.verify('HMAC', key, new Uint8Array(Buffer.from(text!, 'base64')), signed)
      );
    }),
  );
  return verdicts.filter(Boolean).length;
}
