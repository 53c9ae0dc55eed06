import fc from 'fast-check';
import { deviceWords } from '../../../src/accounts/notices/notices.js';

describe('a user agent', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
      'Chrome on Windows',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15',
      'Safari on macOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1',
      'Chrome on iPhone',
    ],
    [
      'Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36',
      'Samsung Internet on Android',
    ],
    [
      'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
      'Chrome on ChromeOS',
    ],
    ['curl/8.16.0', 'curl'],
    ['okhttp/5.1.0 Android', 'Android'],
    ['Acme/1.0', null],
    ['', null],
    [undefined, null],
  ])('%s → %s', (userAgent, expected) => {
    expect(deviceWords(userAgent)).toBe(expected);
  });

  it('never brings words of its own into a mail', () => {
    const told =
      /^(?:(?:Edge|Opera|Samsung Internet|Firefox|Chrome|Safari|curl)(?: on )?)?(?:iPhone|iPad|Android|ChromeOS|Windows|macOS|Linux)?$/;
    fc.assert(
      fc.property(fc.string(), fc.constantFrom('Firefox/1', 'Windows', 'Chrome/ Linux', ''), (noise, words) =>
        expect(deviceWords(noise + words + noise) ?? '').toMatch(told),
      ),
    );
  });
});
