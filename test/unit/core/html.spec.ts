import fc from 'fast-check';
import { escapeHtml, html } from '../../../src/core/html.js';

describe('markup', () => {
  it('escapes what is put in, between tags and in attributes', () => {
    const evil = `"><script>alert('&')</script>`;
    expect(html`<p title="${evil}">${evil}</p>`.toString()).toBe(
      '<p title="&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;">' +
        '&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</p>',
    );
  });

  it('leaves nothing of any text that could open a tag, an entity or an end of an attribute', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) => !/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/.test(escapeHtml(text)),
      ),
    );
  });

  it('keeps markup inside markup, and lists of it', () => {
    expect(html`<ul>${['a', '<b>'].map((item) => html`<li>${item}</li>`)}</ul>`.toString()).toBe(
      '<ul><li>a</li><li>&lt;b&gt;</li></ul>',
    );
  });

  it('leaves out what is absent, but not zero or an empty text', () => {
    expect(html`[${undefined}${null}${false}${0}${''}]`.toString()).toBe('[0]');
  });
});
