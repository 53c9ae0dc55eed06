import fc from 'fast-check';
import { htmlToText } from '../../../src/mail/content/html-to-text.js';

const MIB = 1024 * 1024;

describe('the text of a mail that came as HTML', () => {
  it.each([
    ['cells apart', '<table><tr><td>1</td><td>20 €</td></tr></table>', '1  20 €'],
    [
      'headings of columns and cells over two of them',
      '<table><tr><th>Item<th>Price<tr><td colspan=2>Tea</table>',
      'Item  Price\nTea',
    ],
    ['lines in cells', '<table><tr><td>Ada<br>Lovelace</td><td>5</td></tr></table>', 'Ada\nLovelace  5'],
    [
      'tables in tables',
      '<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td><td>c</td></tr></table>',
      'a  b\n\nc',
    ],
    [
      'nothing for empty cells',
      '<table><tr><td>&nbsp;</td></tr><tr><td></td><td>a</td><td>&nbsp;</td></tr></table>',
      'a',
    ],
    [
      'the words of a picture in a link, and where it leads',
      '<a href="https://example.com/go"><img src="b.png" alt="Confirm your address"></a>',
      'Confirm your address [https://example.com/go]',
    ],
    [
      'where a picture without words leads',
      '<a href="https://example.com/go"><img src="b.png"></a>',
      'https://example.com/go',
    ],
    ['no picture without words', 'a<img src="pixel.gif" alt="">b', 'a b'],
    [
      'an address once where it is its own words',
      '<a href="https://example.com/">https://example.com</a> <a href="mailto:a@b.example">a@b.example</a>',
      'https://example.com a@b.example',
    ],
    [
      'no addresses that lead nowhere',
      '<a href="#top">up</a> <a href="javascript:x()">do</a> <a href="">no</a>',
      'up do no',
    ],
    [
      'a button of blocks',
      '<a href="https://example.com/go"><div>Press</div></a>More',
      'Press [https://example.com/go]\nMore',
    ],
    [
      'an address with escapes',
      '<a href="https://example.com/?a=1&amp;b=2">go</a>',
      'go [https://example.com/?a=1&b=2]',
    ],
    ['lists', '<ul><li>a<li>b<ul><li>c</ul><li>d</ul>', '- a\n- b\n  - c\n- d'],
    ['numbered lists from their first number', '<ol start=3><li>x</li><li>y</li></ol>', '3. x\n4. y'],
    ['an item with a number of its own', '<ol><li>x<li value=7>y<li>z</ol>', '1. x\n7. y\n8. z'],
    ['what is raised as such', '10<sup>2</sup> m<sup>2</sup>, Acme<sup>®</sup>', '10^2 m^2, Acme®'],
    ['words in quotes', 'she said <q>yes</q>', 'she said "yes"'],
    [
      'places on a picture',
      'a<map><area href="https://a.example/x" alt="Shop">b</map>',
      'a\nShop [https://a.example/x]\nb',
    ],
    ['where to write by telephone', '<a href="sms:+15550100">Text us</a>', 'Text us [sms:+15550100]'],
    ['headings as they are', '<h1>Straße</h1>text', 'Straße\n\ntext'],
    ['quotations', 'a<blockquote>b<p>c</blockquote>d', 'a\n\n> b\n>\n> c\n\nd'],
    ['text with lines of its own', '<pre>a\n  b\n\nc</pre>d', 'a\n  b\n\nc\n\nd'],
    ['blanks as one, but for those that do not break', 'a \n\t b<b>c</b>&nbsp;&nbsp;d 20&nbsp;€', 'a bc  d 20 €'],
    [
      'no words that only the list of a mail program shows',
      '<div style="color:red;display:none">pre<div>view</div></div><p>Hello</p>',
      'Hello',
    ],
    ['a paragraph after a hidden one that was not closed', '<p style="display: none">pre<p>Hello', 'Hello'],
    ['no filling of that list', '<div>Hello</div><div>&zwnj;&nbsp;&#847;&shy;&nbsp;</div><p>Ada</p>', 'Hello\n\nAda'],
    ['signs that are joined', '&#x1F469;&zwj;&#x1F4BB;', '👩\u200d💻'],
    [
      'no scripts, styles and titles',
      '<title>t</title><style>p{}</style><script>if (a < b) x()</script><!-- c -->a',
      'a',
    ],
    ['what conditions show to all but Outlook', '<!--[if mso]>Outlook<![endif]--><![if !mso]>All<![endif]>', 'All'],
    ['what looks like a tag and is none', '1 < 2 & 3 <4', '1 < 2 & 3 <4'],
  ])('has %s', (_, html, text) => {
    expect(htmlToText(html)).toBe(text);
  });

  it('has the last line of a long one', () => {
    expect(htmlToText(`<p>${'word '.repeat(30_000)}</p><p>Pay 20 € until Friday.</p>`)).toMatch(
      / word\n\nPay 20 € until Friday\.$/,
    );
  });

  it.each([
    '<b>',
    '<ul><li>a',
    '<blockquote>q<p>',
    '<table><tr><td>',
    '<div hidden>',
    '<a href="https://example.com">a',
    '<br>',
    '&nbsp;',
    '<',
    '</',
    '&',
    '<b a="',
    '<!--',
    '<pre>\n',
    ' ',
    'x ',
  ])('comes of a mebibyte of %j', (piece) => {
    // Where time grows with the square, a mebibyte takes minutes, and the limit of the test ends it.
    expect(htmlToText(piece.repeat(MIB / piece.length)).length).toBeLessThan(4 * MIB);
  });

  it('has every word that is shown, in order, whatever tags stand around', () => {
    const tag = fc.constantFrom(
      '<p>',
      '</p>',
      '<b>',
      '</b>',
      '<table>',
      '</table>',
      '<tr>',
      '</td>',
      '<td>',
      '<li>',
      '<ul>',
      '</ul>',
      '<br>',
      '<blockquote>',
      '</blockquote>',
      '<pre>',
      '</pre>',
      '<h1>',
      '<a href="https://a.example">',
      '</a>',
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(tag, fc.stringMatching(/^w\d{1,3}$/)), { minLength: 1, maxLength: 20 }),
        (pieces) => {
          const text = htmlToText(pieces.map(([before, word]) => `${before} ${word} `).join(''));
          expect(text.match(/w\d+/g)).toEqual(pieces.map(([, word]) => word));
          expect(text).not.toMatch(/^\n|\s$|[ \t]\n|\n\n\n/);
        },
      ),
    );
  });
});
