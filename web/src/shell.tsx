import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useLive } from './live';
import { useMay, useMyAccount } from './me';
import styles from './shell.module.css';
import { Dialog } from './ui/dialogs';
import { Fault, Loading } from './ui/parts';

const PLACES = [
  {
    title: 'Mail',
    places: [
      { to: '/', words: 'Overview', key: 'o' },
      { to: '/messages', words: 'Messages', key: 'm' },
      { to: '/broadcasts', words: 'Broadcasts', key: 'b' },
      { to: '/audiences', words: 'Audiences', key: 'd' },
      { to: '/suppressions', words: 'Suppressions', key: 's' },
      { to: '/templates', words: 'Templates', key: 't' },
    ],
  },
  {
    title: 'Service',
    places: [
      { to: '/trial', words: 'Send yourself a code', key: 'y' },
      { to: '/webhooks', words: 'Webhooks', key: 'w' },
      { to: '/schedules', words: 'Schedules', key: 'c' },
      { to: '/keys', words: 'API keys', key: 'k' },
      { to: '/accounts', words: 'Accounts', key: 'a' },
      { to: '/audit', words: 'Audit', key: 'u' },
    ],
  },
] as const;

/** Whoever may change nothing sends nobody a code either. */
function usePlaces() {
  const { act } = useMay();
  return PLACES.map(({ title, places }) => ({ title, places: places.filter(({ to }) => act || to !== '/trial') }));
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);

/** `g` and a letter go somewhere, `/` searches, `?` helps; nothing while somebody writes, or a dialog is open. */
function useKeys(onHelp: () => void): void {
  const navigate = useNavigate();
  const afterG = useRef(false);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('dialog[open]')) return;
      const place = PLACES.flatMap(({ places }) => [...places]).find(({ key }) => key === event.key);
      if (afterG.current && place) {
        afterG.current = false;
        event.preventDefault();
        void navigate({ to: place.to });
        return;
      }
      afterG.current = event.key === 'g';
      if (event.key === '?') onHelp();
      if (event.key === '/') {
        event.preventDefault();
        const search = document.querySelector<HTMLInputElement>('[data-search]');
        if (search) search.focus();
        else
          void navigate({ to: '/messages' }).then(() =>
            requestAnimationFrame(() => document.querySelector<HTMLInputElement>('[data-search]')?.focus()),
          );
      }
      if (event.key === 'j' || event.key === 'k') moveRow(event.key === 'j' ? 1 : -1);
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [navigate, onHelp]);
}

/** Rows are what has `data-row`: a link or a button that opens it. */
function moveRow(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex(
    (row) => row === document.activeElement || row.closest('tr')?.contains(document.activeElement),
  );
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
}

export function Shell() {
  const user = useMyAccount();
  const { on, connected, toggle } = useLive();
  const groups = usePlaces();
  const { act } = useMay();
  const [help, setHelp] = useState(false);
  const [menu, setMenu] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => setMenu(false), [path]);
  useKeys(() => setHelp(true));
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        To the content
      </a>
      <header className={styles.bar}>
        <Link to="/" className={styles.brand}>
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
            <rect x="2" y="6" width="28" height="20" rx="4" className={styles.mark} />
            <path d="m4 9 12 9 12-9" className={styles.fold} />
          </svg>
          Otpost
        </Link>
        <button
          type="button"
          className={styles.menu}
          aria-expanded={menu}
          aria-controls="places"
          onClick={() => setMenu(!menu)}
        >
          Menu
        </button>
        <nav id="places" className={menu ? styles.open : styles.nav} aria-label="Operations">
          {groups.map(({ title, places }) => (
            <div key={title} className={styles.group}>
              <p>{title}</p>
              {places.map(({ to, words }) => (
                <Link
                  key={to}
                  to={to}
                  activeOptions={{ exact: to === '/' }}
                  className={styles.place}
                  activeProps={{ 'aria-current': 'page' }}
                >
                  {words}
                </Link>
              ))}
            </div>
          ))}
          <div className={styles.foot}>
            <button
              type="button"
              role="switch"
              aria-checked={on}
              className={styles.live}
              data-stream={on && connected ? 'open' : 'closed'}
              onClick={toggle}
              title={
                !on
                  ? 'Pages stay as they are'
                  : connected
                    ? 'What changes is shown at once'
                    : 'There is no stream: pages look for news every five seconds'
              }
            >
              <span className={styles.dot} aria-hidden="true" /> {on ? 'Live' : 'Paused'}
            </button>
            <button type="button" className={styles.link} onClick={() => setHelp(true)}>
              Keys
            </button>
            {user.data && (
              <p className={styles.who} title={user.data.email}>
                {user.data.email}
                <span>{act ? user.data.role : `${user.data.role}: looks, and changes nothing`}</span>
              </p>
            )}
            <div className={styles.links}>
              <a href="/account">Account</a>
              <a href="/docs">API</a>
              <form method="post" action="/account/sign-out">
                <button type="submit" className={styles.link}>
                  Sign out
                </button>
              </form>
            </div>
          </div>
        </nav>
      </header>
      <main id="main" className={styles.main} tabIndex={-1}>
        {user.data ? <Outlet /> : user.error ? <Fault error={user.error} /> : <Loading />}
      </main>
      <Dialog title="Keys" open={help} onClose={() => setHelp(false)}>
        <dl className={styles.keys}>
          {[
            ['/', 'Search messages'],
            ['j  k', 'Next and previous row'],
            ['Enter', 'Open the row'],
            ...(act ? [['x', 'Select the row']] : []),
            ['Esc', 'Close'],
            ['?', 'These keys'],
            ...groups.flatMap(({ places }) => places.map(({ key, words }) => [`g ${key}`, words])),
          ].map(([key, words]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{words}</dd>
            </div>
          ))}
        </dl>
      </Dialog>
    </div>
  );
}
