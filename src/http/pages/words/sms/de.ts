import type { SmsWords } from './en.js';

export const SMS_DE: SmsWords = {
  'account.add': 'Hinzufügen',
  'done.phone': 'Ihre Telefonnummer wurde gespeichert. Alle anderen Geräte wurden abgemeldet.',
  'done.phone_removed': 'Ihre Telefonnummer wurde entfernt. Alle anderen Geräte wurden abgemeldet.',

  'own.phone': 'Telefonnummer',
  'own.no_phone': 'Keine',
  'own.add_phone': 'Telefonnummer hinzufügen',
  'own.change_phone': 'Telefonnummer ändern',
  'own.phone_is': 'Ihre Nummer ist <b>{phone}</b>.',
  'own.phone_text':
    'Wir senden einen Code per SMS an die neue Nummer; geändert wird erst etwas, wenn Sie ihn eingeben.',
  'own.new_phone': 'Neue Telefonnummer',
  'own.phone_hint': 'Mit Ländervorwahl, zum Beispiel +63 917 123 4567.',
  'own.remove_phone': 'Nummer entfernen',
  'own.by_text_instead': 'Lieber einen Code per SMS an {phone} senden',

  'sign_in.address_or_number': 'E-Mail-Adresse oder Telefonnummer',
  'sign_in.text_sms':
    'Geben Sie Ihre E-Mail-Adresse oder die Telefonnummer Ihres Kontos ein, und wir senden Ihnen einen Code. Damit melden Sie sich bei {product} an; zu einer neuen E-Mail-Adresse legen wir ein Konto an.',
  'sign_in.no_number': 'Das ist keine Telefonnummer mit Ländervorwahl. Ein Beispiel ist +63 917 123 4567.',
  'reset.text_sms':
    'Geben Sie Ihre E-Mail-Adresse oder die Telefonnummer Ihres Kontos ein, und wir senden Ihnen einen Code, mit dem Sie ein neues Passwort festlegen.',

  'code.title_sms': 'Sehen Sie auf Ihr Telefon',
  'code.sent_sms': 'Wir haben einen sechsstelligen Code per SMS an <b>{phone}</b> gesendet.',
  'code.sending_sms': 'Wir senden einen sechsstelligen Code per SMS an <b>{phone}</b>.',
  'code.hint_sms': 'die sechs Ziffern aus der SMS',
  'code.other_number': 'Andere Nummer verwenden',
  'code.by_mail_instead': 'Lieber per E-Mail senden',
  'code.by_mail':
    'Wenn diese Nummer zu einem Konto gehört, haben wir den Code an die E-Mail-Adresse des Kontos gesendet.',

  'sms.queued': 'Die SMS geht gleich hinaus.',
  'sms.sending': 'Die SMS geht gerade hinaus.',
  'sms.sent': 'Die SMS ist unterwegs. Sie kann eine Minute brauchen.',
  'sms.deferred': 'Wir konnten die SMS noch nicht senden. Wir versuchen es weiter.',
  'sms.failed':
    'An diese Nummer können wir keine SMS senden. Prüfen Sie, ob sie stimmt, oder verwenden Sie eine andere.',
  'sms.our_fault':
    'Wir konnten die SMS nicht senden. Der Fehler liegt bei uns; bitte versuchen Sie es später noch einmal.',
  'sms.unknown': 'Wir sind nicht sicher, ob die SMS hinausging. Wenn sie nicht ankommt, lassen Sie sie erneut senden.',
  'sms.expired':
    'Wir konnten die SMS nicht rechtzeitig senden. Der Fehler lag bei uns; bitte fordern Sie einen neuen Code an.',
  'sms.delivered': 'Der Netzbetreiber meldet, dass die SMS zugestellt wurde.',
  'sms.bounced': 'Die SMS kam nicht an. Prüfen Sie die Nummer, oder verwenden Sie eine andere.',
  'sms.gone': 'Was aus der SMS geworden ist, wissen wir nicht mehr.',

  'problem.otp_consumed.sms': 'Ein Code gilt einmal. Bitte beginnen Sie von vorn, um einen neuen zu erhalten.',
  'problem.too_many_failures.sms': 'Zu Ihrer Sicherheit nehmen wir eine Weile keinen Code an.',
  'problem.resend_too_soon.sms': 'Eine SMS kann eine Minute brauchen.',
  'problem.resend_exhausted.sms':
    'Prüfen Sie die Nummer. Sobald dieser Code abgelaufen ist, können Sie einen neuen erhalten.',
  'problem.phone_taken': 'Diese Nummer hat schon ein Konto',
  'problem.phone_taken.text':
    'Es wurde nichts geändert. Verwenden Sie eine andere Nummer, oder entfernen Sie sie zuerst aus dem anderen Konto.',
  'problem.no_phone': 'Ihr Konto hat keine Telefonnummer',
  'problem.no_phone.text': 'Verwenden Sie stattdessen einen Code per E-Mail.',
  'problem.sms_country': 'An diese Nummer können wir keinen Code senden',
  'problem.sms_country.text':
    'An Nummern dieses Landes senden wir keine Codes. Verwenden Sie eine andere Nummer oder stattdessen E-Mail.',
  'problem.sms_limited': 'Heute keine weiteren Codes per SMS',
  'problem.sms_limited.text':
    'Heute können wir keine weiteren Codes an diese Nummer senden. Bitte verwenden Sie stattdessen E-Mail.',
  'problem.sms_sign_in_off': 'Bitte verwenden Sie Ihre E-Mail-Adresse',
  'problem.sms_sign_in_off.text':
    'Mit Codes per SMS kann man sich hier nicht anmelden. Bitte verwenden Sie Ihre E-Mail-Adresse.',
  'problem.sms_not_configured': 'Hier gehen keine Codes per SMS hinaus',
  'problem.sms_not_configured.text': 'Bitte verwenden Sie stattdessen Ihre E-Mail-Adresse.',
};
