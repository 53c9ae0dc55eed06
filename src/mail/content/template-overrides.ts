import { fileURLToPath } from 'node:url';
import type { Logger } from '../../core/logger.js';
import { PACKAGE_ROOT } from '../../core/process-facts.js';
import { fileErrorCode, StartupError } from '../../core/startup-error.js';
import { type Base, type CompiledTemplate, compileTemplates, type Compiled } from './template-compiler.js';
import { faultLine, fingerprintOf, readTemplateFolder, type TemplateFault } from './template-sources.js';
import type { Templates } from './templates.js';

/** The sources of ours; of them a folder of templates takes the parts. */
const SOURCES = fileURLToPath(new URL('templates', PACKAGE_ROOT));

/** Milliseconds between two looks at a folder. Mounted files change by links that no watcher of the system tells of. */
const LOOK_EVERY_MS = 2_000;
/** Faults that are told at once. */
const MOST_TOLD = 20;

/** A folder of templates cannot be used; each fault is a line with the template, the file, the line and the remedy. */
export class TemplateFolderError extends StartupError {
  constructor(
    folder: string,
    readonly faults: readonly TemplateFault[],
  ) {
    const told = faults.slice(0, MOST_TOLD).map((fault) => `  ${faultLine(fault)}`);
    const more = faults.length > told.length ? [`  and ${faults.length - told.length} more`] : [];
    super(
      [
        `TEMPLATES_DIR=${folder} has ${faults.length === 1 ? 'a template' : 'templates'} that cannot be used:`,
        ...told,
        ...more,
      ].join('\n'),
      'Correct this, and start again; otpost templates check says whether it is right.',
    );
  }

  override get lines(): string[] {
    return `${this.message}\n${this.remedy}`.split('\n');
  }
}

/** Compiles a folder as it stands now. @throws StartupError when it cannot be read */
export async function compileFolder(folder: string, templates: Templates): Promise<Compiled> {
  const base: Base = {
    facts: (name) => templates.ownFacts(name),
    words: async (name, locale) => templates.ownWords(name, locale),
    shared: await readTemplateFolder(SOURCES, { partsOnly: true }),
  };
  try {
    return await compileTemplates(await readTemplateFolder(folder), base);
  } catch (cause) {
    const code = fileErrorCode(cause);
    if (code === undefined) throw cause;
    throw new StartupError(
      `TEMPLATES_DIR=${folder} cannot be read (${code}).`,
      'Name a folder that this process may read, and start again; docs/templates.md shows what stands in it.',
      { cause },
    );
  }
}

/**
 * TEMPLATES_DIR, over the templates of ours. What changes while the process runs is taken over within some seconds; a
 * template with a fault stays as it was last right, and a log line says why.
 */
export class TemplateOverrides {
  private timer: NodeJS.Timeout | undefined;
  private last = new Map<string, CompiledTemplate>();
  private taken = '';
  private seen = '';
  private isClosed = false;

  private constructor(
    private readonly folder: string,
    private readonly templates: Templates,
    private readonly log: Pick<Logger, 'info' | 'error'>,
    private readonly everyMs: number,
  ) {}

  /** @throws TemplateFolderError, StartupError */
  static async open(
    folder: string,
    templates: Templates,
    log: Pick<Logger, 'info' | 'error'>,
    everyMs = LOOK_EVERY_MS,
  ): Promise<TemplateOverrides> {
    const overrides = new TemplateOverrides(folder, templates, log, everyMs);
    const { templates: compiled, faults } = await compileFolder(folder, templates);
    if (faults.length > 0) throw new TemplateFolderError(folder, faults);
    overrides.taken = overrides.seen = await fingerprintOf(folder);
    overrides.take(compiled, new Set());
    overrides.lookLater();
    return overrides;
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private lookLater(): void {
    if (this.isClosed) return;
    this.timer = setTimeout(() => void this.look(), this.everyMs).unref();
  }

  private async look(): Promise<void> {
    try {
      const now = await fingerprintOf(this.folder);
      // What is still being copied changes again.
      if (now !== this.taken && now === this.seen) await this.reload(now);
      this.seen = now;
    } catch (err) {
      if (this.seen !== '')
        this.log.error(
          { err, folder: this.folder },
          'the folder of templates cannot be read, and they stay as they are',
        );
      this.seen = '';
    }
    this.lookLater();
  }

  private async reload(fingerprint: string): Promise<void> {
    const { templates, faults } = await compileFolder(this.folder, this.templates);
    this.taken = fingerprint;
    for (const fault of faults)
      this.log.error(
        { template: fault.template, file: fault.file, line: fault.line },
        `${faultLine(fault)} It stays as it was.`,
      );
    this.take(templates, new Set(faults.map(({ template }) => template)));
    this.log.info({ templates: templates.map(({ name }) => name) }, 'templates were loaded again');
  }

  private take(compiled: readonly CompiledTemplate[], broken: ReadonlySet<string>): void {
    const kept = [...this.last.values()].filter(({ name }) => broken.has(name));
    this.last = new Map([...compiled, ...kept].map((template) => [template.name, template]));
    this.templates.override([...this.last.values()]);
  }
}
