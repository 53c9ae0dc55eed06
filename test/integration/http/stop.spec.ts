import { answersIn, RawClient } from '../../support/http/raw-client.js';
import { startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

it('a stop waits for nobody who is silent, deaf, or leaves a body half sent, and answers what is under way', async () => {
  const otpost = await startOtpost({ ROLE: 'web' });
  const open = () => RawClient.open(otpost.api.url);
  const [silent, idle, deaf, waiting] = [await open(), (await open()).read(), await open(), (await open()).read()];
  idle.write(get('/health/live'));
  await eventually(() => answersIn(idle.text).length === 1, 'the answer that leaves a connection idle');
  deaf.write(get('/health/live'));
  waiting.write(
    `POST /v1/otp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{`,
  );
  await otpost.api.get('/health/live');
  const stopped = otpost.stop();
  await idle.untilClosed();
  waiting.write('}');
  const [answer] = answersIn(await waiting.untilClosed());
  expect(answer!.status).toBe(422);
  await stopped;
  for (const client of [silent, deaf]) client.hangUp();
});
