import { visible } from '../core/visible.js';
import { type Check, type Report, worstFirst } from './check.js';

/** A report for people: a line a check, what to do below it, and what is wrong once more at the end, the worst first. */
export function reportText({ host, role, at, checks }: Report): string {
  const areaWidth = Math.max(...checks.map(({ area }) => area.length));
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ area, name, status, ms, summary, remedy }) => {
    const told = `${status.padEnd(4)}  ${area.padEnd(areaWidth)}  ${name.padEnd(nameWidth)}  ${summary}${ms === undefined ? '' : ` (${Math.round(ms)} ms)`}`;
    return remedy === undefined ? [told] : [told, `${' '.repeat(6 + areaWidth + 2)}→ ${remedy}`];
  });
  // Records of DNS and words of servers are among them.
  return [`This is ${host}, ROLE=${role}, ${at}.`, '', ...lines, '', ...closing(checks)].map(visible).join('\n');
}

function closing(checks: readonly Check[]): string[] {
  const wrong = worstFirst(checks.filter(({ status }) => status === 'fail' || status === 'warn'));
  if (wrong.length === 0) return ['Nothing is wrong, as far as this host can see.'];
  const failed = wrong.filter(({ status }) => status === 'fail').length;
  return [`${counted(failed, 'failure')}, ${counted(wrong.length - failed, 'warning')}:`, ...wrong.map(({ status, area, name, summary }) => `  ${status}  ${area} ${name}: ${summary}`)];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
