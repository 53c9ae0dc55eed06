import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TemplateFolderError, TemplateOverrides } from '../../../src/mail/content/template-overrides.js';
import { samplesOf } from '../../../src/mail/content/template-policy.js';
import { Templates } from '../../../src/mail/content/templates.js';
import { eventually } from '../../support/signals/wait.js';

const OURS = { product: 'Acme', minutes: 10 };
const META = `description: An order is on its way.
lane: default
variables:
  order:
    type: line
    required: true
    sample: A-1
    description: Its number
`;
const BODY = `<mj-preview>On its way</mj-preview>
<mj-text mj-class="title">Order {{ order }}</mj-text>
<mj-text>It is on its way.</mj-text>
`;
const SHIPPED = {
  'order-shipped/meta.yaml': META,
  'order-shipped/en/subject.liquid': 'Order {{ order }} left',
  'order-shipped/en/body.mjml': BODY,
};

describe('TEMPLATES_DIR', () => {
  const made: string[] = [];
  const opened: TemplateOverrides[] = [];
  const logged: string[] = [];
  const log = {
    info: (_: object, message: string) => void logged.push(message),
    error: (_: object, message: string) => void logged.push(message),
  } as unknown as Parameters<typeof TemplateOverrides.open>[2];

  afterEach(() => {
    for (const overrides of opened.splice(0)) overrides.close();
    for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
    logged.length = 0;
  });

  function write(folder: string, files: Record<string, string>): void {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
  }

  function folderWith(files: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), 'otpost-templates-'));
    made.push(folder);
    write(folder, files);
    return folder;
  }

  async function openWith(files: Record<string, string>): Promise<{ folder: string; templates: Templates }> {
    const folder = folderWith(files);
    const templates = new Templates();
    opened.push(await TemplateOverrides.open(folder, templates, log, 10));
    return { folder, templates };
  }

  async function faultsOf(files: Record<string, string>): Promise<string[]> {
    const error: unknown = await openWith(files).catch((thrown: unknown) => thrown);
    if (!(error instanceof TemplateFolderError)) throw error;
    expect(error.lines[0]).toMatch(/^TEMPLATES_DIR=.* that cannot be used:$/);
    expect(error.lines.at(-1)).toContain('otpost templates check');
    return error.lines.slice(1, -1).map((line) => line.trim());
  }

  it('adds a template, in the layout of ours', async () => {
    const { templates } = await openWith(SHIPPED);
    expect(templates.known.get('order-shipped')).toMatchObject({ lane: 'default', secret: false, locales: ['en'] });
    const { subject, text, html, locale } = templates.render('order-shipped', 'de-AT', { ...OURS, order: '<7>' });
    expect([subject, locale]).toEqual(['Order <7> left', 'en']);
    expect(text).toBe('Acme\n\nOrder <7>\n\nIt is on its way.\n');
    expect(html).toContain('Order &lt;7&gt;');
  });

  it('stands over a template of ours in one language, and leaves the others as they are', async () => {
    const { templates } = await openWith({
      'login-code/de/subject.liquid': 'Code {{ reference }}',
      'login-code/it/subject.liquid': 'Il tuo codice {{ reference }}',
      'login-code/it/html.liquid':
        '<p>Ecco il tuo codice:</p><p><b>{{ code }}</b></p><p><a href="{{ link }}">Accedi</a></p>',
    });
    const facts = templates.known.get('login-code')!;
    expect(facts.locales).toEqual(['de', 'en', 'es', 'fil', 'fr', 'it', 'pt']);
    const render = (locale: string) => templates.render('login-code', locale, { ...OURS, ...samplesOf(facts) });
    expect(render('de')).toMatchObject({
      subject: 'Code K7QX',
      text: expect.stringContaining('Ihr Anmeldecode') as string,
    });
    expect(render('it')).toMatchObject({
      subject: 'Il tuo codice K7QX',
      text: 'Ecco il tuo codice:\n\n123456\n\nAccedi: https://example.com/sample\n',
    });
    expect(render('fr').subject).toBe('Votre code Acme, référence K7QX');
  });

  it('takes a whole document of MJML, parts of one’s own, and right-to-left languages', async () => {
    const { templates } = await openWith({
      ...SHIPPED,
      'parts/hello.mjml': '<mj-text>\n  [[ words.greeting ]]\n</mj-text>',
      'parts/words/en.yaml': 'greeting: Hello from [here]',
      'parts/words/ar.yaml': 'greeting: مرحبا',
      'order-shipped/en/body.mjml':
        "<mjml><mj-body><mj-section><mj-column>[% render 'hello' %]<mj-text>{{ order }}</mj-text></mj-column></mj-section></mj-body></mjml>",
      'order-shipped/ar/subject.liquid': 'الطلب {{ order }}',
      'order-shipped/ar/body.mjml': "[% render 'hello' %]\n<mj-text>{{ order }}</mj-text>",
    });
    expect(templates.render('order-shipped', 'en', { ...OURS, order: '7' }).text).toBe('Hello from [here]\n\n7\n');
    const arabic = templates.render('order-shipped', 'ar-EG', { ...OURS, order: '7' });
    expect(arabic.html).toMatch(/<html lang="ar" dir="rtl"[^]*align="right"/);
    expect(arabic.text).toContain('مرحبا');
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'an element that MJML does not know',
      { 'order-shipped/en/body.mjml': `${BODY}<mj-buton>x</mj-buton>` },
      /^order-shipped: order-shipped\/en\/body\.mjml, line 4: mj-buton: .*documentation\.mjml\.io\.$/,
    ],
    [
      'an attribute that MJML does not know',
      { 'order-shipped/en/body.mjml': `${BODY}\n<mj-text colour="red">x</mj-text>` },
      /body\.mjml, line 5: mj-text: Attribute colour is illegal/,
    ],
    [
      'a variable that is not declared',
      { 'order-shipped/en/body.mjml': `${BODY}<mj-text>{{ oder }}</mj-text>` },
      /^order-shipped: order-shipped\/en\/body\.mjml, line 4: oder is no variable of the template\. Declare it in meta\.yaml, or use one of order, product,/,
    ],
    [
      'minutes where nothing expires',
      { 'order-shipped/en/subject.liquid': '{{ minutes }}' },
      /subject\.liquid, line 1: minutes is no variable .*tellsExpiry: true/,
    ],
    [
      'a tag that is not closed',
      { 'order-shipped/en/body.mjml': `${BODY}<mj-text>{% if order %}</mj-text>` },
      /body\.mjml, line 4: tag .*if.* not closed/,
    ],
    [
      'a filter that there is not',
      { 'order-shipped/en/subject.liquid': '{{ order | shout }}' },
      /subject\.liquid, line 1: undefined filter: shout/,
    ],
    [
      'a property that a sample has not',
      { 'order-shipped/en/subject.liquid': '{{ brand.colour }}' },
      /subject\.liquid, line 1: undefined variable: brand\.colour/,
    ],
    [
      'a part that there is not',
      { 'order-shipped/en/body.mjml': `${BODY}[% render 'buton' %]` },
      /body\.mjml, line 4: .*buton.* parts are .*button, /,
    ],
    [
      'an include of MJML',
      { 'order-shipped/en/body.mjml': `${BODY}<mj-include path="/etc/passwd" />` },
      /body\.mjml, line 4: mj-include is not taken/,
    ],
    [
      'a file of another name',
      { 'order-shipped/en/body.mjm': BODY },
      /body\.mjm: is no file of a template\. Remove it, or give it one of the names subject\.liquid/,
    ],
    ['two bodies', { 'order-shipped/en/html.liquid': '<p>x</p>' }, /html\.liquid: stands beside body\.mjml/],
    [
      'a language without a subject',
      { 'order-shipped/de/body.mjml': BODY },
      /order-shipped\/de: has no subject\.liquid/,
    ],
    ['a language without a body', { 'order-shipped/de/subject.liquid': 'x' }, /order-shipped\/de: has no body\.mjml/],
    [
      'a template that nobody describes',
      { 'reminder/en/subject.liquid': 'x' },
      /^reminder: reminder\/meta\.yaml: is missing/,
    ],
    ['YAML that is none', { 'order-shipped/meta.yaml': 'a: b: c' }, /meta\.yaml, line 1: .*Correct the YAML/],
    [
      'a field that nobody reads',
      { 'order-shipped/meta.yaml': `${META}colour: red\n` },
      /meta\.yaml, line 9: colour is nothing that is read here/,
    ],
    [
      'a type that there is not',
      { 'order-shipped/meta.yaml': META.replace('line', 'number') },
      /meta\.yaml, line 4: order has no type that there is\. Write one of line, link, text\./,
    ],
    [
      'a sample that does not fit',
      { 'order-shipped/meta.yaml': META.replace('type: line', 'type: link') },
      /meta\.yaml, line 4: the sample of order must be an address/,
    ],
    [
      'a name of ours',
      { 'order-shipped/meta.yaml': META.replace('order:', 'product:') },
      /meta\.yaml, line 4: product is no name for a variable/,
    ],
    [
      'another lane',
      { 'order-shipped/meta.yaml': META.replace('lane: default', 'lane: slow') },
      /meta\.yaml, line 2: lane is none that there is/,
    ],
    [
      'a variable of ours that becomes another',
      { 'login-code/meta.yaml': 'variables:\n  code:\n    secret: false\n' },
      /^login-code: login-code\/meta\.yaml, line 2: code is another variable than that of Otpost/,
    ],
    [
      'a variable that nobody gives ours',
      { 'login-code/meta.yaml': META },
      /login-code\/meta\.yaml, line 4: order is required, and nobody gives it/,
    ],
  ])('is refused with %s: by template, file, line and remedy', async (_, files, told) => {
    const lines = await faultsOf({ ...SHIPPED, ...files });
    expect(lines.filter((line) => told.test(line))).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });

  it('is refused where there is no folder', async () => {
    await expect(TemplateOverrides.open('/nowhere/at/all', new Templates(), log)).rejects.toThrow(
      'TEMPLATES_DIR=/nowhere/at/all cannot be read (ENOENT).',
    );
  });

  it('takes over what changes while it runs, and keeps what was last right where it is broken', async () => {
    const { folder, templates } = await openWith(SHIPPED);
    const subject = () => templates.render('order-shipped', 'en', { ...OURS, order: '7' }).subject;
    const { known } = templates;
    expect(subject()).toBe('Order 7 left');

    write(folder, { 'order-shipped/en/subject.liquid': 'Order {{ order }} is near' });
    await eventually(() => subject() === 'Order 7 is near', 'the subject that changed');

    write(folder, { 'order-shipped/en/subject.liquid': 'Order {{ oder }}', 'welcome/en/subject.liquid': 'Hi' });
    await eventually(() => logged.some((line) => line.includes('oder is no variable')), 'a line about it');
    expect(logged.find((line) => line.includes('oder'))).toMatch(
      /^order-shipped: order-shipped\/en\/subject\.liquid, line 1: .*It stays as it was\.$/,
    );
    expect(subject()).toBe('Order 7 is near');
    const welcome = () => templates.render('welcome', 'en', OURS).subject;
    await eventually(() => welcome() === 'Hi', 'what is right beside it');

    write(folder, { 'order-shipped/en/subject.liquid': 'Order {{ order }} arrived' });
    await eventually(() => subject() === 'Order 7 arrived', 'the subject that was corrected');

    rmSync(join(folder, 'welcome'), { recursive: true });
    await eventually(() => welcome() === 'Welcome to Acme', 'ours again');
    rmSync(join(folder, 'order-shipped'), { recursive: true });
    await eventually(() => !known.has('order-shipped'), 'a template less');
  });
});
