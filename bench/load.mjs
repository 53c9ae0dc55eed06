/** An HTTP client that costs little, so that on a machine with few cores the server is what is measured. */
import { createConnection } from 'node:net';
import { now, pause } from './stage.mjs';

const MOST_REFUSALS = 100;
const AGAIN_MS = 200;

/** The head of a request. @returns {Buffer} */
function head(method, path, headers) {
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

/** @returns {Buffer} */
export function get(path, headers = {}) {
  return head('GET', path, headers);
}

/** @param body an object, or a text of another type @returns {Buffer} */
export function post(path, body, headers = {}) {
  const text = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const own = { 'content-type': 'application/json', 'content-length': text.length };
  return Buffer.concat([head('POST', path, { ...own, ...headers }), text]);
}

/** One connection that is kept. */
export class Connection {
  #socket;
  #held = '';
  #waiting;

  constructor(url) {
    const { hostname, port } = new URL(url);
    this.#socket = createConnection({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => this.#read(text));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** How often a server that is too busy said 503: the request was sent again, as it asks for. */
  refused = 0;

  /** The body of a 2xx. @throws Error with any other answer but 503 */
  async send(request) {
    for (;;) {
      const { head, body } = await this.#exchange(request);
      if (/^HTTP\/1\.1 2/.test(head)) return body;
      if (!/^HTTP\/1\.1 503/.test(head) || ++this.refused > MOST_REFUSALS) {
        throw new Error(`${head.split('\r\n')[0]}: ${body.slice(0, 500)}`);
      }
      await pause(AGAIN_MS);
    }
  }

  #exchange(request) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close() {
    this.#socket.destroy();
  }

  #fail(error) {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  #read(text) {
    this.#held += text;
    const end = this.#held.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#held.slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const body = this.#held.slice(end + 4);
    const isWhole =
      length === undefined ? / 204 /.test(head) || body.endsWith('0\r\n\r\n') : body.length >= Number(length);
    if (!isWhole || !this.#waiting) return;
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    this.#held = '';
    resolve({ head, body });
  }
}

/**
 * So many requests over so many connections, on each one after the other.
 * @param requestOf the request of this number, as {@link post} makes it
 * @returns `{ rate, p50, p99, refused }`: requests a second, milliseconds, answers 503; the time of these counts
 */
export async function load(url, { requests, connections, requestOf }) {
  const prepared = Array.from({ length: requests }, (_, index) => requestOf(index));
  const open = Array.from({ length: connections }, () => new Connection(url));
  const took = [];
  const begun = now();
  await Promise.all(
    open.map(async (connection) => {
      while (prepared.length > 0) {
        const askedAt = now();
        await connection.send(prepared.pop());
        took.push(now() - askedAt);
      }
    }),
  ).finally(() => open.forEach((connection) => connection.close()));
  const rate = requests / ((now() - begun) / 1_000);
  const refused = open.reduce((all, connection) => all + connection.refused, 0);
  return { rate, ...answered(took), ...(refused > 0 && { refused }) };
}

/** Milliseconds until the answer. */
export const answered = (took) => ({ p50: quantile(took, 0.5), p99: quantile(took, 0.99) });

/** Milliseconds until the code is at the sink. */
export const arrived = (took) => ({
  code50: quantile(took, 0.5),
  code95: quantile(took, 0.95),
  code99: quantile(took, 0.99),
});

/** The nearest rank. NaN of nothing. */
export function quantile(numbers, part) {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}
