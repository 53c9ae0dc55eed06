/** What en.ts has of numbers, and of codes that go to them. */
export const SMS_EN = {
  'account.add': 'Add',
  'done.phone': 'Your phone number was saved. All other devices were signed out.',
  'done.phone_removed': 'Your phone number was removed. All other devices were signed out.',

  'own.phone': 'Phone number',
  'own.no_phone': 'None',
  'own.add_phone': 'Add a phone number',
  'own.change_phone': 'Change your phone number',
  'own.phone_is': 'Your number is <b>{phone}</b>.',
  'own.phone_text': 'We’ll send a code by SMS to the new number, and nothing changes until you enter it.',
  'own.new_phone': 'New phone number',
  'own.phone_hint': 'With its country code, such as +63 917 123 4567.',
  'own.remove_phone': 'Remove number',
  'own.by_text_instead': 'Send a code by SMS to {phone} instead',

  'sign_in.address_or_number': 'Email address or phone number',
  'sign_in.text_sms':
    'Enter your email address, or the phone number of your account, and we’ll send you a code. It signs you in to {product}, or creates an account for a new email address.',
  'sign_in.no_number': 'That’s not a phone number with its country code. It should look like +63 917 123 4567.',
  'reset.text_sms':
    'Enter your email address, or the phone number of your account, and we’ll send you a code to set a new password.',

  'code.title_sms': 'Check your phone',
  'code.sent_sms': 'We sent a 6-digit code by SMS to <b>{phone}</b>.',
  'code.sending_sms': 'We’re sending a 6-digit code by SMS to <b>{phone}</b>.',
  'code.hint_sms': 'the 6 digits from the text message',
  'code.other_number': 'Use another number',
  'code.by_mail_instead': 'Send it by email instead',
  'code.by_mail': 'If this number belongs to an account, we sent the code to the account’s email address.',

  'sms.queued': 'The text message is about to go out.',
  'sms.sending': 'The text message is going out now.',
  'sms.sent': 'The text message is on its way. It can take a minute to arrive.',
  'sms.deferred': 'We couldn’t send the text message yet. We’re still trying.',
  'sms.failed': 'We can’t send text messages to this number. Check it for typos, or use another one.',
  'sms.our_fault': 'We couldn’t send the text message. The problem is on our side; please try again later.',
  'sms.unknown': 'We’re not sure the text message went out. If it doesn’t arrive, send it again.',
  'sms.expired': 'We couldn’t send the text message in time. The problem was on our side; please ask for a new code.',
  'sms.delivered': 'The network says that the text message was delivered.',
  'sms.bounced': 'The text message didn’t arrive. Check the number, or use another one.',
  'sms.gone': 'We no longer know what happened to this text message.',

  'problem.otp_consumed.sms': 'A code works once. Please start over to get a new one.',
  'problem.too_many_failures.sms': 'For your safety, no code is taken for a while.',
  'problem.resend_too_soon.sms': 'A text message can take a minute to arrive.',
  'problem.resend_exhausted.sms': 'Check the number. Once this code has expired, you can get a new one.',
  'problem.phone_taken': 'This number already has an account',
  'problem.phone_taken.text': 'Nothing was changed. Use another number, or remove it from the other account first.',
  'problem.no_phone': 'Your account has no phone number',
  'problem.no_phone.text': 'Use a code by email instead.',
  'problem.sms_country': 'We can’t send a code to this number',
  'problem.sms_country.text':
    'We don’t send codes to numbers of this country. Try another number, or use email instead.',
  'problem.sms_limited': 'No more codes by SMS today',
  'problem.sms_limited.text': 'We can’t send any more codes to this number today. Please use email instead.',
  'problem.sms_sign_in_off': 'Please use your email address',
  'problem.sms_sign_in_off.text': 'Codes by SMS don’t sign anyone in here. Please use your email address.',
  'problem.sms_not_configured': 'No codes go by SMS here',
  'problem.sms_not_configured.text': 'Please use your email address instead.',
} as const;

export type SmsWords = Readonly<Record<keyof typeof SMS_EN, string>>;
