import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOOL = fileURLToPath(new URL('../../../tools/secrets-in-logs.mjs', import.meta.url));

const CODE = '483920';
const TOKEN = 'otr_Zk3vQ0hYpTn7wXe1BsLr5dGm2cUa9fJi8oKx4yVz6Nq';
const PASSWORD = 'tr0ub4dor & "three" ünder';
const JWT = `eyJhbGciOiJFZERTQSJ9.${Buffer.from(JSON.stringify({ sid: '0199', sub: 'x'.repeat(60) })).toString('base64url')}.${'aB3-_xYz'.repeat(10)}q7Rt`;

describe('the search for secrets in logs', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-logs-'));
    for (const part of ['logs', 'secrets']) await mkdir(join(folder, part));
    const secrets = [
      { kind: 'code', value: CODE },
      { kind: 'token', value: TOKEN },
      { kind: 'token', value: JWT },
      { kind: 'password', value: PASSWORD },
    ];
    await writeFile(join(folder, 'secrets/1.jsonl'), secrets.map((secret) => `${JSON.stringify(secret)}\n`).join(''));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function search(lines: (string | object)[], ...flags: string[]): Promise<{ found: boolean; out: string }> {
    const text = lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
    await writeFile(join(folder, 'logs/process.log'), text);
    return new Promise((resolve, reject) => {
      const child = execFile(process.execPath, [TOOL, folder, ...flags], (_, out, err) =>
        err ? reject(new Error(err)) : resolve({ found: child.exitCode === 1, out }),
      );
    });
  }

  it.each([
    ['a code in a sentence', { msg: `the code is ${CODE}` }],
    ['a code in a field', { code: CODE }],
    ['a code as a number', { given: Number(CODE) }],
    ['a code behind a name', { msg: `code=${CODE}, otp-${CODE}` }],
    ['a code in a list', { errors: [{ value: [CODE] }] }],
    ['a code in a query', { url: `/verify?code=${CODE}&x=1` }],
    ['a code in plain text', `Error: ${CODE} is wrong`],
    ['a token', { msg: `refused ${TOKEN}` }],
    ['the end of a long token', { msg: `…${JWT.slice(-40)}` }],
    ['a token that is cut off', { msg: JWT.slice(0, -30) }],
    ['a token in base64', { authorization: `Basic ${Buffer.from(`otpost:${TOKEN}`).toString('base64')}` }],
    ['a token in base64 for URLs', { state: Buffer.from(`a${TOKEN}b`).toString('base64url') }],
    ['a token in hex', { bytes: Buffer.from(TOKEN).toString('hex') }],
    ['a password', { body: { password: PASSWORD } }],
    ['a password in a URL', { url: `/x?password=${encodeURIComponent(PASSWORD)}` }],
    ['a password in an object that is printed twice', { msg: JSON.stringify({ password: PASSWORD }) }],
  ])('finds %s, names the line and hides it', async (_, line) => {
    const { found, out } = await search([{ msg: 'ready' }, line]);
    expect(found).toBe(true);
    expect(out).toContain('process.log:2 holds a secret');
    expect(out).not.toMatch(new RegExp(`${CODE}|${TOKEN.slice(8, 30)}`));
  });

  it.each([
    ['a port', { msg: `listening on 127.0.0.1:${CODE}` }],
    ["a process's number", { pid: Number(CODE), msg: 'ready' }],
    ["a process's number in a sentence", { pid: Number(CODE), msg: `process ${CODE} holds the folder` }],
    ['a duration', { ms: Number(CODE) }],
    ['a delay', { delayMs: Number(CODE) }],
    ['a duration in a sentence', { msg: `took ${CODE} ms` }],
    ['a part of a time', { time: `2026-11-21T12:00:00.${CODE}Z`, msg: `since 2026-11-21 12:00:00.${CODE}` }],
    ['a part of an id', { msg: `email 0199a1b2-${CODE.slice(0, 4)}-7000-8000-0000${CODE}ab` }],
    ['a part of a name', { msg: `database test_${CODE}abcdef` }],
    ['a part of a longer number', { rows: Number(`${CODE}1`), msg: `1${CODE} rows` }],
    ['a fraction', { msg: `ratio 0.${CODE}` }],
  ])('does not take %s for a code', async (_, line) => {
    expect(await search([line])).toEqual({
      found: false,
      out: '1 codes and 3 other secrets compared with 1 log lines of 1 processes\n',
    });
  });

  it('says when there was nothing to compare', async () => {
    expect((await search([], '--some')).found).toBe(true);
    expect((await search([])).found).toBe(false);
  });
});
