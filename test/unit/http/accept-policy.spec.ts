import { wantsPage } from '../../../src/http/problem-writer.js';

const CHROMIUM = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

describe('A problem is a page', () => {
  it.each([
    CHROMIUM,
    'text/html',
    'TEXT/HTML;level=1',
    'application/json;q=0.5, text/html;q=0.9',
    'text/html;q=0.1',
    'application/xhtml+xml',
  ])('for who would rather have HTML (%s)', (accept) => expect(wantsPage({ accept, url: '/nowhere' })).toBe(true));

  it.each([
    undefined,
    '',
    '*/*',
    'application/json',
    'application/problem+json, text/html',
    'application/json, text/plain, */*',
    'text/html;q=0',
    'text/html;q=x',
    'text/html;q=0.5, application/json',
    'text/*',
  ])('and for nobody else (%s)', (accept) => expect(wantsPage({ accept, url: '/nowhere' })).toBe(false));

  it.each([
    ['/', true],
    ['/inbox', true],
    ['/inbox/0199', true],
    ['/account/code/x', true],
    ['/l/x', true],
    ['/docs', true],
    ['/docs/nothing', true],
    ['/unsubscribe?t=x', true],
    ['/healthy', true],
    ['/v1', false],
    ['/v1/me', false],
    ['/v1?x', false],
    ['/health/mail', false],
    ['/metrics', false],
    ['/docs/json', false],
    ['/inbox/messages?to=x', false],
    ['/.well-known/jwks.json', false],
  ])('where people go (%s: %s)', (url, page) => expect(wantsPage({ accept: CHROMIUM, url })).toBe(page));
});
