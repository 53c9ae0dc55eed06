import type { SmsWords } from './en.js';

export const SMS_FIL: SmsWords = {
  'account.add': 'Magdagdag',
  'done.phone': 'Na-save ang numero ng telepono mo. Na-sign out ang lahat ng ibang device.',
  'done.phone_removed': 'Inalis ang numero ng telepono mo. Na-sign out ang lahat ng ibang device.',

  'own.phone': 'Numero ng telepono',
  'own.no_phone': 'Wala',
  'own.add_phone': 'Magdagdag ng numero ng telepono',
  'own.change_phone': 'Palitan ang numero ng telepono mo',
  'own.phone_is': 'Ang numero mo ay <b>{phone}</b>.',
  'own.phone_text':
    'Magpapadala kami ng code sa SMS sa bagong numero, at walang magbabago hangga’t hindi mo ito inilalagay.',
  'own.new_phone': 'Bagong numero ng telepono',
  'own.phone_hint': 'Kasama ang country code, gaya ng +63 917 123 4567.',
  'own.remove_phone': 'Alisin ang numero',
  'own.by_text_instead': 'Magpadala na lang ng code sa SMS sa {phone}',

  'sign_in.address_or_number': 'Ang email address o numero ng telepono mo',
  'sign_in.text_sms':
    'Ilagay ang email address mo, o ang numero ng telepono ng account mo, at padadalhan ka namin ng code. Isa-sign in ka nito sa {product}, o gagawa ito ng account para sa bagong email address.',
  'sign_in.no_number': 'Hindi iyan numero ng telepono na may country code. Dapat ay gaya ng +63 917 123 4567.',
  'reset.text_sms':
    'Ilagay ang email address mo, o ang numero ng telepono ng account mo, at padadalhan ka namin ng code para maglagay ng bagong password.',

  'code.title_sms': 'Tingnan ang telepono mo',
  'code.sent_sms': 'Nagpadala kami ng code na may 6 na numero sa SMS sa <b>{phone}</b>.',
  'code.sending_sms': 'Nagpapadala kami ng code na may 6 na numero sa SMS sa <b>{phone}</b>.',
  'code.hint_sms': 'ang 6 na numero sa text message',
  'code.other_number': 'Gumamit ng ibang numero',
  'code.by_mail_instead': 'Ipadala na lang sa email',
  'code.by_mail': 'Kung may account ang numerong ito, ipinadala namin ang code sa email ng account.',

  'sms.queued': 'Malapit nang ipadala ang text message.',
  'sms.sending': 'Ipinapadala na ang text message.',
  'sms.sent': 'Papunta na ang text message. Puwedeng umabot ng isang minuto bago ito dumating.',
  'sms.deferred': 'Hindi pa namin naipadala ang text message. Sinusubukan pa rin namin.',
  'sms.failed': 'Hindi kami makapagpadala ng text message sa numerong ito. Tingnan kung tama ito, o gumamit ng iba.',
  'sms.our_fault': 'Hindi namin naipadala ang text message. Nasa amin ang problema; subukan ulit mamaya.',
  'sms.unknown': 'Hindi kami sigurado kung naipadala ang text message. Kung hindi ito dumating, ipadala ulit.',
  'sms.expired': 'Hindi namin naipadala ang text message sa oras. Nasa amin ang problema; humingi ng bagong code.',
  'sms.delivered': 'Ayon sa network, naihatid na ang text message.',
  'sms.bounced': 'Hindi dumating ang text message. Tingnan kung tama ang numero, o gumamit ng iba.',
  'sms.gone': 'Hindi na namin alam kung ano ang nangyari sa text message na ito.',

  'problem.otp_consumed.sms': 'Isang beses lang magagamit ang code. Magsimula ulit para makakuha ng bago.',
  'problem.too_many_failures.sms': 'Para sa kaligtasan mo, hindi muna kami tatanggap ng code.',
  'problem.resend_too_soon.sms': 'Puwedeng umabot ng isang minuto bago dumating ang text message.',
  'problem.resend_exhausted.sms':
    'Tingnan kung tama ang numero. Kapag nag-expire na ang code na ito, puwede kang kumuha ng bago.',
  'problem.phone_taken': 'May account na ang numerong ito',
  'problem.phone_taken.text': 'Walang binago. Gumamit ng ibang numero, o alisin muna ito sa kabilang account.',
  'problem.no_phone': 'Walang numero ng telepono ang account mo',
  'problem.no_phone.text': 'Gumamit na lang ng code sa email.',
  'problem.sms_country': 'Hindi kami makapagpadala ng code sa numerong ito',
  'problem.sms_country.text':
    'Hindi kami nagpapadala ng code sa mga numero ng bansang ito. Subukan ang ibang numero, o gamitin na lang ang email.',
  'problem.sms_limited': 'Wala nang code sa SMS ngayong araw',
  'problem.sms_limited.text':
    'Hindi na kami makapagpapadala ng code sa numerong ito ngayong araw. Gamitin na lang ang email.',
  'problem.sms_sign_in_off': 'Gamitin ang email address mo',
  'problem.sms_sign_in_off.text':
    'Hindi makakapag-sign in dito gamit ang code sa SMS. Gamitin na lang ang email address mo.',
  'problem.sms_not_configured': 'Hindi nagpapadala ng code sa SMS dito',
  'problem.sms_not_configured.text': 'Gamitin na lang ang email address mo.',
};
