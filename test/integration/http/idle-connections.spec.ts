import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SOCKET_BOUNDS } from '../../../src/http/socket-policy.js';
import { boundedServer } from '../../../src/http/sockets.js';
import { answersIn, RawClient } from '../../support/http/raw-client.js';
import { eventually } from '../../support/signals/wait.js';

describe('a connection that is kept and on which nothing is asked', () => {
  let server: Server;
  let url: string;
  const refused: string[] = [];

  beforeAll(async () => {
    const times = { requestMs: 50, keepAliveMs: 300, checkEveryMs: 20 };
    server = boundedServer(
      (_request, response) => response.end('well'),
      times,
      SOCKET_BOUNDS,
      (problem) => {
        refused.push(problem.code);
        return { status: problem.status, headers: {}, body: '' };
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('is closed without a word, though a request would have to be there sooner', async () => {
    // On a busy machine a request may be too late itself: that is tried again.
    const answers = await eventually(async () => {
      refused.length = 0;
      const client = (await RawClient.open(url)).read();
      client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const given = answersIn(await client.untilClosed()).map(({ status }) => status);
      return given[0] === 200 && given;
    }, 'a request to be answered');
    expect(answers).toEqual([200]);
    expect(refused).toEqual([]);
  });
});
