import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian's, started by root: it changes to a user of its own. */
export const HAS_POSTFIX = existsSync('/usr/sbin/postfix') && process.getuid?.() === 0;

const MASTER = `
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
`;

/** A mail server of a host, whose queue hands everything to a smarthost. It listens nowhere. */
export class Postfix {
  private constructor(private readonly folder: string) {}

  /** @param key password of its login */
  static async start(smarthost: { port: number; key: string }): Promise<Postfix> {
    const folder = await mkdtemp(join(tmpdir(), 'otpost-postfix-'));
    await chmod(folder, 0o755);
    const [configuration, data] = [join(folder, 'conf'), join(folder, 'data')];
    for (const one of [configuration, data, join(folder, 'queue')]) await mkdir(one);
    execFileSync('chown', ['postfix', data]);
    const host = `[127.0.0.1]:${smarthost.port}`;
    const settings = {
      compatibility_level: '3.6',
      ...{ queue_directory: join(folder, 'queue'), data_directory: data },
      ...{ command_directory: '/usr/sbin', daemon_directory: '/usr/lib/postfix/sbin' },
      ...{ mail_owner: 'postfix', setgid_group: 'postdrop', inet_interfaces: 'loopback-only', inet_protocols: 'ipv4' },
      ...{ myhostname: 'app.example.com', mydestination: '', relayhost: host },
      ...{ smtp_sasl_auth_enable: 'yes', smtp_sasl_security_options: 'noanonymous', smtp_tls_security_level: 'none' },
      smtp_sasl_password_maps: `inline:{{${host} = shop:${smarthost.key}}}`,
      // It tries again each second, where it would wait for minutes.
      ...{ minimal_backoff_time: '1s', maximal_backoff_time: '1s', queue_run_delay: '1s' },
      ...{ maillog_file: join(folder, 'log'), maillog_file_prefixes: tmpdir() },
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    await writeFile(join(configuration, 'main.cf'), `${lines.join('\n')}\n`);
    await writeFile(join(configuration, 'master.cf'), MASTER);
    await run('postfix', ['-c', configuration, 'start']);
    return new Postfix(folder);
  }

  /** As a program of the host does it: `sendmail`. */
  async take(message: string, from: string, to: readonly string[]): Promise<void> {
    const child = spawn('/usr/sbin/sendmail', ['-C', join(this.folder, 'conf'), '-i', '-f', from, ...to]);
    child.stdin.end(message);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`sendmail ended with ${code}`);
  }

  /** What it tells of what it does. */
  async log(): Promise<string> {
    return readFile(join(this.folder, 'log'), 'utf8');
  }

  async stop(): Promise<void> {
    await run('postfix', ['-c', join(this.folder, 'conf'), 'stop']);
    await rm(this.folder, { recursive: true, force: true });
  }
}
