/** What problem-registry.ts has of numbers, and of codes that go to them. */
export const SMS_PROBLEMS = {
  sms_not_configured: {
    status: 422,
    title: 'No codes go by SMS here',
    remedy: 'Send the code by e-mail. An operator opens the other channel with SMS_TRANSPORTS.',
  },
  sms_country: {
    status: 422,
    title: 'No codes go to numbers of that country',
    remedy: 'Send the code by e-mail. An operator names the countries in SMS_COUNTRIES.',
  },
  sms_sign_in_off: {
    status: 422,
    title: 'No codes by SMS open an account here',
    remedy: 'Ask for a code with the address of the account. An operator opens the other channel with SMS_SIGN_IN=on.',
  },
  no_phone: {
    status: 422,
    title: 'The account has no number',
    remedy: 'Ask for the code by e-mail, or add a number: POST /v1/me/phone.',
  },
  phone_taken: {
    status: 409,
    title: 'The number belongs to another account',
    remedy: 'Use another number.',
  },
  same_channel: {
    status: 422,
    title: 'The code went there by this channel before',
    remedy: 'Leave "to" out to send it there once more, or give a destination of the other channel.',
  },
  sms_limited: {
    status: 429,
    title: 'No more codes go there by SMS today',
    remedy: 'Send the code by e-mail, or wait as long as Retry-After says.',
  },
} as const;
