/** Milliseconds between renewals: a lease of 20 s survives three that fail. */
const RENEW_EVERY_MS = 5_000;

/** Renews the leases of what this process has claimed, all in one statement. */
export class LeaseKeeper<Row> {
  private readonly held = new Set<Row>();
  private readonly timer: NodeJS.Timeout;

  /** @param onError told of a renewal that failed; the next one is in 5 s */
  constructor(
    private readonly renew: (rows: Row[]) => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {
    this.timer = setInterval(() => void this.renewAll(), RENEW_EVERY_MS).unref();
  }

  hold(rows: readonly Row[]): void {
    for (const row of rows) this.held.add(row);
  }

  letGo(row: Row): void {
    this.held.delete(row);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async renewAll(): Promise<void> {
    try {
      await this.renew([...this.held]);
    } catch (error) {
      this.onError(error);
    }
  }
}

/** Milliseconds for an orderly end; a worker that is stuck may not be able to. */
const ORDERLY_MS = 5_000;

/** Ends this process with 1, so that whatever supervises it starts it anew: in good order if it still can. */
export function exitStuck(): void {
  // An orderly stop ends with 0, which a supervisor may take for intended.
  process.once('exit', () => {
    process.exitCode = 1;
  });
  setTimeout(() => process.exit(1), ORDERLY_MS);
  process.kill(process.pid, 'SIGTERM');
}
