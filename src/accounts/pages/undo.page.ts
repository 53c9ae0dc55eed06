import { html } from '../../core/html.js';
import { shownAddress } from '../../mail/unsubscribe/unsubscribe.page.js';
import type { UndoState } from '../me/email-changes.js';
import { overPage } from './link.page.js';
import { buttonForm, type Page } from './page-frame.js';

/** What taking back a change of address would do, did, or comes too late for. The new address may be somebody's who should not be told. */
export function undoPage(state: UndoState | { kind: 'taken' }, token: string, product: string): Page {
  switch (state.kind) {
    case 'open':
      return {
        status: 200,
        title: 'Take the change back?',
        body: html`<h1>Take the change back?</h1>
          <p>Your account at ${product} had the address <b>${state.change.oldEmail}</b>; it was changed to <b>${shownAddress(state.change.newEmail)}</b>. If that was not you, the button brings the former address back, ends every session and drops the password.</p>
          ${buttonForm({ action: `/l/undo/${token}`, label: 'Take it back' })}
          <p class="soft">If it was you, close this page: nothing has happened.</p>`,
      };
    case 'undone':
      return {
        status: 200,
        title: 'The change is taken back',
        body: html`<h1>The change is taken back</h1>
          <p role="status">All sessions were ended, so every device is signed out, and the password works no more.</p>
          <p><a href="/account">Sign in</a> with the address that the account had before: a code comes to it. Then set a new password, if you want one.</p>`,
      };
    case 'expired':
      return {
        status: 410,
        title: 'It is too late',
        body: html`<h1>It is too late</h1><p role="alert">A change of address can be taken back for a week. Ask whoever runs ${product} for help.</p>`,
      };
    case 'taken':
      return {
        status: 409,
        title: 'The address is in use',
        body: html`<h1>The address is in use</h1><p role="alert">Another account has the former address by now, so nothing was changed. If that one is yours too, delete it and press the button in the mail once more, within a week of the change. Otherwise ask whoever runs ${product} for help.</p>`,
      };
    case 'not_found':
      return overPage('not_found');
  }
}
