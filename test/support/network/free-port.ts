import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that a system hands out to whoever asks for any (Linux from 32,768, others from 49,152): a server of
 * another test would come to listen on one of those, take the mail that is to be refused, or the place of a Redis that
 * is to start. Browsers and `fetch` go to none of the first 10,080 that are somebody's (Fetch Standard, bad ports).
 */
const [FIRST, BEYOND] = [10_081, 32_768];

/** A port of loopback on which nothing listens, and which no server gets that did not ask for this one. */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST, BEYOND);
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return freePort();
  }
  server.close();
  await once(server, 'close');
  return port;
}
