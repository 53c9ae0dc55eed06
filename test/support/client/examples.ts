import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import ts from 'typescript';

/** An `@example` of the client's sources. */
export interface Example {
  /** Such as `Emails.send`. */
  name: string;
  code: string;
}

/** Parts that no program calls itself. */
const INNER = ['calls.ts', 'delivery-stream.ts', 'retry-policy.ts', 'schema.ts', 'tokens.ts', 'types.ts'];
/** They do as their class's example shows. */
const SHOWN_BY_CLASS = ['Listing.then'];

/** Of each public function, method and class that has one, and the names of functions and methods that have none. */
export function examplesIn(folder: string): { examples: Example[]; without: string[] } {
  const examples: Example[] = [];
  const without: string[] = [];
  const look = (node: ts.Node, name: string, needed: boolean): void => {
    const found = ts
      .getJSDocTags(node)
      .filter(({ tagName }) => tagName.text === 'example')
      .map(({ comment }) => ({ name, code: ts.getTextOfJSDocComment(comment)! }));
    examples.push(...found);
    if (needed && found.length === 0 && !SHOWN_BY_CLASS.includes(name)) without.push(name);
  };
  for (const file of readdirSync(folder).filter((name) => !INNER.includes(name))) {
    const source = ts.createSourceFile(file, readFileSync(folder + file, 'utf8'), ts.ScriptTarget.Latest, true);
    for (const statement of source.statements) {
      if (!isExported(statement)) continue;
      if (ts.isFunctionDeclaration(statement)) look(statement, statement.name!.text, true);
      if (!ts.isClassDeclaration(statement)) continue;
      const name = statement.name!.text;
      look(statement, name, false);
      for (const member of statement.members)
        if (ts.isMethodDeclaration(member) && ts.isIdentifier(member.name) && !isPrivate(member))
          look(member, `${name}.${member.name.text}`, true);
    }
  }
  return { examples, without };
}

/** The program that the README of the client begins with, for the service of a test. */
export async function exampleOfReadme(path: string): Promise<Example> {
  const [, program] = /^```ts\n([\s\S]*?)^```/m.exec(await readFile(path, 'utf8'))!;
  const code = program!
    .replace(/^import .*\n/gm, '')
    .replace("'https://otpost.example.com'", 'baseUrl')
    .replace('process.env.OTPOST_API_KEY', 'apiKey')
    .replaceAll('console.error', 'console.log');
  return { name: 'README.md', code };
}

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
const isPrivate = (node: ts.MethodDeclaration): boolean =>
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);

/**
 * A program that runs all of them and prints, as JSON, what each printed and threw. `{baseUrl}` and `{apiKey}` in it
 * stand for the service. What it takes for granted is what the docstring of `Otpost` says: a client with a key,
 * somebody signed in, and a page.
 */
export function programOf(examples: readonly Example[]): string {
  return `import { betterAuth, InvalidWebhook, Otpost, Problem, verifyWebhook } from 'otpost';

const baseUrl = '{baseUrl}';
const apiKey = '{apiKey}';
const otpost = new Otpost({ baseUrl, apiKey });

async function ask(reference: string): Promise<string> {
  for (;;) {
    const inbox = await fetch(baseUrl + '/inbox/messages');
    const { items } = (await inbox.json()) as { items: { subject: string; code: string | null }[] };
    const code = items.find(({ subject }) => subject.includes(reference))?.code;
    if (code) return code;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

let people = 0;
async function signedIn(): Promise<Otpost> {
  const { challenge } = await otpost.accounts.register({ email: \`ada-\${++people}@example.com\` });
  const { accessToken } = await otpost.otp.verify(challenge.id, { code: await ask(challenge.reference) });
  return otpost.as(accessToken);
}

interface Result { name: string; printed: string[]; thrown: string | null }
type Run = (console: { log(...words: unknown[]): void }) => Promise<void>;
const results: Result[] = [];

async function run(name: string, example: Run): Promise<void> {
  const printed: string[] = [];
  const log = (...words: unknown[]) =>
    void printed.push(words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' '));
  try {
    await example({ log });
    results.push({ name, printed, thrown: null });
  } catch (error) {
    results.push({ name, printed, thrown: String(error) });
  }
}

${examples.map(one).join('\n')}
globalThis.console.log(JSON.stringify(results));
`;
}

function one({ name, code }: Example): string {
  const setUp = /\bada\./.test(code) && !/const ada\b/.test(code) ? 'const ada = await signedIn();\n' : '';
  return `await run(${JSON.stringify(name)}, async (console) => {\n${setUp}${code}\n});`;
}

/** Lines that it says it prints: what stands behind a `console.log` in a comment and has nothing in it that varies. */
export function shownBy({ code }: Example): string[] {
  return [...code.matchAll(/console\.log\(.*\); \/\/ ([^…,\n]+)$/gm)].map(([, shown]) => shown!.trim());
}
