import TestSequencer from '@jest/test-sequencer';

/** Those that take a minute begin first, lest one of them run alone at the end. */
const FOLDERS = ['/.tests/faults/', '/.tests/e2e/'];

export default class LongestFirst extends TestSequencer {
  /** @param {import('@jest/test-result').Test[]} tests */
  sort(tests) {
    const rank = ({ path }) =>
      (FOLDERS.findIndex((folder) => path.includes(folder)) + FOLDERS.length + 1) % (FOLDERS.length + 1);
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
}
