const EVERYWHERE = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** For what the script and other programs read: it is never a document. */
export const FILE_HEADERS = {
  ...EVERYWHERE,
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

/**
 * For the inbox's own pages. `same-origin` tells other sites nothing either, but under `no-referrer` browsers send
 * `Origin: null` with our own forms (Fetch standard, "append a request Origin header"), and Clear could not be told
 * from a stranger's form.
 */
export const PAGE_HEADERS = {
  ...EVERYWHERE,
  'Referrer-Policy': 'same-origin',
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
};

/** For a message as it came: no script, no network, an origin of its own, shown by nobody but the inbox. */
export const FRAME_HEADERS = {
  ...EVERYWHERE,
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'; sandbox",
};
