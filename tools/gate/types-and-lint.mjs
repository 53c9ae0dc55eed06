/**
 * Types and lint of the whole project, each of its two programs made once: to make them for lint again costs half a minute.
 * Tells its parent process `{ name, ok, output, ms }` of each.
 */
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

const host = {
  getCanonicalFileName: (/** @type {string} */ name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
};

/** @param {string} name @param {() => Promise<string> | string} run what it returns is what is wrong */
async function tell(name, run) {
  const started = performance.now();
  const output = await run();
  const result = { name, ok: output === '', output, ms: performance.now() - started };
  if (process.send) process.send(result);
  else console.log(result);
}

/** By their tsconfig.json. @type {Map<string, ts.Program>} */
const programs = new Map();

/** @param {string} path of a tsconfig.json */
function faultsOf(path) {
  const unreadable = (/** @type {ts.Diagnostic} */ diagnostic) => {
    throw new Error(ts.formatDiagnostic(diagnostic, host));
  };
  const config = ts.getParsedCommandLineOfConfigFile(
    `${root}${path}`,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: unreadable },
  );
  if (!config) throw new Error(`${path} cannot be read`);
  const program = ts.createProgram({
    rootNames: config.fileNames,
    options: config.options,
    // The rules go from a node to its parent.
    host: ts.createCompilerHost(config.options, true),
  });
  programs.set(path, program);
  return ts.formatDiagnostics([...config.errors, ...ts.getPreEmitDiagnostics(program)], host);
}

const [ALL, WEB] = ['test/tsconfig.json', 'web/tsconfig.json'];
await tell('types', () => faultsOf(ALL));
await tell('types of web', () => faultsOf(WEB));

await tell('lint', async () => {
  const linted = (/** @type {string} */ files, /** @type {string[]} */ ignores, /** @type {string} */ path) => ({
    ...{ files: [files], ignores },
    languageOptions: { parserOptions: { programs: [programs.get(path)] } },
  });
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: [linted('**/*.ts', ['web/**'], ALL), linted('web/src/**/*.{ts,tsx}', [], WEB)],
  });
  const results = await eslint.lintFiles(['.']);
  const { format } = await eslint.loadFormatter('stylish');
  return await format(results);
});
process.disconnect?.();
