import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { VARIABLES } from '../../src/config/variables.js';
import type { Api, IssuedBody, SignedInBody } from '../support/api.js';
import { type Otpost, startOtpost } from '../support/otpost.js';
import { codeFromInbox } from '../support/story.js';

const sh = promisify(execFile);

describe('the README', () => {
  let otpost: Otpost;
  let api: Api;
  let blocks: string[];

  beforeAll(async () => {
    otpost = await startOtpost();
    api = otpost.api;
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block!);
  });
  afterAll(() => otpost.stop());

  /** Runs the block that holds `marker` in a shell, with the reader's own values for what it stands for. */
  async function run(marker: string, values: Record<string, string> = {}): Promise<string[]> {
    let block = blocks.find((text) => text.includes(marker))!.replaceAll('localhost:3000', new URL(api.url).host);
    for (const [name, value] of Object.entries(values)) block = block.replace(new RegExp(`^${name}=.*$`, 'm'), `${name}=${value}`);
    const preset = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    const { stdout } = await sh('sh', ['-c', [...preset, block.replaceAll(/^(curl .*)$/gm, '$1; echo')].join('\n')]);
    return stdout.trim().split('\n');
  }

  it('leads through the first minute as it is written', async () => {
    const issued = JSON.parse((await run('/v1/accounts'))[0]!) as IssuedBody;
    const { code } = await codeFromInbox(api, 'ada@example.com', issued);
    const ID = issued.challenge.id;
    const signedIn = JSON.parse((await run('/verify', { ID, CODE: code }))[0]!) as SignedInBody;
    const [me, delivery] = await run('/v1/me', { ID, TOKEN: signedIn.accessToken });
    expect(JSON.parse(me!)).toMatchObject({ email: 'ada@example.com' });
    expect(JSON.parse(delivery!)).toMatchObject({ status: 'sent' });
  });

  it('explains every variable in its table, with its default', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    for (const variable of VARIABLES) {
      expect(readme).toContain(`| \`${variable.name}\` | ${variable.default.replaceAll('|', '\\|')} |`);
    }
  });
});
