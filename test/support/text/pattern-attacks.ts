/** Characters that stand for the classes of a pattern. */
const SAMPLES = [
  ...'aA0-_.@<>"\'=;:,/\\(){}[]#+*%!?&$^~`|',
  ' ',
  '\t',
  '\n',
  '\r',
  '\u00a0',
  'é',
  '\u2028',
  '\x01',
  '\x7f',
];
/** Atoms of a pattern that are repeated together, at most; and all of them. */
const LONGEST_WINDOW = 8;

/** Where a pattern is one to begin with, what is repeated then, and what keeps the whole from matching. */
export interface Attack {
  prefix: string;
  pump: string;
  suffix: string;
}

/**
 * What makes a backtracking engine do a pattern's worst: the pattern's own pieces, each run of them repeated, behind
 * what comes before them in the pattern, with and without an end that fits nothing.
 */
export function attacksOn(pattern: RegExp): Attack[] {
  const atoms = atomsOf(pattern.source, pattern.flags.includes('i'));
  const attacks = new Map<string, Attack>();
  for (let from = 0; from < atoms.length; from++) {
    for (let to = from + 1; to <= atoms.length; to++) {
      if (to - from > LONGEST_WINDOW && !(from === 0 && to === atoms.length)) continue;
      for (const variant of [0, 1]) {
        const text = (some: string[][]) => some.map((samples) => samples[variant % samples.length]!).join('');
        const pump = text(atoms.slice(from, to));
        for (const prefix of ['', text(atoms.slice(0, from))]) {
          for (const suffix of ['', '\0\u{1f600}'])
            attacks.set(JSON.stringify([prefix, pump, suffix]), { prefix, pump, suffix });
        }
      }
    }
  }
  return [...attacks.values()];
}

export function written({ prefix, pump, suffix }: Attack, length: number): string {
  return prefix + pump.repeat(Math.ceil(length / pump.length)) + suffix;
}

/** For each literal, escape and class of a pattern the characters that it takes; its structure does not matter here. */
function atomsOf(source: string, ignoreCase: boolean): string[][] {
  const atoms: string[][] = [];
  const tokens =
    /\\u\{[\da-f]+\}|\\u[\da-f]{4}|\\x[\da-f]{2}|\\[pP]\{[^}]+\}|\\.|\[(?:\\.|[^\]\\])*\]|\(\?(?:<?[=!]|:|<\w+>)|\{\d+(?:,\d*)?\}|[\^$*+?()|]|./gisu;
  for (const [token] of source.matchAll(tokens)) {
    if (/^(\(.*|[\^$*+?)|]|\{\d.*\}|\\[bB1-9])$/s.test(token)) continue;
    const one = new RegExp(`^${token === '/' ? '\\/' : token}$`, ignoreCase ? 'isu' : 'su');
    const samples = [...SAMPLES, ...token].filter((character) => one.test(character));
    // The first two tell apart what `[^>]` takes besides the pattern's own letters.
    if (samples.length > 0) atoms.push([samples[0]!, samples.at(-1)!]);
  }
  return atoms;
}
