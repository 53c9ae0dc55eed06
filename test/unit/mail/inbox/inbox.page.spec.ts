import { Script } from 'node:vm';
import { channelTo } from '../../../../src/core/destination.js';
import { enterPage, type InboxPage, inboxPage } from '../../../../src/mail/inbox/inbox.page.js';
import { framed, type View, viewOf } from '../../../../src/mail/inbox/message-pane.js';
import { INBOX_SCRIPT } from '../../../../src/mail/inbox/inbox.script.js';
import type { Message } from '../../../../src/mail/inbox/inbox.store.js';
import { INBOX_STYLE } from '../../../../src/mail/inbox/inbox.style.js';

const EVIL = `"'><img src=x onerror=alert(1)>&amp;`;
const ID = '0193c1a2-0000-7000-8000-000000000001';

function message(change: Partial<Message> = {}): Message {
  return {
    id: ID,
    to: 'ada@example.com',
    from: 'no-reply@example.com',
    subject: 'Your code',
    createdAt: new Date('2026-11-21T12:34:56Z'),
    size: 1000,
    preview: 'Your code is 482913.',
    code: '482913',
    text: 'Your code is 482913.',
    html: '<p>Your code is <b>482913</b>.</p>',
    ...change,
  };
}

function page(change: Partial<InboxPage> = {}): string {
  return inboxPage({
    list: { items: [], nextCursor: null },
    part: { to: undefined, q: undefined, cursor: undefined },
    shown: undefined,
    faults: [],
    appUrl: 'http://localhost:3000',
    keepsAll: true,
    now: new Date('2026-11-21T13:00:00Z'),
    ...change,
  });
}

function pageOf(shown: Message, view: View = 'html', change: Partial<InboxPage> = {}): string {
  const source = Buffer.from(`Subject: ${shown.subject}\r\n\r\n${shown.text}`);
  const channel = channelTo(shown.to);
  const parts = { headers: [], files: [], links: [] };
  const rest = { parts, receipt: [], phone: false, ways: ['smtp.example.com:587'], released: undefined };
  return page({
    list: { items: [shown], nextCursor: null },
    shown: { message: shown, channel, view, source, ...rest, chosen: true },
    ...change,
  });
}

/** The view of a message that is asked for so. */
function viewed(asked: unknown, shown: Message): View {
  return viewOf(asked, { message: shown, channel: channelTo(shown.to) });
}

describe('the inbox page', () => {
  it('tells a newcomer what to do, with a command for this very service', () => {
    const markup = page({ appUrl: 'https://otpost.example' });
    expect(markup).toContain('Register an address and its code appears here');
    expect(markup).toContain('curl https://otpost.example/v1/accounts');
    expect(markup).toContain('data-layout="empty"');
    expect(markup).toContain('nothing is really sent');
  });

  it('does not promise that nothing is sent where another transport may send', () => {
    expect(page({ keepsAll: false })).not.toContain('nothing is really sent');
  });

  it('shows the code large, with its digits copyable and not broken by spaces', () => {
    const markup = pageOf(message());
    expect(markup).toContain('<p class="digits" id="code"><span>482</span><span>913</span></p>');
    expect(markup).toContain('data-copy="482913"');
  });

  it('shows no code where there is none', () => {
    expect(pageOf(message({ code: null }))).not.toContain('id="code"');
  });

  it.each<View>(['html', 'text', 'source'])('lets nothing of a hostile message become markup, in view %s', (view) => {
    const hostile = message({ to: EVIL, from: EVIL, subject: EVIL, preview: EVIL, text: EVIL, html: EVIL });
    const markup = pageOf(hostile, view, { part: { to: EVIL, q: undefined, cursor: undefined } });
    expect(markup).not.toContain('<img');
    expect(markup).not.toContain(`"'>`);
  });

  it('puts the HTML of a message into a sandbox only', () => {
    const markup = pageOf(message({ html: '<p>only in the frame</p>' }));
    expect(markup).not.toContain('only in the frame');
    expect(markup).toMatch(new RegExp(`<iframe [^>]*src="/inbox/${ID}/html" sandbox=""`));
  });

  it('says so when a view has dead links, and only then', () => {
    const note = 'Links do nothing in this view';
    expect(pageOf(message({ html: '<a class="x" href="https://example.com">x</a>' }))).toContain(note);
    expect(pageOf(message())).not.toContain(note);
  });

  it('makes web addresses of the text clickable, and nothing else', () => {
    const markup = pageOf(message({ text: 'See https://example.com/a?b=1&c=2. Or javascript:alert(1)' }), 'text');
    expect(markup).toContain(
      '<a href="https://example.com/a?b=1&amp;c=2" target="_blank" rel="noopener noreferrer">https://example.com/a?b=1&amp;c=2</a>.',
    );
    expect(markup).not.toContain('href="javascript');
  });

  it('offers no HTML view of a message without HTML', () => {
    const plain = message({ html: '' });
    expect(viewed('html', plain)).toBe('text');
    expect(viewed(undefined, plain)).toBe('text');
    expect(pageOf(plain, 'text')).not.toContain('view=html');
  });

  it('offers of a text what a text has, however it was captured', () => {
    const text = message({ to: '+639171234567' });
    for (const view of ['html', 'headers', 'source', undefined]) expect(viewed(view, text)).toBe('text');
    expect(viewed('receipt', text)).toBe('receipt');
    const markup = pageOf(text, 'text');
    expect(markup.match(/view=\w+/g)).toEqual(['view=text', 'view=links', 'view=receipt']);
    expect(markup).not.toContain('Release');
    expect(pageOf(message(), 'text')).toContain('Release');
  });

  it('shows the HTML when the view asked for does not exist', () => {
    expect(viewed('__proto__', message())).toBe('html');
    expect(viewed(['text'], message())).toBe('html');
    expect(viewed('text', message())).toBe('text');
  });

  it('marks the shown message in the list', () => {
    const other = message({ id: ID.replace(/1$/, '2') });
    const markup = pageOf(message(), 'html', { list: { items: [other, message()], nextCursor: null } });
    expect(markup).toContain(`href="/inbox/${ID}" aria-current="true"`);
    expect(markup).not.toContain(`href="/inbox/${other.id}" aria-current`);
    expect(markup).toContain(`data-newest="${other.id}"`);
  });

  it('keeps the address and the part in the list in every link', () => {
    const part = { to: 'ada+1@example.com', q: undefined, cursor: 'abc' };
    const markup = pageOf(message(), 'html', { part, list: { items: [message()], nextCursor: 'def' } });
    expect(markup).toContain(`href="/inbox/${ID}?to=ada%2B1%40example.com&amp;cursor=abc"`);
    expect(markup).toContain(`href="/inbox/${ID}?to=ada%2B1%40example.com&amp;cursor=abc&amp;view=text"`);
    expect(markup).toContain('href="/inbox?to=ada%2B1%40example.com&amp;cursor=def"');
  });

  it('refreshes itself, with script and without, but not on an older page of the list', () => {
    const newest = page({ part: { to: 'ada@example.com', q: undefined, cursor: undefined } });
    expect(newest).toContain('data-poll="/inbox/messages?limit=1&amp;to=ada%40example.com"');
    expect(newest).toContain('<noscript><meta http-equiv="refresh" content="3" /></noscript>');
    const older = page({ part: { to: undefined, q: undefined, cursor: 'abc' } });
    expect(older).not.toContain('data-poll');
    expect(older).not.toContain('http-equiv="refresh"');
  });

  it('shows the time of today’s messages and the day of older ones', () => {
    const items = [message(), message({ createdAt: new Date('2026-11-20T12:34:56Z') })];
    const markup = page({ list: { items, nextCursor: null } });
    expect(markup).toContain('>12:34 UTC</time>');
    expect(markup).toContain('>2026-11-20</time>');
  });

  it('says so when a chosen message is gone', () => {
    expect(page({ shown: 'gone' })).toContain('This message is gone');
  });

  it('needs nothing that its Content-Security-Policy forbids', () => {
    const markup = pageOf(message(), 'text') + page() + enterPage({ refused: true });
    expect(markup).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
    expect(markup.match(/(?:src|href)="(?!\/inbox|#message|data:image\/svg)[^"]*"/g)).toBeNull();
    expect(INBOX_STYLE).not.toMatch(/url\(|@import/);
  });

  it('has a script that parses', () => {
    expect(() => new Script(INBOX_SCRIPT)).not.toThrow();
  });
});

describe('the frame of a message', () => {
  it('sends links to a new tab, where the sandbox stops them', () => {
    expect(framed('<!doctype html><html><HEAD lang="en"><title>x</title></head></html>')).toBe(
      '<!doctype html><html><HEAD lang="en"><base target="_blank"><title>x</title></head></html>',
    );
    expect(framed('<header>no head</header>')).toBe('<header>no head</header>');
  });
});

describe('the page that asks for the token', () => {
  it('says whether the one before was refused, and never repeats it', () => {
    expect(enterPage({ refused: false })).not.toContain('role="alert"');
    expect(enterPage({ refused: true })).toContain('That is not the token.');
    expect(enterPage({ refused: true })).toContain('method="post" action="/inbox/enter"');
  });
});
