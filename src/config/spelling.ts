import { FAMILIAR_NAMES } from './familiar-names.js';
import { VARIABLES } from './variables.js';

/** One warning per name that is not ours but so near to one of ours that it was probably meant. Values are not looked at. */
export function misspellings(names: readonly string[]): string[] {
  const known: string[] = VARIABLES.map((variable) => variable.name);
  return names.flatMap((name) => {
    const meant = known.includes(name) || FAMILIAR_NAMES.includes(name) ? undefined : nearest(name, known);
    return meant ? [`${name} is not a setting of Otpost and is ignored. Did you mean ${meant}?`] : [];
  });
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const near = known
    .map((candidate) => ({ candidate, steps: distance(name.toUpperCase(), candidate) }))
    .filter(({ candidate, steps }) => steps <= tolerance(candidate))
    .sort((a, b) => a.steps - b.steps);
  return near[0]?.candidate;
}

/** Two slips in a short name make another word: HOME, which is always set, is two letters away from HOST and from ROLE. */
function tolerance(name: string): number {
  return name.length < 8 ? 1 : 2;
}

/** Edit distance in which swapping two neighbours is one step (optimal string alignment). */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1]!;
      const substituted = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, substituted);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
