import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { CODE_DELIVERY_STATUSES } from '../../src/otp/delivery/delivery-status.js';
import { MOST_STREAMS, RECONNECT_AFTER_MS, STREAM_ENDS } from '../../src/otp/delivery/delivery-streams.js';
import {
  PURPOSE,
  TTL_SECONDS,
  VERIFICATION_STATUSES,
  VERIFICATION_TEMPLATES,
} from '../../src/otp/verifications/verification-policy.js';
import { createApiKey } from '../support/service/api-key.js';
import { atRest } from '../support/service/at-rest.js';
import { type Otpost, startOtpost } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';

const sh = promisify(execFile);

describe('docs/codes.md', () => {
  let otpost: Otpost;
  let docs: string;

  beforeAll(async () => {
    otpost = await startOtpost();
    docs = await readFile(new URL('../../docs/codes.md', import.meta.url), 'utf8');
  });
  afterAll(() => otpost.stop());

  /** Runs the command of the page that begins with these words, with the reader's own values. */
  async function run<Body>(start: string, values: Record<string, string>): Promise<Body> {
    const command = new RegExp(`^curl -s ${start}(.*\\\\\\n)*.*$`, 'm').exec(docs)![0];
    const { stdout } = await sh('sh', ['-c', command.replace('localhost:3000', new URL(otpost.api.url).host)], {
      env: { ...values, PATH: process.env['PATH'] },
    });
    return JSON.parse(stdout) as Body;
  }

  it('leads through a verification as it is written', async () => {
    const KEY = await createApiKey(otpost.database.url, ['verifications']);
    const started = await run<{ id: string; status: string; reference: string }>('localhost:3000/v1/verifications ', {
      KEY,
    });
    expect(started.status).toBe('pending');
    const code = await eventually(async () => {
      const { body } = await otpost.api.get<{ items: { code: string | null; subject: string }[] }>(
        '/inbox/messages?to=ada@example.com',
      );
      return body.items.find(({ subject }) => subject.includes(started.reference))?.code ?? undefined;
    }, 'the code in the inbox');
    docs = docs.replaceAll('042137', code);
    const ID = started.id;
    await atRest(otpost.database); // the inbox has it before that is recorded
    expect(await run('localhost:3000/v1/otp/\\$ID/delivery', { ID })).toEqual({
      status: 'sent',
      updatedAt: expect.any(String) as string,
    });
    expect(await run('localhost:3000/v1/verifications/\\$ID/check', { KEY, ID })).toEqual({
      status: 'approved',
      to: 'ada@example.com',
      purpose: 'checkout',
    });
  });

  it('names every status, every end, and the numbers that hold', () => {
    for (const word of [...CODE_DELIVERY_STATUSES, ...VERIFICATION_STATUSES, ...STREAM_ENDS, ...VERIFICATION_TEMPLATES])
      expect(docs).toContain(`\`${word}\``);
    const { process, requester, challenge } = MOST_STREAMS;
    expect(docs).toContain(
      `A process holds ${process} streams, ${requester} from one network (an IPv4 address or an IPv6 /64), ${challenge} for one challenge.`,
    );
    expect(docs).toContain(`retry: ${RECONNECT_AFTER_MS}`);
    expect(docs).toContain(`${TTL_SECONDS.least} to ${TTL_SECONDS.most}`);
    expect(PURPOSE.source).toBe('^[a-z0-9_-]{1,40}$'); // as its table says in words
  });
});
