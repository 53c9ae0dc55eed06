import { isContinue, requestFault } from '../../../src/http/web-server.js';

const head = (rawHeaders: string[], httpVersion = '1.1', expect?: string) =>
  requestFault({ httpVersion, rawHeaders, headers: { expect } })?.code;

describe('the head of a request', () => {
  it('names one host, and only HTTP/1.0 may do without', () => {
    expect(head(['Host', 'localhost', 'Accept', '*/*'])).toBeUndefined();
    expect(head([])).toBe('bad_request');
    expect(head([], '1.0')).toBeUndefined();
    expect(head(['Host', 'localhost', 'HOST', 'evil.example'])).toBe('bad_request');
    expect(head(['X-Name', 'host', 'Host', 'localhost'])).toBeUndefined();
  });

  it('expects to be told to go on, or nothing', () => {
    expect(head(['Host', 'localhost'], '1.1', '100-Continue')).toBeUndefined();
    expect(head(['Host', 'localhost'], '1.1', '200-ok')).toBe('expectation_failed');
    expect(isContinue(undefined)).toBe(false);
  });

  it('is of HTTP/1', () => {
    expect(head(['Host', 'localhost'], '2.0')).toBe('http_version_not_supported');
  });
});
