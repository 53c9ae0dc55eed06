import { visible } from '../core/visible.js';
import type { Terminal } from './command.js';

/** Milliseconds between two lines where none can be written over. */
const LINE_EVERY_MS = 5_000;

/** How far a long command is: one line that is written over, or a line now and then for a log. For people, so on `err`. */
export class Progress {
  private lastLine = performance.now();

  constructor(
    private readonly terminal: Terminal,
    private readonly live = process.stderr.isTTY,
  ) {}

  show(text: string): void {
    if (this.live) {
      process.stderr.write(`\r\x1b[2K${visible(text).slice(0, (process.stderr.columns || 80) - 1)}`);
    } else if (performance.now() - this.lastLine >= LINE_EVERY_MS) {
      this.lastLine = performance.now();
      this.terminal.err(text);
    }
  }

  /** Leaves the line to what comes. */
  end(): void {
    if (this.live) process.stderr.write('\r\x1b[2K');
  }
}
