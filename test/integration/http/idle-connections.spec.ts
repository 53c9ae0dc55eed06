import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SOCKET_BOUNDS } from '../../../src/http/socket-policy.js';
import { boundedServer } from '../../../src/http/sockets.js';
import { describeWithChromium, openChromium } from '../../support/chromium.js';
import { answersIn, RawClient } from '../../support/raw-client.js';
import { eventually } from '../../support/wait.js';

const PAGE = '<!doctype html><title>idle</title><link rel="icon" href="data:,"><script>window.loaded = []</script>';

describe('a connection that is kept and on which nothing is asked', () => {
  let server: Server;
  let url: string;
  const refused: string[] = [];

  /** Answers a page, and scripts that say their own name. */
  beforeAll(async () => {
    const times = { requestMs: 50, keepAliveMs: 300, checkEveryMs: 20 };
    server = boundedServer(
      (request, response) => {
        const script = request.url!.startsWith('/script');
        const body = script ? `window.loaded.push(${JSON.stringify(request.url)})` : PAGE;
        response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html', 'content-length': Buffer.byteLength(body) });
        response.end(body);
      },
      times,
      SOCKET_BOUNDS,
      (problem) => {
        refused.push(problem.code);
        return { headers: {}, body: '' };
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => refused.splice(0));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const noneIsOpen = () => eventually(() => new Promise<boolean>((resolve) => server.getConnections((_, count) => resolve(count === 0))), 'all connections to be closed');

  it('is closed without a word, though a request would have to be there sooner', async () => {
    const client = (await RawClient.open(url)).read();
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(answersIn(await client.untilClosed()).map(({ status }) => status)).toEqual([200]);
    expect(refused).toEqual([]);
  });

  describeWithChromium('by a browser', () => {
    it('loses nothing: what the page asks for later comes over a new one', async () => {
      const { context, close } = await openChromium();
      try {
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on('requestfailed', (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
        page.on('console', (line) => complaints.push(line.text()));
        await page.goto(url);
        for (const name of ['/script-1', '/script-2']) {
          await noneIsOpen();
          await page.addScriptTag({ url: name });
        }
        expect(await page.evaluate('window.loaded')).toEqual(['/script-1', '/script-2']);
        expect(complaints).toEqual([]);
        expect(refused.filter((code) => code !== 'request_timeout')).toEqual([]);
      } finally {
        await close();
      }
    });
  });
});
