import type { EmailDraft } from './emails.js';
import type { Otpost } from './otpost.js';

export interface BetterAuthOptions {
  /**
   * Where an invitation is accepted: Better Auth knows ids of invitations, and no page. Needed for
   * `sendInvitationEmail`.
   */
  invitationUrl?: (id: string) => string;
  /** In which language somebody reads; without it the service's default. */
  localeOf?: (email: string) => string | undefined;
  /** How long things work, in seconds, where you changed it there. No mail goes out later than that. */
  expiresIn?: Partial<typeof LIFETIMES>;
}

/** As Better Auth 1.7 has them unless told otherwise, in seconds. */
const LIFETIMES = {
  otp: 300,
  magicLink: 300,
  twoFactor: 180,
  resetPassword: 3_600,
  emailVerification: 3_600,
  changeEmail: 3_600,
  deleteAccount: 86_400,
  invitation: 172_800,
};

interface ToUser {
  user: { email: string };
  url: string;
}

const OTP_TEMPLATES = {
  'sign-in': 'auth-login',
  'email-verification': 'auth-confirm',
  'forget-password': 'auth-recovery',
  'change-email': 'auth-email-change',
};

/** What Better Auth calls when it wants a mail sent; each has the name of the option that it is for. */
export interface BetterAuthMail {
  sendVerificationOTP(data: { email: string; otp: string; type: keyof typeof OTP_TEMPLATES }): Promise<void>;
  sendMagicLink(data: { email: string; url: string }): Promise<void>;
  sendOTP(data: { user: { email: string }; otp: string }): Promise<void>;
  sendResetPassword(data: ToUser): Promise<void>;
  sendVerificationEmail(data: ToUser): Promise<void>;
  sendChangeEmailConfirmation(data: ToUser & { newEmail: string }): Promise<void>;
  sendDeleteAccountVerification(data: ToUser): Promise<void>;
  sendInvitationEmail(data: {
    id: string;
    email: string;
    organization: { name: string };
    inviter: { user: { name: string } };
  }): Promise<void>;
}

/**
 * Better Auth's mail, in the words of the `auth-…` templates of the service. A callback's promise is kept once the
 * message is committed, and broken where it is not. Better Auth logs what is thrown and answers success all the same.
 *
 * @example
 * const mail = betterAuth(otpost);
 * const options = {
 *   emailAndPassword: { enabled: true, sendResetPassword: mail.sendResetPassword },
 *   emailVerification: { sendVerificationEmail: mail.sendVerificationEmail },
 * }; // betterAuth({ ...options, plugins: [emailOTP(mail), magicLink(mail)] })
 * await options.emailVerification.sendVerificationEmail({
 *   user: { email: 'ada@example.com' },
 *   url: 'https://shop.example.com/api/auth/verify-email?token=…',
 * });
 */
export function betterAuth(otpost: Otpost, options: BetterAuthOptions = {}): BetterAuthMail {
  const lifetimes = { ...LIFETIMES, ...options.expiresIn };

  async function send(
    to: string,
    template: string,
    what: keyof typeof LIFETIMES,
    variables: Record<string, string>,
  ): Promise<void> {
    const seconds = lifetimes[what];
    const locale = options.localeOf?.(to);
    const draft: EmailDraft = {
      to,
      template,
      // Invitations tell a date, and no minutes.
      variables: what === 'invitation' ? variables : { ...variables, validMinutes: String(Math.floor(seconds / 60)) },
      tags: ['better-auth'],
      lane: 'critical',
      expiresAt: new Date(Date.now() + seconds * 1_000),
      ...(locale === undefined ? {} : { locale }),
    };
    await otpost.emails.send(draft);
  }

  return {
    sendVerificationOTP: ({ email, otp, type }) =>
      send(email, OTP_TEMPLATES[type], 'otp', {
        code: otp,
        ...(type === 'change-email' ? { newAddress: email } : {}),
      }),
    sendMagicLink: ({ email, url }) => send(email, 'auth-login', 'magicLink', { link: url }),
    sendOTP: ({ user, otp }) => send(user.email, 'auth-login', 'twoFactor', { code: otp }),
    sendResetPassword: ({ user, url }) => send(user.email, 'auth-recovery', 'resetPassword', { link: url }),
    sendVerificationEmail: ({ user, url }) => send(user.email, 'auth-confirm', 'emailVerification', { link: url }),
    sendChangeEmailConfirmation: ({ user, newEmail, url }) =>
      send(user.email, 'auth-email-change', 'changeEmail', { link: url, newAddress: newEmail }),
    sendDeleteAccountVerification: ({ user, url }) =>
      send(user.email, 'auth-reauthenticate', 'deleteAccount', { link: url }),
    sendInvitationEmail: async ({ id, email, organization, inviter }) => {
      if (!options.invitationUrl) throw new TypeError('sendInvitationEmail needs the option invitationUrl.');
      const link = options.invitationUrl(id);
      await send(email, 'invitation', 'invitation', { group: organization.name, link, inviter: inviter.user.name });
    },
  };
}
