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

/** Milliseconds for all documents together: some 3 ms each once MJML is loaded, which takes half a second. */
const TIME_LIMIT_MS = 30_000;

/**
 * Runs in a thread of its own and loads MJML there, by its address: a program in a bundle has no file of its own to run.
 * Validation is soft, because a colour may be a variable. Includes read files, and are off; so are the fonts of Google that
 * MJML would load for a family of that name, and that would tell Google who reads.
 */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.mjml).then(async ({ default: mjml }) => {
    const results = [];
    for (const source of workerData.documents) {
      try {
        const { html, errors } = await mjml(source, { validationLevel: 'soft', ignoreIncludes: true, fonts: {}, minify: false, beautify: false });
        results.push({ html, faults: errors.map(({ line, message, tagName }) => ({ line, message: tagName + ': ' + message })) });
      } catch (error) {
        results.push({ html: '', faults: [{ message: String(error.message) }] });
      }
    }
    parentPort.postMessage(results);
  });
`;

/**
 * MJML documents as HTML, in their order. MJML is loaded for this and gone again afterwards, for it is heavy (some 60 MB).
 * @throws Error when it takes longer than 30 s
 */
export async function compileMjml(documents: readonly string[]): Promise<MjmlResult[]> {
  if (documents.length === 0) return [];
  const mjml = pathToFileURL(createRequire(new URL('package.json', PACKAGE_ROOT)).resolve('mjml')).href;
  const thread = new Worker(THREAD, { eval: true, workerData: { mjml, documents } });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<MjmlResult[]>((resolve, reject) => {
      const late = (): void => reject(new Error(`MJML took longer than ${TIME_LIMIT_MS / 1_000} s`));
      timer = setTimeout(late, TIME_LIMIT_MS);
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', () => reject(new Error('MJML ended without a result')));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
