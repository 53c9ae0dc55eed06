import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { inTime } from '../../support/signals/in-time.js';
import { type Attack, attacksOn, written } from '../../support/text/pattern-attacks.js';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));
/**
 * Characters at first; what takes longer than this many milliseconds there, three times, is looked at with some hundred
 * times as many.
 */
const SCREEN = { length: 3_000, ms: 2 };
/** A linear pattern is through with it in milliseconds, a quadratic one takes many minutes. */
const WHOLE = 1_000_000;

/** Patterns that are put together at run time: none of their parts comes from outside. */
const PUT_TOGETHER = ['doctor/broker-checks.ts', 'doctor/mail-verdict.ts'];

interface Found {
  file: string;
  pattern: RegExp;
}

function patternsIn(file: string): { literals: Found[]; putTogether: boolean } {
  const source = ts.createSourceFile(file, readFileSync(SRC + file, 'utf8'), ts.ScriptTarget.Latest, true);
  const literals: Found[] = [];
  let putTogether = false;
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const [, pattern, flags] = /^\/(.*)\/([a-z]*)$/s.exec(node.text)!;
      literals.push({ file, pattern: new RegExp(pattern!, flags!.includes('g') ? flags : `${flags}g`) });
    }
    if ((ts.isNewExpression(node) || ts.isCallExpression(node)) && node.expression.getText() === 'RegExp')
      putTogether = true;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { literals, putTogether };
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.startsWith('generated/'),
);
const read = files.map((file) => ({ file, ...patternsIn(file) }));
const literals = read.flatMap((one) => one.literals);
const rooms = [...new Set(literals.map(({ file }) => file.split('/', 1)[0]!))];

/** What makes the pattern hang. */
function hangsAt(pattern: RegExp, afterMs?: number): Attack | undefined {
  const suspects = attacksOn(pattern).filter((attack) => isSlow(pattern, written(attack, SCREEN.length)));
  return suspects.find((attack) => !ends(pattern, written(attack, WHOLE), afterMs));
}

function ends(pattern: RegExp, text: string, afterMs?: number): boolean {
  try {
    inTime(() => text.replace(pattern, ''), afterMs);
    return true;
  } catch {
    return false;
  }
}

function isSlow(pattern: RegExp, text: string): boolean {
  for (let time = 0; time < 3; time++) {
    const begun = performance.now();
    text.replace(pattern, '');
    if (performance.now() - begun <= SCREEN.ms) return false;
  }
  return true;
}

describe('the attacks on patterns', () => {
  it.each([/<a\s[^>]*href/gi, /\s+$/g, /^(?:[^"<>]*?)\s*<([^<>]+)>$/g, /[^\s@]+@x/g])(
    'find that %s is not linear',
    (pattern) => {
      expect(hangsAt(pattern, 300)).toBeDefined();
    },
  );
});

describe('the patterns of the service', () => {
  it('are all looked at', () => {
    expect(literals.length).toBeGreaterThan(200);
    expect(
      read
        .filter(({ putTogether }) => putTogether)
        .map(({ file }) => file)
        .sort(),
    ).toEqual(PUT_TOGETHER);
  });

  it.each(rooms)(
    'in %s cost as much as the text is long, whatever the text',
    (room) => {
      for (const { file, pattern } of literals.filter((one) => one.file.split('/', 1)[0] === room)) {
        expect([file, pattern.source, hangsAt(pattern)]).toEqual([file, pattern.source, undefined]);
      }
    },
    600_000,
  );
});
