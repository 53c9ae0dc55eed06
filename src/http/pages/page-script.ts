import { createHash } from 'node:crypto';

/**
 * The script of people's pages, a file of its own so that nothing inline is allowed. Without it all of them work: it
 * tells times in the reader's zone, counts down, follows the mail of a code, and sends the sixth digit.
 */
export const PAGE_SCRIPT = String.raw`'use strict';
(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const lang = document.documentElement.lang;

  for (const time of all('time[datetime]')) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = at.toLocaleString(lang, { dateStyle: 'long', timeStyle: 'short' });
  }

  // One press is one press, also where the line is slow; back from another page the form works again.
  const sent = new WeakSet();
  addEventListener('submit', (event) => {
    if (sent.has(event.target)) return event.preventDefault();
    sent.add(event.target);
    setTimeout(() => sent.delete(event.target), 10000);
  });
  addEventListener('pageshow', (event) => event.persisted && location.reload());

  const duration = (ms) => {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    return Math.floor(seconds / 60) + ':' + String(seconds % 60).padStart(2, '0');
  };
  // The server tells how long it takes and not until when: clocks of readers are wrong.
  const began = performance.now();
  const ends = all('[data-left]').map((element) => ({ element, at: began + Number(element.dataset.left) }));
  const tick = () => {
    for (const { element, at } of ends) {
      const left = at - performance.now();
      if (left > 0) {
        element.textContent = duration(left);
      } else if (element.dataset.then === 'reload') {
        element.dataset.then = '';
        location.reload();
      } else if (element.dataset.then) {
        for (const shown of all(element.dataset.then)) shown.hidden = !shown.hidden;
        element.dataset.then = '';
      }
    }
  };
  if (ends.length > 0) {
    tick();
    setInterval(tick, 1000);
  }
  for (const plain of all('[data-plain]')) plain.hidden = true;

  const code = document.querySelector('input.code');
  if (code) {
    code.addEventListener('input', () => {
      if (code.value.replace(/\D/g, '').length !== 6) return;
      const empty = Array.from(code.form.elements).find((field) => field.required && field.value === '');
      if (empty) empty.focus();
      else code.form.requestSubmit();
    });
    // A phone that got the text offers its code (WebOTP); whoever declines, or has no such phone, types it.
    if ('otp' in code.dataset && 'OTPCredential' in window) {
      const asked = new AbortController();
      addEventListener('submit', () => asked.abort());
      navigator.credentials.get({ otp: { transport: ['sms'] }, signal: asked.signal }).then(
        (given) => {
          code.value = given.code;
          code.dispatchEvent(new Event('input'));
        },
        () => {},
      );
    }
    // The link in the mail may have been pressed in another tab of this browser.
    document.addEventListener('visibilitychange', async () => {
      if (document.visibilityState !== 'visible' || code.value !== '') return;
      const answer = await fetch(location.href, { redirect: 'manual' }).catch(() => undefined);
      if (answer && (answer.type === 'opaqueredirect' || answer.status >= 400)) location.reload();
    });
  }

  // Whether all is well may change while somebody looks; a form that is being filled in stays.
  const health = document.querySelector('[data-health]');
  if (health) {
    setInterval(async () => {
      if (document.visibilityState !== 'visible' || document.activeElement.form) return;
      const answer = await fetch('/health/mail').catch(() => undefined);
      if (!answer) return;
      const { status } = await answer.json();
      if (status && status !== health.dataset.health) location.reload();
    }, 5000);
  }

  const delivery = document.querySelector('[data-delivery]');
  if (delivery && 'EventSource' in window) {
    const words = JSON.parse(delivery.dataset.words);
    const stream = new EventSource(delivery.dataset.delivery);
    stream.addEventListener('delivery', (event) => {
      const { status, fault } = JSON.parse(event.data);
      const state = fault === 'ours' && (status === 'failed' || status === 'bounced') ? 'our_fault' : status;
      if (delivery.dataset.state === state || !words[state]) return;
      delivery.dataset.state = state;
      delivery.textContent = words[state];
      const out = ['sent', 'unknown', 'delivered', 'bounced'].includes(status) ? 'yes' : 'no';
      for (const said of all('[data-out]')) said.hidden = said.dataset.out !== out;
    });
    stream.addEventListener('end', () => stream.close());
  }
})();
`;

/** Another script has another address, so browsers keep it for as long as they like. */
export const PAGE_SCRIPT_PATH = `/page.js?v=${createHash('sha256').update(PAGE_SCRIPT).digest('hex').slice(0, 12)}`;
