import { inBothForms } from '../../../src/mail/content/templates.js';

describe('a message in both forms', () => {
  it('keeps what it came with', () => {
    expect(inBothForms({ subject: 's', text: 't', html: '<p>h</p>' })).toEqual({
      subject: 's',
      text: 't',
      html: '<p>h</p>',
    });
  });

  it.each([
    ['lists in lists', '<ul><li>'.repeat(800) + '<br>'.repeat(10_000)],
    ['quotes in quotes', '<blockquote>'.repeat(20_000) + 'x'],
    ['tables in tables', '<table><tr><td>'.repeat(3_000) + 'x'],
    ['a megabyte of open tags', '<b>'.repeat(300_000)],
  ])('comes of %s', (_, html) => {
    // A reader that builds a tree took 6 s and more, or failed; foreign-text/readers stops what hangs.
    expect(inBothForms({ subject: 'Subject', html }).text).not.toBe('');
  });
});
