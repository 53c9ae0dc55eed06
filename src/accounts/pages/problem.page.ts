import { html } from '../../core/html.js';
import type { Problem, ProblemCode } from '../../core/problems.js';
import type { Page } from './page-frame.js';
import { durationWords } from './page-words.js';

/** What people are told; the registry of problems speaks to programs. */
const WORDS: Partial<Record<ProblemCode, { title: string; text: string }>> = {
  forbidden: { title: 'Not from there', text: 'This form was sent from another site, so nothing was done. Open our page itself and try again.' },
  challenge_not_found: { title: 'There is no such code', text: 'It was asked for in another browser, or too long ago. Begin again.' },
  session_not_found: { title: 'That device is signed out', text: 'Its session has ended already.' },
  otp_expired: { title: 'The code has expired', text: 'It works for ten minutes. Begin again, and a new one comes.' },
  otp_consumed: { title: 'The code was used already', text: 'It works once, and so does the link in its mail. Begin again, and a new one comes.' },
  otp_disowned: { title: 'The code was stopped', text: 'Whoever got its mail said that they did not ask for it. Begin again, and a new one comes.' },
  otp_locked: { title: 'Too many wrong codes', text: 'The link in the mail still works. Or begin again, and a new code comes.' },
  too_many_failures: { title: 'Too many wrong codes', text: 'The link in the newest mail still works.' },
  rate_limited: { title: 'Too many tries', text: 'To keep strangers from flooding mailboxes, there are limits on how often one may ask.' },
  resend_too_soon: { title: 'It was sent a moment ago', text: 'Mail can take a minute; look among the junk, too.' },
  resend_exhausted: { title: 'It was sent often enough', text: 'Compare the address, and look among the junk. Once this code has expired, a new one can be asked for.' },
  busy: { title: 'Too much is going on', text: 'Nothing was done. Please try again in a moment.' },
  unavailable: { title: 'Something is not available', text: 'Please try again in a moment.' },
};
const UNFORESEEN = { title: 'Something went wrong', text: 'Please try again. If it stays, tell whoever runs this service:' };

export function problemPage({ code, status, headers }: Problem, requestId: string): Page {
  const words = WORDS[code] ?? UNFORESEEN;
  const wait = Number(headers['retry-after']);
  return {
    status,
    headers,
    title: words.title,
    body: html`<h1>${words.title}</h1>
      <p role="alert">${words.text} ${status === 429 && wait > 0 && `Try again in ${durationWords(wait)}.`} ${words === UNFORESEEN && html`<b>${requestId}</b>`}</p>
      <p><a href="/account">To your account</a></p>`,
  };
}
