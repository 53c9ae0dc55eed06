import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { BUILT_IN_LOCALES } from '../../../src/core/locales.js';
import { variablesIn, PLAIN } from '../../../src/mail/content/liquid.js';
import { OWN_TEMPLATES } from '../../../src/mail/content/template-names.js';
import { OF_OURSELVES, samplesOf, variableFaults } from '../../../src/mail/content/template-policy.js';
import { type MailContent, TemplateError, Templates } from '../../../src/mail/content/templates.js';

/** What every template may use besides its variables. */
const OURS = { product: 'Acme', minutes: 10 };
/** RFC 5322 §2.1.1 has lines of 78 characters, and lists of mail show less. */
const LONGEST_SUBJECT = 78;
const LONGEST_HTML = 60_000;
/** Words that are the same in several of our languages, and what a message itself says. */
const SAME_WORDS = /^(Acme|Message|Code|Email|Device|IP address|E-?mail|\W*)$/;

const foldersIn = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
const NAMES = foldersIn('templates').filter((name) => name !== 'parts');
const ALL = NAMES.flatMap((name) => BUILT_IN_LOCALES.map((locale) => ({ locale, name })));

/** The lines of a text form without what a message gave it. */
function linesOf({ text }: MailContent, given: readonly string[]): string[] {
  const bare = given.reduce((left, value) => left.replaceAll(value, ''), text.replaceAll(/ \[\S*\]/g, ''));
  return bare
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /\p{L}{2}/u.test(line));
}

describe('the templates', () => {
  const templates = new Templates();

  it('are those that code of ours names, and more', () => {
    expect([...templates.known.keys()].sort()).toEqual(NAMES);
    for (const name of OWN_TEMPLATES) expect(NAMES).toContain(name);
  });

  it('are in every language, each', () => {
    for (const { name, locales } of templates.known.values())
      expect([name, locales]).toEqual([name, [...BUILT_IN_LOCALES].sort()]);
    for (const locale of BUILT_IN_LOCALES) expect(existsSync(`templates/parts/words/${locale}.yaml`)).toBe(true);
  });

  it('share short texts that each language has all of', () => {
    const wordsOf = (locale: string) => load(readFileSync(`templates/parts/words/${locale}.yaml`, 'utf8')) as object;
    for (const locale of BUILT_IN_LOCALES) expect(Object.keys(wordsOf(locale))).toEqual(Object.keys(wordsOf('en')));
  });

  describe.each(ALL)('$name ($locale)', ({ locale, name }) => {
    const facts = templates.known.get(name)!;
    const samples = samplesOf(facts);
    const rendered = templates.render(name, locale, { ...samples, ...OURS });

    it('uses what it declares, and declares what it uses, in each form', () => {
      const { subject, text, html } = templates.sourcesOf(facts, locale);
      const used = new Set([subject, text, html].flatMap((form) => [...variablesIn(PLAIN.parse(form)).keys()]));
      const expected = [...Object.keys(facts.variables), ...(facts.tellsExpiry ? ['minutes'] : [])];
      expect([...used].filter((one) => !OF_OURSELVES.includes(one) || one === 'minutes').sort()).toEqual(
        expected.sort(),
      );
    });

    it('takes its samples, and shows them', () => {
      expect(variableFaults(facts, samples)).toEqual([]);
      const all = rendered.subject + rendered.text + rendered.html;
      for (const [variable, sample] of Object.entries(samples)) {
        const pieces = facts.variables[variable]!.type === 'text' ? sample.split('\n\n') : [sample];
        for (const piece of pieces) expect(all).toContain(piece);
        // What lists of mail show behind the subject is in no text form.
        if (!['preheader', 'subject', 'topic', 'inviter'].includes(variable))
          for (const piece of pieces) expect(rendered.text).toContain(piece);
      }
    });

    it('leaves out what it does not need, and does without nothing that it needs', () => {
      for (const [variable, { required }] of Object.entries(facts.variables)) {
        const rest = Object.entries(samples).filter(([given]) => given !== variable);
        const render = () => templates.render(name, locale, { ...Object.fromEntries(rest), ...OURS });
        if (required) {
          expect(render).toThrow(TemplateError);
          continue;
        }
        const { html, text, subject } = render();
        expect(html).not.toContain('href=""');
        expect(subject + text).not.toMatch(/\[\]|\n{3}|undefined/);
        // A label without its value.
        const labels = text.split('\n').filter((line) => line.endsWith(':'));
        for (const label of labels) if (label !== 'Hola:') expect(rendered.text.split('\n')).toContain(label);
      }
    });

    it('has a subject that fits', () => {
      expect(rendered.subject).toMatch(/^\S.*\S$/);
      expect([...rendered.subject].length).toBeLessThanOrEqual(LONGEST_SUBJECT);
    });

    it('says its language and direction, and is small', () => {
      expect(rendered.html).toMatch(new RegExp(`<html lang="${locale}" dir="ltr"`));
      expect(rendered.html).toContain('<meta name="color-scheme" content="light dark">');
      expect(Buffer.byteLength(rendered.html)).toBeLessThan(LONGEST_HTML);
    });

    it('loads nothing from anywhere', () => {
      const bare = rendered.html.replaceAll(/ xmlns(:\w)?="[^"]*"/g, '');
      expect(bare).not.toMatch(/<(link|script|iframe|img)\b|@import|url\(/);
    });

    it('has the code on a line of its own', () => {
      if (!('code' in samples)) return;
      expect(rendered.text.split('\n').filter((line) => line === samples['code'])).toHaveLength(1);
    });

    it('leaves no tag, entity or empty place in its text', () => {
      expect(rendered.text).not.toMatch(/<\/?[a-z]|&\w+;|\{\{|\{%|undefined|\[\]|\n{3}|[ \t]$/m);
    });

    if (locale !== 'en')
      it('is translated, all of it', () => {
        const given = ['Acme', ...Object.values(samples)];
        const english = new Set(linesOf(templates.render(name, 'en', { ...samples, ...OURS }), given));
        const same = linesOf(rendered, given).filter(
          (line) => english.has(line) && !SAME_WORDS.test(line.replace(/:.*$/, '')),
        );
        expect(same).toEqual([]);
        if (name !== 'broadcast')
          expect(rendered.subject).not.toBe(templates.render(name, 'en', { ...samples, ...OURS }).subject);
      });
  });
});

describe('a brand', () => {
  const samples = { name: '', link: 'https://example.com/start', product: 'Acme' };
  const withBrand = (brand: Partial<ConstructorParameters<typeof Templates>[0]>) =>
    new Templates({ ...PLAIN_BRAND, ...brand }).render('welcome', 'de', { ...samples, unsubscribeUrl: '' });
  const PLAIN_BRAND = {
    logoUrl: '',
    color: '#146c5c',
    onColor: '#ffffff',
    linkColor: '#146c5c',
    support: '',
    supportScheme: 'mailto:',
    address: '',
  };

  it('shows its logo, with the name where pictures are off', () => {
    const { html, text } = withBrand({ logoUrl: 'https://example.com/logo.png' });
    expect(html).toContain('<img src="https://example.com/logo.png" alt="Acme"');
    expect(text).toMatch(/^Acme\n/);
    expect(withBrand({}).html).not.toContain('<img');
  });

  it('says where help is, once', () => {
    expect(withBrand({ support: 'help@example.com' }).text).toMatch(/^Fragen\? Wir helfen gern: help@example.com$/m);
    expect(withBrand({ support: 'help@example.com' }).html).toContain('href="mailto:help@example.com"');
  });

  it('gives buttons its colour', () => {
    const { html } = withBrand({ color: '#ffd500', onColor: '#000000' });
    expect(html).toMatch(/background:#ffd500;color:#000000;/);
  });

  it('tells its postal address where mail can be left', () => {
    const templates = new Templates({ ...PLAIN_BRAND, address: '1 Main Street' });
    const sent = (unsubscribeUrl: string) => templates.render('welcome', 'en', { ...samples, unsubscribeUrl });
    expect(sent('https://example.com/leave').text).toMatch(
      /^Unsubscribe: https:\/\/example.com\/leave\n\n1 Main Street\n$/m,
    );
    expect(sent('').text).not.toMatch(/Unsubscribe|Main Street/);
  });
});
