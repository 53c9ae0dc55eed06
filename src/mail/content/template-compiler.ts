import { load } from 'js-yaml';
import { htmlToText } from './html-to-text.js';
import { compileTime, faultOf, HTML, PLAIN, variablesIn } from './liquid.js';
import { compileMjml } from './mjml.js';
import { SAMPLES_OF_OURSELVES, samplesOf, type TemplateFacts, OF_OURSELVES } from './template-policy.js';
import { readMeta } from './template-meta.js';
import type { SourceFile, TemplateFault, TemplateFolder, TemplateSource, WordFile } from './template-sources.js';

/** The words of a template in one language, in Liquid. */
export interface CompiledWords {
  subject: string;
  text: string;
  html: string;
  /** The text was made of the HTML: where a part of it is left out, its empty lines are too. */
  madeText: boolean;
  /** As a text message; absent where the template goes by mail alone. */
  sms?: string;
}

export interface CompiledTemplate extends TemplateFacts {
  name: string;
  /** By locale. */
  words: ReadonlyMap<string, CompiledWords>;
}

/** What a folder may build on: the templates of Otpost. */
export interface Base {
  facts(name: string): TemplateFacts | undefined;
  words(name: string, locale: string): Promise<CompiledWords | undefined>;
  shared: Pick<TemplateFolder, 'parts' | 'words'>;
}

export interface Compiled {
  /** Those without a fault. */
  templates: CompiledTemplate[];
  faults: TemplateFault[];
}

/** What is compiled of one locale. */
interface Draft {
  source: TemplateSource;
  facts: TemplateFacts;
  locale: string;
  files: Partial<Record<WordFile, SourceFile>>;
  /** The MJML document, where there is one. */
  document?: string;
}

/** A whole document of MJML; anything else is what stands in the card of our layout. */
const WHOLE_DOCUMENT = /^\s*(?:<!--(?:[^-]|-(?!->))*-->\s*)*<mjml[\s>]/;
const PREVIEW = /<mj-preview>((?:[^<]|<(?!\/?mj-preview>))*)<\/mj-preview>/;

/**
 * Compiles a folder of templates: MJML into HTML, the text form where there is none, and all of it checked as if it
 * were sent. A template with a fault is left out.
 * @throws Error when MJML takes too long
 */
export async function compileTemplates(folder: TemplateFolder, base: Base): Promise<Compiled> {
  return new Compiler(folder, base).compile();
}

class Compiler {
  private readonly faults: TemplateFault[];
  private readonly parts: Record<string, string>;
  private readonly engine: ReturnType<typeof compileTime>;
  private readonly dictionaries = new Map<string, Record<string, string>>();

  constructor(
    private readonly folder: TemplateFolder,
    private readonly base: Base,
  ) {
    this.faults = [...folder.faults];
    this.parts = { ...base.shared.parts, ...folder.parts };
    this.engine = compileTime(this.parts);
  }

  async compile(): Promise<Compiled> {
    const drafts = this.folder.templates.flatMap((source) => this.draftsOf(source));
    const withMjml = drafts.filter(({ document }) => document !== undefined);
    const made = await compileMjml(withMjml.map(({ document }) => document!));
    const html = new Map<Draft, string>();
    for (const [index, draft] of withMjml.entries()) {
      const { faults, ...result } = made[index]!;
      const file = draft.files['body.mjml']!;
      for (const { line, message } of faults)
        if (!isOfAVariable(message))
          this.fault(draft.source, file, line, message, 'Correct it: documentation.mjml.io.');
      html.set(draft, withoutIndent(result.html));
    }
    const words = new Map<Draft, CompiledWords>();
    for (const draft of drafts) {
      const complete = await this.wordsOf(draft, html.get(draft));
      if (complete && this.holds(draft, complete)) words.set(draft, complete);
    }
    return { templates: this.withoutFault(drafts, words), faults: this.faults };
  }

  private withoutFault(drafts: readonly Draft[], words: ReadonlyMap<Draft, CompiledWords>): CompiledTemplate[] {
    const broken = new Set(this.faults.map(({ template }) => template));
    const facts = new Map(drafts.map((draft) => [draft.source.name, draft.facts]));
    return [...facts].flatMap(([name, own]) => {
      if (broken.has(name)) return [];
      const locales = drafts.flatMap((draft): [string, CompiledWords][] =>
        draft.source.name === name ? [[draft.locale, words.get(draft)!]] : [],
      );
      return [{ name, ...own, words: new Map(locales) }];
    });
  }

  private draftsOf(source: TemplateSource): Draft[] {
    const facts = this.factsOf(source);
    if (!facts) return [];
    if (source.words.size === 0 && !this.base.facts(source.name)) {
      const file = { file: source.name, text: '' };
      this.fault(source, file, undefined, 'has no language', 'Give it a folder with words, such as en.');
    }
    const drafts = [...source.words].map(([locale, files]): Draft => ({ source, facts, locale, files }));
    // A template of ours of which meta.yaml alone is changed has our words.
    return drafts.map((draft) => ({ ...draft, ...this.documentOf(draft) }));
  }

  private factsOf(source: TemplateSource): TemplateFacts | undefined {
    const base = this.base.facts(source.name);
    if (source.meta) {
      const { facts, faults } = readMeta(source.name, source.meta, base);
      this.faults.push(...faults);
      return facts;
    }
    if (base) return base;
    const remedy = 'Write one with its variables, or name the folder as a template of Otpost.';
    this.faults.push({ template: source.name, file: `${source.name}/meta.yaml`, message: 'is missing', remedy });
    return undefined;
  }

  /** What MJML is to compile: lines of the body stay where they are, for the layout around it has none. */
  private documentOf({ source, locale, files }: Draft): { document?: string } {
    const body = files['body.mjml'];
    if (!body) return {};
    if (/<mj-include\b/.test(body.text)) {
      const line = lineAt(body.text, body.text.search(/<mj-include\b/));
      this.fault(
        source,
        body,
        line,
        'mj-include is not taken',
        "Put it into parts/NAME.mjml, and write [% render 'NAME' %].",
      );
      return {};
    }
    try {
      const globals = { words: this.dictionaryOf(locale, source) };
      const text = this.engine.parseAndRenderSync(body.text, {}, { globals }) as string;
      if (WHOLE_DOCUMENT.test(text)) return { document: text };
      const preview = PREVIEW.exec(text)?.[1]?.trim() ?? '';
      const content = text.replace(PREVIEW, (found) => found.replaceAll(/[^\n]/g, ''));
      return { document: this.engine.renderFileSync('layout', { preview, content }, { globals }) as string };
    } catch (error) {
      const { line, message } = faultOf(error);
      const remedy = `What stands in [% %] is done when the template is compiled; parts are ${Object.keys(this.parts).sort().join(', ')}.`;
      this.fault(source, body, line, message, remedy);
      return {};
    }
  }

  /** Short texts of the parts: those of the language, and English ones where it has none. */
  private dictionaryOf(locale: string, source: TemplateSource): Record<string, string> {
    const known = this.dictionaries.get(locale);
    if (known) return known;
    const read = (file: SourceFile | undefined): Record<string, string> => {
      if (!file) return {};
      try {
        return load(file.text) as Record<string, string>;
      } catch (error) {
        const { mark, message } = error as Error & { mark?: { line: number } };
        this.fault(source, file, mark && mark.line + 1, message.split('\n', 1)[0]!, 'Correct the YAML.');
        return {};
      }
    };
    const language = locale.split('-', 1)[0]!;
    const dictionary = Object.assign(
      {},
      ...['en', language, locale].flatMap((one) => [
        read(this.base.shared.words.get(one)),
        read(this.folder.words.get(one)),
      ]),
    ) as Record<string, string>;
    this.dictionaries.set(locale, dictionary);
    return dictionary;
  }

  /** All forms; what the folder has not is that of our template in the same language. */
  private async wordsOf(draft: Draft, made: string | undefined): Promise<CompiledWords | undefined> {
    const { source, locale, files } = draft;
    const base = await this.base.words(source.name, locale);
    const second = files['body.mjml'] && files['html.liquid'];
    if (second) this.fault(source, second, undefined, 'stands beside body.mjml', 'Keep one of them.');
    const ownHtml = made ?? files['html.liquid']?.text;
    const subject = files['subject.liquid']?.text.trim() ?? base?.subject;
    const html = ownHtml ?? base?.html;
    const folder = { file: `${source.name}/${locale}`, text: '' };
    if (subject === undefined) this.fault(source, folder, undefined, 'has no subject.liquid', 'Write one.');
    if (html === undefined && !files['body.mjml'])
      this.fault(source, folder, undefined, 'has no body.mjml and no html.liquid', 'Write one.');
    if (subject === undefined || html === undefined) return undefined;
    const text = files['text.liquid']?.text;
    const sms = files['sms.liquid']?.text ?? base?.sms;
    const both = { subject, html, ...(sms === undefined ? {} : { sms }) };
    if (text !== undefined) return { ...both, text, madeText: false };
    if (ownHtml === undefined && base) return { ...both, text: base.text, madeText: base.madeText };
    return { ...both, text: textOfLiquid(html, made !== undefined), madeText: true };
  }

  /** Whether it can be sent: told of the file and line that it is written in, and of what was made of it. */
  private holds(draft: Draft, words: CompiledWords): boolean {
    const before = this.faults.length;
    for (const file of Object.values(draft.files)) this.checkLiquid(draft, file, file.text);
    // What parts add has no line in the file.
    if (this.faults.length === before)
      for (const text of [words.subject, words.text, words.html, words.sms ?? ''])
        this.checkLiquid(draft, { file: `${draft.source.name}/${draft.locale}`, text: '' }, liquidIn(text));
    if (this.faults.length === before) this.checkSamples(draft, words);
    return this.faults.length === before;
  }

  private checkLiquid({ source, facts }: Draft, file: SourceFile, text: string): void {
    const lineOf = (line: number | undefined): number | undefined => (file.text === '' ? undefined : line);
    try {
      const known = [...Object.keys(facts.variables), ...ofOurselves(facts)];
      for (const [name, line] of variablesIn(PLAIN.parse(text))) {
        if (known.includes(name)) continue;
        const remedy =
          name === 'minutes'
            ? 'Write tellsExpiry: true into meta.yaml, so that messages of it expire.'
            : `Declare it in meta.yaml, or use one of ${known.join(', ')}.`;
        this.fault(source, file, lineOf(line), `${name} is no variable of the template`, remedy);
      }
    } catch (error) {
      const { line, message } = faultOf(error);
      this.fault(source, file, lineOf(line), message, 'Correct the Liquid: liquidjs.com has its tags and filters.');
    }
  }

  private checkSamples({ source, facts, locale, files }: Draft, words: CompiledWords): void {
    const scope = { ...SAMPLES_OF_OURSELVES, ...samplesOf(facts), locale };
    const forms = [
      ['subject.liquid', PLAIN, words.subject],
      ['text.liquid', PLAIN, words.text],
      ['sms.liquid', PLAIN, words.sms ?? ''],
      [files['html.liquid'] ? 'html.liquid' : 'body.mjml', HTML, words.html],
    ] as const;
    for (const [name, engine, text] of forms) {
      try {
        engine.parseAndRenderSync(files[name]?.text.trim() === text.trim() ? files[name].text : liquidIn(text), scope);
      } catch (error) {
        const file = files[name] ?? { file: `${source.name}/${locale}`, text: '' };
        const { line, message } = faultOf(error);
        const remedy = 'It must render with the samples of meta.yaml.';
        this.fault(source, file, file.text.trim() === text.trim() ? line : undefined, message, remedy);
      }
    }
  }

  private fault(
    { name }: TemplateSource,
    { file }: SourceFile,
    line: number | undefined,
    message: string,
    remedy: string,
  ): void {
    this.faults.push({ template: name, file, line, message, remedy });
  }
}

/** `minutes` is there where messages expire. */
function ofOurselves({ tellsExpiry }: TemplateFacts): string[] {
  return OF_OURSELVES.filter((name) => tellsExpiry || name !== 'minutes');
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/**
 * A third of what MJML writes is the blanks that its lines begin with. Nothing else is taken away: minifiers damage
 * Liquid.
 */
function withoutIndent(html: string): string {
  return /<(pre|textarea)\b/i.test(html) ? html : html.replaceAll(/\n\s+/g, '\n');
}

/**
 * MJML takes a variable for a wrong colour, width or the like; whether it is one is known only once a message is
 * rendered.
 */
function isOfAVariable(message: string): boolean {
  const at = message.indexOf('has invalid value: ');
  return at >= 0 && /\{[{%]/.test(message.slice(at));
}

/** A Liquid tag or output, which is one word wherever it stands. */
const LIQUID = /\{\{(?:[^{}]|\}(?!\})|\{(?!\{))*\}\}|\{%(?:[^%{]|%(?!\})|\{(?!%))*%\}/g;
/** All of it and nothing else: whether that holds is found out in a tenth of the time. */
function liquidIn(text: string): string {
  return (text.match(LIQUID) ?? []).join('');
}

/** Of the private use area: no mail has them. */
const [OPENING, CLOSING] = ['\ue000', '\ue001'];

/** The text form of HTML with Liquid in it, as Liquid. It costs nothing when a message is rendered. */
function textOfLiquid(html: string, madeOfMjml: boolean): string {
  const pieces: string[] = [];
  const marked = html.replaceAll(LIQUID, (piece) => {
    const known = pieces.indexOf(piece);
    return `${OPENING}${known === -1 ? pieces.push(piece) - 1 : known}${CLOSING}`;
  });
  const text = htmlToText(marked, { rowsApart: madeOfMjml, ownLinks: /^(mailto:)?\ue000/ });
  return `${text.replaceAll(/\ue000(\d+)\ue001/g, (_, index: string) => pieces[Number(index)]!)}\n`;
}
