import { type Html, html } from '../../core/html.js';
import type { Session } from '../../generated/prisma/client.js';
import { deviceWords } from '../notices/device-words.js';
import type { LiveSession } from '../sessions/sessions.js';
import { buttonForm, type Page } from './page-frame.js';
import { momentOf } from './page-words.js';

const WAYS: Record<string, string> = { code: 'by code', link: 'by link', password: 'by password' };

/** Who is signed in, and where else. @param sessions those that have not ended, this one too */
export function accountPage({ account, session: current }: LiveSession, sessions: Session[], product: string): Page {
  const body = html`<h1>Your account</h1>
    <p>You are signed in to ${product} as <b>${account.email}</b>. The account exists since ${momentOf(account.createdAt)}.</p>
    <h2>Signed in</h2>
    <ul>${sessions.map((session) => item(session, session.id === current.id))}</ul>
    <div class="row">
      ${buttonForm({ action: '/account/sign-out', label: 'Sign out' })}
      ${buttonForm({ action: '/account/sign-out-everywhere', label: 'Sign out everywhere', quiet: true })}
    </div>`;
  return { status: 200, title: 'Your account', body };
}

function item({ id, userAgent, method, ip, createdAt, lastUsedAt }: Session, current: boolean): Html {
  const device = deviceWords(userAgent) ?? 'Unknown device';
  return html`<li>
    <span><b>${device}</b>${current && ' (here)'}
      <span class="soft">Last used ${momentOf(lastUsedAt)}</span>
      <span class="soft">Since ${momentOf(createdAt)}, ${WAYS[method]}${ip !== null && ` from ${ip}`}</span></span>
    ${buttonForm({ action: `/account/sessions/${id}/end`, label: 'End', name: `End: ${device}${current ? ', here' : ''}`, quiet: true })}
  </li>`;
}
