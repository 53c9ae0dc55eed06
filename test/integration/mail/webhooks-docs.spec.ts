import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newSecret, sign } from '../../../src/mail/webhooks/payload.js';
import { signaturesBy, WebhookReceiver } from '../../support/http/webhook-receiver.js';

const sh = promisify(execFile);
const itWithPython = spawnSync('python3', ['--version']).status === 0 ? it : it.skip;

describe('docs/webhooks.md', () => {
  const [secret, former] = [newSecret(), newSecret()];
  const message = {
    id: '7e0c3f5e-6f0a-4a53-9f0e-0f9d5a2f6b11',
    timestamp: Math.floor(Date.now() / 1_000),
    body: '{"type":"webhook.test","name":"Zoë"}',
  };
  const cases: [name: string, expected: boolean, signature: string, timestamp: number, body: string][] = [
    ['authentic', true, sign(message, [secret]), message.timestamp, message.body],
    ['during a rotation', true, sign(message, [former, secret]), message.timestamp, message.body],
    ['by another secret', false, sign(message, [former]), message.timestamp, message.body],
    ['with another body', false, sign(message, [secret]), message.timestamp, `${message.body} `],
    [
      'stale',
      false,
      sign({ ...message, timestamp: message.timestamp - 600 }, [secret]),
      message.timestamp - 600,
      message.body,
    ],
    ['without a signature', false, 'v1,', message.timestamp, message.body],
  ];
  let folder: string;
  let docs: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-docs-'));
    docs = await readFile(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function block(language: string, marker: string): string {
    return [...docs.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))]
      .map(([, text]) => text!)
      .find((text) => text.includes(marker))!;
  }

  /** Runs a program with the cases as JSON; it prints a list of booleans. */
  async function verdicts(command: string, file: string, program: string): Promise<unknown> {
    await writeFile(join(folder, file), program);
    const input = cases.map(([, , signature, timestamp, body]) => ({
      headers: { 'webhook-id': message.id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature },
      body,
    }));
    const { stdout } = await sh(command, [join(folder, file), secret, JSON.stringify(input)]);
    return JSON.parse(stdout);
  }
  const expected = cases.map(([, verdict]) => verdict);

  it('verifies in Node', async () => {
    const program = `${block('js', 'verify')}\nconst [, , secret, cases] = process.argv;
      console.log(JSON.stringify(JSON.parse(cases).map(({ headers, body }) => verify(secret, headers, body))));`;
    expect(await verdicts(process.execPath, 'verify.mjs', program)).toEqual(expected);
  });

  itWithPython('verifies in Python', async () => {
    const program = `${block('python', 'verify')}\nimport json, sys
print(json.dumps([verify(sys.argv[1], case["headers"], case["body"].encode()) for case in json.loads(sys.argv[2])]))\n`;
    expect(await verdicts('python3', 'verify.py', program)).toEqual(expected);
  });

  it('signs in a shell', async () => {
    const receiver = await WebhookReceiver.start();
    try {
      const env = {
        ...process.env,
        SECRET: secret,
        WEBHOOK_ID: message.id,
        TIMESTAMP: String(message.timestamp),
        BODY: message.body,
        URL: receiver.url('/shell'),
      };
      await sh('sh', ['-ec', block('sh', 'KEY_HEX')], { env });
      const [webhook] = await receiver.arrived('/shell');
      expect(await signaturesBy(secret, webhook!)).toBe(1);
      expect(webhook!.headers['webhook-signature']).toBe(sign(message, [secret]));
    } finally {
      await receiver.stop();
    }
  });
});
