import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Logger } from '../../core/logger.js';
import { fileErrorCode, StartupError } from '../../core/startup-error.js';

/** Of PEM files. */
export interface CertificatePaths {
  cert: string;
  key: string;
}

export type Certificate = Record<'cert' | 'key', Buffer>;

/**
 * Milliseconds between two looks at the files. Watching them would miss a secret that Kubernetes swaps behind a link.
 */
const LOOK_EVERY_MS = 1_000;

/** A certificate that whoever renews it replaces on the disk. */
export class CertificateFiles {
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    private readonly paths: CertificatePaths,
    readonly first: Certificate,
    private seen: string,
  ) {}

  /** @throws StartupError */
  static async open(paths: CertificatePaths): Promise<CertificateFiles> {
    try {
      const seen = await look(paths);
      return new CertificateFiles(paths, await read(paths), seen);
    } catch (error) {
      const why = fileErrorCode(error) ?? (error as Error).message;
      throw new StartupError(
        `SMTP_TLS_CERT and SMTP_TLS_KEY cannot be used (${why}).`,
        'Name files that this user can read, in PEM, with a key that fits the certificate.',
        { cause: error },
      );
    }
  }

  /** @param use given each good one that comes later; a broken one is told, and the last good one stays */
  watch(use: (certificate: Certificate) => void, log: Logger): void {
    this.timer = setInterval(() => {
      this.again(use, log).catch((error: unknown) => {
        log.error({ err: error }, 'the new certificate of SMTP_LISTEN cannot be used; the last good one stays');
      });
    }, LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async again(use: (certificate: Certificate) => void, log: Logger): Promise<void> {
    // Of files that are away for a moment while they are replaced, too: told once.
    const seen = await look(this.paths).catch((error: unknown) => `away: ${fileErrorCode(error)}`);
    if (seen === this.seen) return;
    this.seen = seen;
    use(await read(this.paths));
    log.info('the certificate of SMTP_LISTEN was replaced');
  }
}

async function read({ cert, key }: CertificatePaths): Promise<Certificate> {
  const certificate = { cert: await readFile(cert), key: await readFile(key) };
  createSecureContext(certificate); // throws where they are none, or of two pairs
  return certificate;
}

async function look({ cert, key }: CertificatePaths): Promise<string> {
  const facts = await Promise.all([cert, key].map((path) => stat(path)));
  return facts.map(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`).join(', ');
}
