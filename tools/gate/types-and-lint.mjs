/**
 * Types and lint of the whole project from one program of TypeScript: made twice, the second one costs half a minute.
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

/** Of src/ and test/. @type {ts.Program} */
let program;

await tell('types', () => {
  const unreadable = (/** @type {ts.Diagnostic} */ diagnostic) => {
    throw new Error(ts.formatDiagnostic(diagnostic, host));
  };
  const config = ts.getParsedCommandLineOfConfigFile(
    `${root}test/tsconfig.json`,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: unreadable },
  );
  if (!config) throw new Error('test/tsconfig.json cannot be read');
  // The rules go from a node to its parent.
  program = ts.createProgram({
    rootNames: config.fileNames,
    options: config.options,
    host: ts.createCompilerHost(config.options, true),
  });
  return ts.formatDiagnostics([...config.errors, ...ts.getPreEmitDiagnostics(program)], host);
});

await tell('lint', async () => {
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: {
      files: ['**/*.ts'],
      ignores: ['web/**'],
      languageOptions: { parserOptions: { programs: [program] } },
    },
  });
  const results = await eslint.lintFiles(['.']);
  const { format } = await eslint.loadFormatter('stylish');
  return await format(results);
});
process.disconnect?.();
