/**
 * The page's only script, served from its own address so that the CSP needs no `unsafe-inline`.
 * It asks every second whether there is a newer message, and takes the news out of the page the server renders.
 * Without it the page works as well: links, forms, and a refresh every three seconds.
 */
export const INBOX_SCRIPT = String.raw`'use strict';
(() => {
  const EVERY = 1000;
  const WHEN_LOST = 2000;
  const byId = (id) => document.getElementById(id);
  const follows = location.pathname === '/inbox';
  let timer;

  const today = (time) => time.toDateString() === new Date().toDateString();
  function localTimes(within) {
    for (const element of within.querySelectorAll('time')) {
      const time = new Date(element.dateTime);
      const full = time.toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium' });
      if ('full' in element.dataset) element.textContent = full;
      else {
        element.textContent = today(time)
          ? time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
          : time.toLocaleDateString([], { month: 'short', day: 'numeric' });
        element.title = full;
      }
    }
  }

  function enhance(within) {
    localTimes(within);
    for (const button of within.querySelectorAll('button[data-copy]')) button.hidden = false;
    const waiting = within.querySelector('#waiting');
    if (waiting) waiting.hidden = false;
  }

  function show(state, text) {
    const live = byId('live');
    live.hidden = false;
    live.dataset.state = state;
    if (byId('live-text').textContent !== text) byId('live-text').textContent = text;
  }

  function adopt(fresh) {
    const list = byId('list');
    const freshList = fresh.getElementById('list');
    const rows = new Map(Array.from(list.children, (row) => [row.dataset.id, row]));
    const arrived = [];
    for (const freshRow of freshList.children) {
      const row = rows.get(freshRow.dataset.id);
      if (!row) {
        freshRow.classList.add('arrived');
        arrived.push(document.importNode(freshRow, true));
        continue;
      }
      rows.delete(freshRow.dataset.id);
      const current = freshRow.firstElementChild.getAttribute('aria-current');
      if (current) row.firstElementChild.setAttribute('aria-current', current);
      else row.firstElementChild.removeAttribute('aria-current');
    }
    for (const row of rows.values()) row.remove();
    list.prepend(...arrived);
    list.dataset.newest = freshList.dataset.newest;
    for (const part of ['older', 'none']) {
      const now = byId(part);
      const then = fresh.getElementById(part);
      if (now) now.replaceWith(...(then ? [then] : []));
      else if (then) list.after(then);
    }
    enhance(list);
    byId('clear').disabled = fresh.getElementById('clear').disabled;
    document.documentElement.dataset.layout = fresh.documentElement.dataset.layout;
    if (follows) {
      const pane = byId('message');
      const focused = pane.contains(document.activeElement);
      pane.replaceChildren(...document.importNode(fresh.getElementById('message'), true).childNodes);
      enhance(pane);
      if (focused) pane.focus();
    }
    const first = arrived[0];
    if (first) {
      const code = first.querySelector('.chip');
      byId('announcement').textContent =
        'New message to ' + first.querySelector('.to').textContent + '. ' + (code ? code.textContent : '');
    }
  }

  async function look() {
    const list = byId('list');
    const answer = await fetch(list.dataset.poll, { headers: { accept: 'application/json' } });
    if (answer.status === 401 || answer.status === 404) return location.reload();
    if (!answer.ok) throw new Error('status ' + answer.status);
    const { items } = await answer.json();
    if ((items.length > 0 ? items[0].id : '') === list.dataset.newest) return;
    const page = await fetch(location.href, { headers: { accept: 'text/html' } });
    if (page.status === 404) return location.reload();
    if (!page.ok) throw new Error('status ' + page.status);
    adopt(new DOMParser().parseFromString(await page.text(), 'text/html'));
  }

  async function tick() {
    clearTimeout(timer);
    if (document.visibilityState !== 'visible') return;
    let wait = EVERY;
    try {
      await look();
      show('live', 'Live');
    } catch {
      wait = WHEN_LOST;
      show('lost', 'No connection, trying again');
    }
    clearTimeout(timer);
    timer = setTimeout(tick, wait);
  }

  async function copy(button) {
    const label = button.innerHTML;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = 'Copied';
    } catch {
      // Browsers give the clipboard to secure origins only: select it, and let the reader press the keys.
      getSelection().selectAllChildren(button.previousElementSibling);
      button.textContent = 'Selected';
    }
    byId('announcement').textContent = button.textContent;
    setTimeout(() => (button.innerHTML = label), 1500);
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-copy]');
    if (button) void copy(button);
  });
  enhance(document);
  const current = document.querySelector('#list [aria-current]');
  if (current) current.scrollIntoView({ block: 'nearest' });
  if (byId('list').dataset.poll) {
    document.addEventListener('visibilitychange', tick);
    void tick();
  }
})();
`;
