import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  key: string;
  cert: string;
  /** Path of `cert`, such as for NODE_EXTRA_CA_CERTS. */
  file: string;
  remove(): Promise<void>;
}

/** One that is signed by itself, for 127.0.0.1, `localhost` and the names given. */
export async function makeCertificate({
  days = 30,
  names = ['IP:127.0.0.1', 'DNS:localhost'],
}: { days?: number; names?: string[] } = {}): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'otpost-certificate-'));
  const [key, file] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names.join(',')}`];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    String(days),
    '-keyout',
    key,
    '-out',
    file,
    ...subject,
  ]);
  return {
    key: await readFile(key, 'utf8'),
    cert: await readFile(file, 'utf8'),
    file,
    remove: () => rm(folder, { recursive: true }),
  };
}
