import { Liquid, type Template as Parsed } from 'liquidjs';
import { escapeHtml } from '../../core/html.js';
import { STRICT } from '../../core/strict-liquid.js';

function engine(options: object, paragraphs: (text: string) => string): Liquid {
  const liquid = new Liquid({ ...STRICT, ...options });
  liquid.registerFilter('paragraphs', { raw: true, handler: (text: unknown) => paragraphs(String(text)) });
  return liquid;
}

/** Paragraphs stand between empty lines; addresses of the web become links. */
function htmlParagraphs(text: string): string {
  const linked = (words: string): string =>
    words
      .split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]])/)
      .map((piece, index) =>
        index % 2 === 0 ? escapeHtml(piece) : `<a class="link" href="${escapeHtml(piece)}">${escapeHtml(piece)}</a>`,
      )
      .join('');
  return text
    .trim()
    .split(/\r?\n(?:[ \t]*\r?\n)+/)
    .map(
      (words, index) =>
        `<p style="margin:${index === 0 ? '0' : '16px 0 0'}">${linked(words).replaceAll(/\r?\n/g, '<br>')}</p>`,
    )
    .join('');
}

/** What subjects and text forms are rendered with, and HTML, whose output is escaped. */
export const PLAIN = engine({}, (text) => text.trim());
export const HTML = engine({ outputEscape: 'escape' }, htmlParagraphs);

/** Liquid between these is done when a template is compiled: `[% render 'button', label: 'Sign in' %]`. */
export function compileTime(parts: Record<string, string>): Liquid {
  return new Liquid({
    ...STRICT,
    templates: parts,
    relativeReference: false,
    tagDelimiterLeft: '[%',
    tagDelimiterRight: '%]',
    outputDelimiterLeft: '[[',
    outputDelimiterRight: ']]',
  });
}

export interface LiquidFault {
  line?: number;
  message: string;
}

/** Of an error that Liquid throws. */
export function faultOf(error: unknown): LiquidFault {
  const { message, token } = error as Error & { token?: { getPosition?: () => [number, number] } };
  const line = token?.getPosition?.()[0];
  return { ...(line === undefined ? {} : { line }), message: message.replace(/, (file:\S+, )?line:\d+, col:\d+$/, '') };
}

/** The variables that a text uses and that come from outside, each with the line where it first stands. */
export function variablesIn(parsed: Parsed[]): Map<string, number> {
  const { globals } = PLAIN.analyzeSync(parsed, { partials: false });
  return new Map(Object.entries(globals).map(([name, places]) => [name, places[0]!.location.row]));
}
