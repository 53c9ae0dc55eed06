import type { PlainWord } from '../http/pages/words.js';
import type { TemplateName } from '../mail/content/template-names.js';

/**
 * One purpose of a code: all that the rest of the program asks of it. Adding a purpose is one row, and its template.
 */
interface PurposeRow {
  /** The mail that carries the code. */
  template: TemplateName;
  /**
   * The mail to an address that the purpose does not fit: an account is missing there, or is there already. The same
   * steps are taken. A decoy carries no code, and nothing opens its challenge.
   */
  otherwise: { template: TemplateName; decoy: boolean } | null;
  /** How POST /v1/otp asks for it: with an address, or signed in. Null: the purpose has a call of its own. */
  asked: 'with_address' | 'in_session' | null;
  /** Only the session that asked gives the code back. Otherwise anybody may, and is signed in. */
  session: boolean;
  /**
   * The mailed link does as well as the code; these are the words of its page. Not for a code that belongs to a
   * session: whoever opens a mail need not be who started it, and a stranger may have entered somebody else's address
   * as his new one.
   */
  link: { title: PlainWord; button: PlainWord } | null;
  /** The code is given back together with a new password. */
  newPassword: boolean;
  /** What giving it back does besides signing in; accounts/codes/finishing.ts does it. */
  finishing: Finishing;
}

export type Finishing = 'creates_account' | 'verifies_address' | 'changes_address' | 'changes_number' | 'nothing_more';

const NO_ACCOUNT = { template: 'no-account', decoy: true } as const;
const CONFIRM = { title: 'link.confirm', button: 'link.confirm_button' } as const;

/** What a code may be for. A code for one purpose never works for another. The order is that of the documentation. */
export const PURPOSES = {
  register: {
    template: 'register-code',
    otherwise: { template: 'account-exists-code', decoy: false },
    asked: null,
    session: false,
    link: CONFIRM,
    newPassword: false,
    finishing: 'creates_account',
  },
  login: {
    template: 'login-code',
    otherwise: NO_ACCOUNT,
    asked: 'with_address',
    session: false,
    link: { title: 'link.sign_in', button: 'link.sign_in' },
    newPassword: false,
    finishing: 'nothing_more',
  },
  reset_password: {
    template: 'reset-code',
    otherwise: NO_ACCOUNT,
    asked: 'with_address',
    session: false,
    link: { title: 'link.new_password', button: 'link.new_password_button' },
    newPassword: true,
    finishing: 'nothing_more',
  },
  verify_email: {
    template: 'verify-code',
    otherwise: NO_ACCOUNT,
    asked: 'with_address',
    session: false,
    link: CONFIRM,
    newPassword: false,
    finishing: 'verifies_address',
  },
  change_email: {
    template: 'change-email-code',
    otherwise: { template: 'email-taken', decoy: true },
    asked: null,
    session: true,
    link: null,
    newPassword: false,
    finishing: 'changes_address',
  },
  change_phone: {
    template: 'change-email-code',
    otherwise: { template: 'email-taken', decoy: true },
    asked: null,
    session: true,
    link: null,
    newPassword: false,
    finishing: 'changes_number',
  },
  reauthenticate: {
    template: 'reauthenticate-code',
    otherwise: null,
    asked: 'in_session',
    session: true,
    link: null,
    newPassword: false,
    finishing: 'nothing_more',
  },
} as const satisfies Record<string, PurposeRow>;

export type Purpose = keyof typeof PURPOSES;
type AskedAs<How> = { [P in Purpose]: (typeof PURPOSES)[P]['asked'] extends How ? P : never }[Purpose];
/** What POST /v1/otp takes. */
export type AskablePurpose = AskedAs<'with_address' | 'in_session'>;
/** What a stranger may ask a code for there. */
export type PublicPurpose = AskedAs<'with_address'>;

export const PURPOSE_NAMES = Object.keys(PURPOSES) as Purpose[];
export const ASKABLE_PURPOSES = PURPOSE_NAMES.filter((name): name is AskablePurpose => PURPOSES[name].asked !== null);

/** Whether it is one of ours, and not one that a back end made up. */
export function isPurpose(text: string): text is Purpose {
  return Object.hasOwn(PURPOSES, text);
}

/** Undefined for a purpose that a back end made up. */
export function purposeRow(purpose: string): PurposeRow | undefined {
  return isPurpose(purpose) ? PURPOSES[purpose] : undefined;
}

/**
 * Of a code that confirms a subscription, whose link opens a page of its own. One purpose an audience: whoever confirms
 * one keeps the codes of the others.
 */
export function subscribePurpose(audienceId: string): string {
  return `subscribe:${audienceId}`;
}

/** The first part of the path behind the link of this challenge; undefined where its mail has none. */
export function linkPathOf(challenge: { purpose: string; decoy: boolean }): 'l' | 'subscribe' | undefined {
  if (challenge.purpose.startsWith('subscribe:')) return 'subscribe';
  return linkOf(challenge) ? 'l' : undefined;
}

/** The link of this challenge, where the mail has one that opens something. */
export function linkOf({ purpose, decoy }: { purpose: string; decoy: boolean }): PurposeRow['link'] {
  return decoy ? null : (purposeRow(purpose)?.link ?? null);
}

/**
 * Purposes whose wrong codes are counted together. All that open an account for whoever has the code are one: otherwise
 * each of them would be a budget of its own for whoever guesses.
 */
export function budgetClass(purpose: string): string {
  return purposeRow(purpose)?.session === false ? 'sign_in' : purpose;
}

/** For what is counted by purpose: those that back ends make up are one, for each value is a time series. */
export function purposeClass(purpose: string): Purpose | 'custom' {
  return isPurpose(purpose) ? purpose : 'custom';
}
