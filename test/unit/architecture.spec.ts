import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SRC = `${ROOT}src/`;
const CLIENT = `${ROOT}clients/typescript/src/`;
const PAGE = readFileSync(`${ROOT}docs/architecture.md`, 'utf8');
const MIGRATIONS = readdirSync(`${ROOT}prisma/migrations`, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.sql'))
  .map((file) => readFileSync(`${ROOT}prisma/migrations/${file}`, 'utf8'))
  .join('\n');
const SCHEMA = readFileSync(`${ROOT}prisma/schema.prisma`, 'utf8');

function foldersOf(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'generated')
    .map(({ name }) => name);
}

describe('docs/architecture.md', () => {
  it('names the table behind each model', () => {
    const tables = [...SCHEMA.matchAll(/^model [\s\S]*?@@map\("(\w+)"\)/gm)].map(([, table]) => table!);
    expect(tables.length).toBeGreaterThan(20);
    expect(tables.filter((table) => !PAGE.includes(`\`${table}\``))).toEqual([]);
  });

  it('lists the triggers of Postgres, and no other', () => {
    const made = [...MIGRATIONS.matchAll(/CREATE (?:OR REPLACE )?TRIGGER "(\w+)"/g)].map(([, name]) => name!);
    const section = PAGE.slice(PAGE.indexOf('## What Postgres does'), PAGE.indexOf('## Where do I'));
    const listed = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name!);
    expect(listed.sort()).toEqual(made.sort());
  });

  it('has every room of src/, and every sub-room of mail/', () => {
    const rooms = [...foldersOf('src'), ...foldersOf('src/mail').map((room) => `mail/${room}`)];
    const rows = PAGE.slice(PAGE.indexOf('## Rooms'), PAGE.indexOf('## What Postgres does'));
    const shownBySubRooms = ['mail', 'mail/api', 'mail/unsubscribe'];
    expect(rooms.filter((room) => !shownBySubRooms.includes(room) && !rows.includes(`\`${room}\``))).toEqual([]);
  });

  it('points to files and folders that there are', () => {
    const paths = [...PAGE.matchAll(/`(src\/[\w./-]+)`/g)].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(8);
    expect(paths.filter((path) => !exists(path))).toEqual([]);
  });
});

function exists(path: string): boolean {
  const folder = path.replace(/[^/]+\/?$/, '');
  return readdirSync(`${ROOT}${folder}`).includes(path.slice(folder.length).replace(/\/$/, ''));
}

/** Modules and packages that a file loads; what it imports as a type alone is gone when it runs. */
function importsOf(file: string): string[] {
  const { statements } = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  return statements.filter(ts.isImportDeclaration).flatMap(({ importClause, moduleSpecifier }) => {
    const { text } = moduleSpecifier as ts.StringLiteral;
    const named = importClause?.namedBindings;
    const types =
      importClause?.isTypeOnly ||
      (named && ts.isNamedImports(named) && !importClause.name && named.elements.every(({ isTypeOnly }) => isTypeOnly));
    if (types) return [];
    return text.startsWith('.') ? [join(dirname(file), text.replace(/\.js$/, '.ts'))] : [text];
  });
}

describe('the comments of src/', () => {
  it('end before column 120, which the formatter does not see to', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.startsWith('generated/'),
    );
    const long = files.flatMap((file) =>
      readFileSync(SRC + file, 'utf8')
        .split('\n')
        .filter((line) => line.length > 120 && /^\s*(?:\/\*|\*|\/\/)/.test(line) && !/https?:\/\/\S{80}/.test(line))
        .map((line) => `${file}: ${line.trim().slice(0, 60)}`),
    );
    expect(long).toEqual([]);
  });

  it('show examples of the client as programs, line by line, and not as running text', () => {
    const run = readdirSync(CLIENT, { encoding: 'utf8' })
      .filter((file) => file !== 'schema.ts') // written by a program
      .flatMap((file) => readFileSync(CLIENT + file, 'utf8').match(/@example +\S.*/g) ?? []);
    expect(run).toEqual([]);
  });
});

describe('the modules of src/', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('generated/'))
    .map((file) => SRC + file);
  const imports = new Map(files.map((file) => [file, importsOf(file)]));

  it('import each other in no circle, in which one of them would find a class that is not there yet', () => {
    const over = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, way: readonly string[]): void => {
      const begun = way.indexOf(file);
      if (begun >= 0) circles.push([...way.slice(begun), file].map((one) => one.slice(SRC.length)).join(' → '));
      if (begun >= 0 || over.has(file)) return;
      for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
      over.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('keep what is asked of messages in one room, mail/outbox', () => {
    const asks = /\b(?:FROM|JOIN|INTO|UPDATE)\s+outbound_emails\b|\boutboundEmail\b/;
    const asking = files.filter((file) => asks.test(readFileSync(file, 'utf8')));
    expect(asking.filter((file) => !file.includes('/mail/outbox/'))).toEqual([]);
    expect(asking.length).toBeGreaterThan(5);
  });

  it('ask past the engine of Prisma where there is no transaction: it is 20 MB of each process that asks it anything', () => {
    const asks = (file: string): number => {
      const together = /\$transaction\(\[[\s\S]*?\]\)/g;
      return (
        readFileSync(file, 'utf8')
          .replace(together, '')
          .match(/prisma\s*\.\$(queryRaw|executeRaw)/g)?.length ?? 0
      );
    };
    expect(files.filter((file) => asks(file) > 0).map((file) => file.slice(SRC.length))).toEqual([]);
  });

  it('load no package but commander for the help of a command', () => {
    const packages = new Set<string>();
    const loaded = new Set<string>([`${SRC}cli.ts`]);
    for (const file of loaded)
      for (const name of imports.get(file) ?? []) {
        if (imports.has(name)) loaded.add(name);
        else if (!name.startsWith('node:') && !name.startsWith(SRC)) packages.add(name);
      }
    expect([...packages]).toEqual(['commander']);
  });
});

/** Lines that make a date of the clock. */
function datesOfTheClock(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(ROOT + file, 'utf8'), ts.ScriptTarget.Latest);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date' && !node.arguments?.length)
      found.push(`${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('pure policy', () => {
  it('takes the time that it is: lint keeps Date.now() out of it, and there is no new Date()', async () => {
    const { pureFiles } = (await import(pathToFileURL(`${ROOT}oxlint.config.mjs`).href)) as { pureFiles: string[] };
    expect(pureFiles).toContain('src/otp/otp-policy.ts');
    expect(pureFiles.flatMap(datesOfTheClock)).toEqual([]);
  });
});
