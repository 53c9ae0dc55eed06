import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { eventually } from '../signals/wait.js';

export interface TakenSpan {
  traceId: string;
  spanId: string;
  /** Empty: the root of its trace. */
  parentId: string;
  name: string;
  kind: number;
  /** ns */
  start: bigint;
  end: bigint;
  attributes: Record<string, string | number>;
  /** 2: failed. */
  status: { code: number; message: string };
  resource: Record<string, string | number>;
}

/** As in opentelemetry-proto's trace.proto. */
export const SERVER = 2;
export const CLIENT = 3;
export const PRODUCER = 4;
export const CONSUMER = 5;

/** Takes traces by OTLP over HTTP, as an OpenTelemetry collector does on port 4318. */
export class OtlpCollector {
  readonly spans: TakenSpan[] = [];
  /** All that came, for a search. */
  bytes = '';
  headers: IncomingHttpHeaders = {};
  /** What it answers. */
  status = 200;
  /** Requests that got another answer than 200. */
  refused = 0;

  private readonly sockets = new Set<Socket>();
  private hangs = false;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (this.hangs) return;
        if (this.status !== 200) this.refused++;
        if (this.status === 200 && request.url === '/v1/traces') this.take(Buffer.concat(chunks), request.headers);
        response.writeHead(request.url === '/v1/traces' ? this.status : 404).end();
      });
    });
  }

  static async start(port = 0): Promise<OtlpCollector> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new OtlpCollector(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async waitFor(what: string, found: (span: TakenSpan) => boolean): Promise<TakenSpan> {
    return eventually(() => this.spans.find(found), `the span of ${what}`);
  }

  /** Takes requests from now on and answers none. */
  hang(): void {
    this.hangs = true;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private take(body: Buffer, headers: IncomingHttpHeaders): void {
    this.headers = headers;
    this.bytes += body.toString('latin1');
    for (const resourceSpans of fieldsOf(body)[1] ?? []) {
      const { 1: [resource] = [], 2: scopes = [] } = fieldsOf(bytes(resourceSpans));
      const own = attributesOf(resource === undefined ? [] : (fieldsOf(bytes(resource))[1] ?? []));
      for (const scope of scopes)
        for (const span of fieldsOf(bytes(scope))[2] ?? []) this.spans.push(spanOf(bytes(span), own));
    }
  }
}

type Field = bigint | Buffer;

function spanOf(message: Buffer, resource: TakenSpan['resource']): TakenSpan {
  const {
    1: traceId,
    2: spanId,
    4: parentId,
    5: name,
    6: kind,
    7: start,
    8: end,
    9: attributes,
    15: status,
  } = fieldsOf(message);
  const told = status === undefined ? {} : fieldsOf(bytes(status[0]!));
  return {
    traceId: bytes(traceId![0]!).toString('hex'),
    spanId: bytes(spanId![0]!).toString('hex'),
    parentId: parentId === undefined ? '' : bytes(parentId[0]!).toString('hex'),
    name: bytes(name![0]!).toString(),
    kind: Number(kind?.[0] ?? 0),
    start: start![0] as bigint,
    end: end![0] as bigint,
    attributes: attributesOf(attributes ?? []),
    status: { code: Number(told[3]?.[0] ?? 0), message: told[2] === undefined ? '' : bytes(told[2][0]!).toString() },
    resource,
  };
}

/** Of `KeyValue`s; texts, flags and whole numbers are all that Otpost writes. */
function attributesOf(pairs: Field[]): Record<string, string | number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const { 1: key, 2: value } = fieldsOf(bytes(pair));
      const { 1: text, 2: flag, 3: whole } = fieldsOf(bytes(value![0]!));
      return [
        bytes(key![0]!).toString(),
        text === undefined ? Number((whole ?? flag ?? [0n])[0]) : bytes(text[0]!).toString(),
      ];
    }),
  );
}

function bytes(field: Field): Buffer {
  if (typeof field === 'bigint') throw new Error('a number where bytes were expected');
  return field;
}

/** By number (protobuf's wire format: https://protobuf.dev/programming-guides/encoding/). */
function fieldsOf(message: Buffer): Record<number, Field[]> {
  const fields: Record<number, Field[]> = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const read: Record<number, () => Field> = {
      0: varint,
      1: () => message.readBigUInt64LE((at += 8) - 8),
      2: () => {
        const length = Number(varint());
        return message.subarray(at, (at += length));
      },
      5: () => BigInt(message.readUInt32LE((at += 4) - 4)),
    };
    const take = read[tag & 7];
    if (!take) throw new Error(`wire type ${tag & 7}`);
    (fields[tag >> 3] ??= []).push(take());
  }
  return fields;
}
