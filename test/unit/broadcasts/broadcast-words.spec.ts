import { BroadcastWords, lookAtWords } from '../../../src/mail/content/broadcast-words.js';
import { TemplateError } from '../../../src/mail/content/templates.js';

const scope = (attributes: Record<string, string> = {}) => ({
  subscriber: { email: 'ada@example.com', locale: 'de', attributes },
  product: 'Acme',
  address: '1 Main St',
  unsubscribeUrl: 'https://acme.example/unsubscribe?t=1&u=2',
});

describe('the words of a broadcast', () => {
  const words = new BroadcastWords();
  let contents = 0;
  const render = (
    fields: { subject: string; text?: string; html?: string },
    attributes?: Record<string, string>,
    locale = 'en',
  ) => words.render(`content ${contents++}`, { en: fields }, locale, scope(attributes));

  it('escape what a subscriber is called in HTML, and nowhere else', async () => {
    const name = '<b>Ada</b> & "co"';
    const mail = await render(
      { subject: 'For {{ subscriber.name }}', text: '{{ subscriber.name }}', html: '<p>{{ subscriber.name }}</p>' },
      { name },
    );
    expect(mail.subject).toBe(`For ${name}`);
    expect(mail.text).toContain(name);
    expect(mail.html).toContain('&lt;b&gt;Ada&lt;/b&gt; &amp; &#34;co&#34;');
  });

  it('keep the subject in one line, whatever stands in it', async () => {
    expect(
      (await render({ subject: '{{ subscriber.a }}\r\nBcc: eve@example.com', text: 'x' }, { a: 'x' })).subject,
    ).toBe('x Bcc: eve@example.com');
  });

  it('have a footer in the language of whoever gets it, and none where they place the link', async () => {
    const german = await render({ subject: 'x', text: 'Hallo', html: '<body>Hallo</body>' }, {}, 'de-AT');
    expect(german.text).toBe(
      'Hallo\n\n-- \nSie erhalten diese E-Mail von Acme.\n1 Main St\nAbmelden: https://acme.example/unsubscribe?t=1&u=2\n',
    );
    expect(german.html).toMatch(
      /Hallo<div lang="de"[^>]*>[^<]*<br>1 Main St<br><a href="https:\/\/acme\.example\/unsubscribe\?t=1&amp;u=2"[^>]*>Abmelden<\/a><\/div><\/body>/,
    );
    const placed = await render({
      subject: 'x',
      text: 'Bye: {{unsubscribeUrl}}',
      html: '<a href="{{- unsubscribeUrl }}">Bye</a>',
    });
    expect([placed.text, placed.html]).toEqual([
      expect.not.stringContaining('-- '),
      expect.not.stringContaining('Unsubscribe'),
    ]);
  });

  it('are refused for somebody who lacks what they ask for, unless they have a default', async () => {
    await expect(render({ subject: '{{ subscriber.name }}', text: 'x' })).rejects.toThrow(TemplateError);
    const mail = await render({
      subject: '{{ subscriber.name | default: "you" }}',
      text: '{% if subscriber.plan == "pro" %}Pro{% else %}Free{% endif %}',
    });
    expect([mail.subject, mail.text.split('\n')[0]]).toEqual(['you', 'Free']);
  });

  it('cost their share and no more, and read no file', async () => {
    for (const text of [
      '{% for n in (1..100000000) %}x{% endfor %}',
      `{% render 'package.json' %}`,
      `{% include '../../package.json' %}`,
      `{% layout '/etc/passwd' %}`,
    ]) {
      const { faults } = await lookAtWords({ subject: 'x', text });
      expect([text, faults.map(({ form }) => form)]).toEqual([text, ['text']]);
    }
  });

  it('say what they ask for', async () => {
    const looked = await lookAtWords({
      subject: '{{ subscriber.name }} of {{ product }}',
      text: '{{ subscriber.email }} {{ subscriber.plan | upcase }} {{ subscriber.city | default: "x" }}',
      html: '<a href="{{ unsubscribeUrl }}">{{ subscriber.name }}</a>',
    });
    expect(looked).toEqual({ faults: [], needed: ['name', 'plan'] });
    expect(
      (await lookAtWords({ subject: '{{ constructor }} {{ subscriber.toString }}', text: 'x' })).faults,
    ).toMatchObject([{ form: 'subject', variable: 'constructor' }]);
  });
});
