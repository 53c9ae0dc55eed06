import { visible } from '../core/visible.js';
import type { Terminal } from './command.js';

/** Rows of cells for people, the first of them the heading, in columns as wide as they must be. */
export function printTable(rows: readonly (readonly string[])[], terminal: Terminal): void {
  const shown = rows.map((row) => row.map(visible));
  const widths = shown[0]!.map((_, column) => Math.max(...shown.map((row) => row[column]!.length)));
  for (const row of shown) terminal.out(row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd());
}

/** Such as `2026-11-21 08:22Z`; `-` for never. */
export function minute(at: Date | null): string {
  return at ? `${at.toISOString().slice(0, 16).replace('T', ' ')}Z` : '-';
}
