import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A command of a page, as a reader would copy it. */
export interface DocumentedCommand {
  /** From the root, such as `docs/codes.md`. */
  page: string;
  text: string;
  /** What the page says is printed; undefined where it says nothing. */
  shown: string | undefined;
}

/** The README first, as its readers do, then the pages in the order of their names. */
export const PAGES: readonly string[] = [
  'README.md',
  ...readdirSync(`${ROOT}docs`)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

export function commandsOf(page: string): DocumentedCommand[] {
  const blocks = readFileSync(ROOT + page, 'utf8').matchAll(/^```(sh|bash|shell|console)\n([\s\S]*?)^```/gm);
  return [...blocks].flatMap(([, language, block]) =>
    (language === 'console' ? typedIn(block!) : commandsIn(block!)).map((command) => ({ page, ...command })),
  );
}

/** Blocks that look like commands and are not marked as such would be read by people and by no test. */
export function unmarkedCommandsOf(page: string): string[] {
  const text = readFileSync(ROOT + page, 'utf8');
  return [
    ...text.matchAll(/^(?:```\n\$? ?| {4}\$? ?)((?:curl|otpost|npm|npx|node|docker|pg_dump|pg_restore|psql|tar) .*)/gm),
  ]
    .map(([, line]) => line!)
    .filter((line) => !/^otpost {2}unix/.test(line));
}

/** After `$ ` stands what is typed, the rest is printed. */
function typedIn(block: string): { text: string; shown: string | undefined }[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((entry) => {
      const [text, ...shown] = entry.trimEnd().split('\n');
      return { text: text!, shown: shown.length > 0 ? shown.join('\n') : undefined };
    });
}

/** One command a line, but for lines that go on (a backslash, a here-document). A comment of JSON is what it prints. */
function commandsIn(block: string): { text: string; shown: string | undefined }[] {
  const commands: { text: string; shown: string | undefined }[] = [];
  const lines = block.trimEnd().split('\n');
  for (let next = 0; next < lines.length; next++) {
    let text = lines[next]!;
    if (text.trim() === '') continue;
    if (text.startsWith('#')) {
      const last = commands.at(-1);
      if (last && /^# [[{]/.test(text)) last.shown = text.slice(2);
      continue;
    }
    while (text.endsWith('\\')) text += `\n${lines[++next]!}`;
    const end = /<<(\w+)/.exec(text)?.[1];
    while (end !== undefined && !text.endsWith(`\n${end}`)) text += `\n${lines[++next]!}`;
    commands.push({ text, shown: undefined });
  }
  return commands;
}

/** Members whose value is another one each time. */
const VARIABLE =
  /"(id|reference|updatedAt|createdAt|expiresAt|resendAfter|accessToken|refreshToken|secret|emailId)":"[^"]*"/g;

/** Whether that may be printed where this is shown: `…` stands for anything, and so does each value that varies. */
export function fits(shown: string, printed: string): boolean {
  const pattern = shown
    .replaceAll(VARIABLE, '"$1":"…"')
    .split('…')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^]*?');
  return new RegExp(`^${pattern}$`).test(printed.trim());
}
