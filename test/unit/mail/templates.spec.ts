import { readdirSync } from 'node:fs';
import { Liquid } from 'liquidjs';
import { samplesOf, TEMPLATES, variableFaults } from '../../../src/mail/content/template-policy.js';
import { TemplateError, Templates } from '../../../src/mail/content/templates.js';

const FORMS = ['html.liquid', 'subject.liquid', 'text.liquid'];
/** What every template may use besides its variables. */
const OURS = { product: 'Acme', minutes: 10 };

const foldersIn = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
const ALL = foldersIn('templates').flatMap((locale) =>
  foldersIn(`templates/${locale}`).map((name) => ({ locale, name })),
);

describe('the templates', () => {
  const templates = new Templates();

  it('are those that are declared, each of them in English at least', () => {
    expect([...new Set(ALL.map(({ name }) => name))].sort()).toEqual(Object.keys(TEMPLATES).sort());
    for (const { name, locales } of templates.known.values())
      expect([name, locales]).toEqual([name, ALL.filter((one) => one.name === name).map(({ locale }) => locale)]);
    for (const { locales } of templates.known.values()) expect(locales).toContain('en');
  });

  describe.each(ALL)('$name ($locale)', ({ locale, name }) => {
    const facts = TEMPLATES[name]!;
    const samples = samplesOf(facts);

    it('has all its forms', () => {
      expect(readdirSync(`templates/${locale}/${name}`).sort()).toEqual(FORMS);
    });

    it('uses what it declares, and declares what it uses', async () => {
      const liquid = new Liquid({ root: `templates/${locale}` });
      const forms = await Promise.all(
        FORMS.map(async (form) => liquid.globalVariables(await liquid.parseFile(`${name}/${form}`))),
      );
      const ours = ['product', 'locale', ...(facts.tellsExpiry ? ['minutes'] : [])];
      expect([...new Set(forms.flat())].sort()).toEqual([...Object.keys(facts.variables), ...ours].sort());
    });

    it('takes its samples, and shows them', async () => {
      expect(variableFaults(facts, samples)).toEqual([]);
      const { subject, text, html } = await templates.render(name, locale, { ...samples, ...OURS });
      expect(subject).not.toBe('');
      for (const sample of Object.values(samples)) for (const form of [text, html]) expect(form).toContain(sample);
    });

    it('leaves out what it does not need, and does without nothing that it needs', async () => {
      for (const [variable, { required }] of Object.entries(facts.variables)) {
        const rest = Object.entries(samples).filter(([given]) => given !== variable);
        const rendered = templates.render(name, locale, { ...Object.fromEntries(rest), ...OURS });
        if (required) await expect(rendered).rejects.toThrow(TemplateError);
        else expect(Object.values(await rendered).join('\n')).not.toMatch(/href=""|: *(<strong><\/strong>|\n|$)/);
      }
    });
  });
});
