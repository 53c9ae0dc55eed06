import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { PACKAGE_ROOT } from '../../core/process-facts.js';

/** What MJML has to say against a document. */
export interface MjmlFault {
  /** Of the document, from 1; undefined where MJML names none. */
  line?: number;
  message: string;
}

export type MjmlResult = { html: string; faults: MjmlFault[] };

/**
 * Milliseconds without a document that is done. One takes some 3 ms, and the first one the half second in which MJML is
 * loaded; a machine that is busy with much else took more than 30 s for all.
 */
const TIME_LIMIT_MS = 60_000;

/**
 * Runs in a thread of its own and loads MJML there, by its address: a program in a bundle has no file of its own to
 * run. Validation is soft, because a colour may be a variable. Includes read files, and are off; so are the fonts of
 * Google that MJML would load for a family of that name, and that would tell Google who reads.
 */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.mjml).then(async ({ default: mjml }) => {
    for (const source of workerData.documents) {
      try {
        const { html, errors } = await mjml(source, { validationLevel: 'soft', ignoreIncludes: true, fonts: {}, minify: false, beautify: false });
        parentPort.postMessage({ html, faults: errors.map(({ line, message, tagName }) => ({ line, message: tagName + ': ' + message })) });
      } catch (error) {
        parentPort.postMessage({ html: '', faults: [{ message: String(error.message) }] });
      }
    }
  });
`;

/**
 * MJML documents as HTML, in their order. MJML is loaded for this and gone again afterwards, for it is heavy (some 60
 * MB).
 * @throws Error when one of them takes longer than a minute
 */
export async function compileMjml(documents: readonly string[]): Promise<MjmlResult[]> {
  if (documents.length === 0) return [];
  const mjml = pathToFileURL(createRequire(new URL('package.json', PACKAGE_ROOT)).resolve('mjml')).href;
  const thread = new Worker(THREAD, { eval: true, workerData: { mjml, documents } });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<MjmlResult[]>((resolve, reject) => {
      const results: MjmlResult[] = [];
      const late = (): void => reject(new Error(`MJML took longer than ${TIME_LIMIT_MS / 1_000} s for one document`));
      const timed = (timer = setTimeout(late, TIME_LIMIT_MS));
      thread.on('message', (result: MjmlResult) => {
        timed.refresh();
        if (results.push(result) === documents.length) resolve(results);
      });
      thread.once('error', reject);
      thread.once('exit', () => reject(new Error('MJML ended without a result')));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
