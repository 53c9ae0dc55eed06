import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface DnsRecords {
  A?: string[];
  TXT?: string[];
  /** `10 mail.example.com` */
  MX?: string[];
}

/**
 * By name in lower case. A name with no records of the kind asked for exists; others do not. `refuse`: SERVFAIL;
 * `silent`: no answer.
 */
export type Zone = Record<string, DnsRecords | 'refuse' | 'silent'>;

const TYPES: Record<number, keyof DnsRecords> = { 1: 'A', 15: 'MX', 16: 'TXT' };
const IN = 1;
const NXDOMAIN = 3;
const SERVFAIL = 2;
const TTL_SECONDS = 1;

/** A name server over UDP (RFC 1035) that knows what it is given. */
export class DnsServer {
  /** What was asked, such as `TXT _dmarc.example.com`. */
  readonly questions: string[] = [];

  private constructor(
    private readonly socket: Socket,
    public zone: Zone,
  ) {
    socket.on('message', (message, from) => this.answer(message, from));
  }

  static async start(zone: Zone): Promise<DnsServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new DnsServer(socket, zone);
  }

  /** As `--dns` takes it. */
  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.socket.close(() => resolve()));
  }

  private answer(message: Buffer, from: RemoteInfo): void {
    const { name, end } = readName(message, 12);
    const type = TYPES[message.readUInt16BE(end)];
    this.questions.push(`${type ?? message.readUInt16BE(end)} ${name}`);
    const known = this.zone[name.toLowerCase()];
    if (known === 'silent') return;
    const found = typeof known === 'object' && type ? (known[type] ?? []).map((text) => encode(type, text)) : [];
    const code = known === undefined ? NXDOMAIN : known === 'refuse' ? SERVFAIL : 0;
    const question = message.subarray(12, end + 4);
    const header = Buffer.alloc(12);
    message.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8580 | code, 2); // an answer, authoritative, recursion wanted and available
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    const answers = found.map((data) => {
      const head = Buffer.alloc(12);
      head.writeUInt16BE(0xc00c, 0); // the name of the question
      head.writeUInt16BE(message.readUInt16BE(end), 2);
      head.writeUInt16BE(IN, 4);
      head.writeUInt32BE(TTL_SECONDS, 6);
      head.writeUInt16BE(data.length, 10);
      return Buffer.concat([head, data]);
    });
    this.socket.send(Buffer.concat([header, question, ...answers]), from.port, from.address);
  }
}

function readName(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function encode(type: keyof DnsRecords, text: string): Buffer {
  switch (type) {
    case 'A':
      return Buffer.from(text.split('.').map(Number));
    case 'TXT': {
      // Strings of at most 255 bytes, as long keys come.
      const parts = text.match(/[\s\S]{1,255}/g) ?? [''];
      return Buffer.concat(
        parts.map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part, 'latin1')])),
      );
    }
    case 'MX': {
      const [priority, exchange = '.'] = text.split(' ');
      const data = Buffer.alloc(2);
      data.writeUInt16BE(Number(priority));
      return Buffer.concat([data, encodeName(exchange)]);
    }
  }
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter(Boolean);
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}
