import { withUnsubscribeFooter } from '../../../src/mail/content/unsubscribe-footer.js';

const URL = 'https://id.example.com/unsubscribe?t=0a1b2c3d.abc';
const SENDER = { product: 'Acme', address: '' };
const CONTENT = { subject: 'News', text: 'Hello.\n', html: '<html><body><p>Hello.</p></BODY></html>' };

describe('the way out of bulk mail', () => {
  it('is a line at the end of each form where nobody placed it', () => {
    const { text, html } = withUnsubscribeFooter(CONTENT, URL, 'en', {
      product: 'Acme & Sons',
      address: '1 Main Street',
    });
    expect(text).toBe(`Hello.\n\n-- \nYou receive this email from Acme & Sons.\n1 Main Street\nUnsubscribe: ${URL}\n`);
    expect(html).toMatch(
      /<p>Hello\.<\/p><div lang="en".*Acme &amp; Sons\.<br>1 Main Street<br><a href="https:\/\/id\.example\.com[^"]*"[^>]*>Unsubscribe<\/a><\/div><\/BODY><\/html>$/,
    );
  });

  it('stands where it was placed, and nowhere else', () => {
    const placed = {
      subject: 'News',
      text: 'Leave: {{unsubscribeUrl}}',
      html: '<a href="{{ unsubscribeUrl }}">Leave</a>',
    };
    expect(withUnsubscribeFooter(placed, URL, 'en', SENDER)).toEqual({
      subject: 'News',
      text: `Leave: ${URL}`,
      html: `<a href="${URL}">Leave</a>`,
    });
  });

  it('is added to the one form that has none', () => {
    const placed = { ...CONTENT, html: '<a href="{{ unsubscribeUrl }}">Leave</a>' };
    const { text, html } = withUnsubscribeFooter(placed, URL, 'en', SENDER);
    expect([text.endsWith(`Unsubscribe: ${URL}\n`), html]).toEqual([true, `<a href="${URL}">Leave</a>`]);
  });

  it.each([
    ['de-AT', 'Abmelden'],
    ['fr', 'Se désabonner'],
    ['tl-PH', 'Mag-unsubscribe'],
    ['nl', 'Unsubscribe'],
  ])('speaks the language of the mail: %s', (locale, words) => {
    const { text, html } = withUnsubscribeFooter(CONTENT, URL, locale, SENDER);
    expect([text.includes(words), html.includes(words)]).toEqual([true, true]);
  });

  it('is in no mail that nobody can leave, where its place stays empty', () => {
    expect(withUnsubscribeFooter(CONTENT, undefined, 'en', SENDER)).toEqual(CONTENT);
    expect(withUnsubscribeFooter({ ...CONTENT, text: 'a{{ unsubscribeUrl }}b' }, undefined, 'en', SENDER).text).toBe(
      'ab',
    );
  });
});
