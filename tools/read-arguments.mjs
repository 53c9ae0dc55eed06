import { parseArgs } from 'node:util';

/**
 * What a tool was started with. `--help` prints the usage and ends with 0. What the tool does not know is said in one
 * line before the usage, and ends with 2.
 * @param {string} usage
 * @param {import('node:util').ParseArgsConfig['options']} [options]
 * @param {{ most?: number, counts?: readonly string[] }} [bounds] `most`: positionals that may stand beside the
 *   options; `counts`: options that are whole numbers from 1 on
 * @returns {{ values: Record<string, any>, positionals: string[] }}
 */
export function readArguments(usage, options = {}, { most = 0, counts = [] } = {}) {
  const numbers = Object.fromEntries(counts.map((name) => [name, { type: /** @type {const} */ ('string') }]));
  const help = { type: /** @type {const} */ ('boolean'), short: 'h' };
  try {
    const { values, positionals } = parseArgs({
      options: { ...options, ...numbers, help },
      allowPositionals: true,
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
    if (positionals.length > most) throw new Error(`There is no place for "${positionals[most]}".`);
    const given = counts.filter((name) => values[name] !== undefined);
    for (const name of given) {
      if (!/^[1-9]\d{0,8}$/.test(String(values[name]))) throw new Error(`--${name} is a whole number from 1 on.`);
    }
    return {
      values: { ...values, ...Object.fromEntries(given.map((name) => [name, Number(values[name])])) },
      positionals,
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message.split('. To specify')[0] : String(error), usage);
  }
}

/**
 * Ends a tool whose arguments are no use.
 * @param {string} why
 * @param {string} usage
 * @returns {never}
 */
export function refuse(why, usage) {
  console.error(`${why.endsWith('.') ? why : `${why}.`}\n\n${usage}`);
  process.exit(2);
}
