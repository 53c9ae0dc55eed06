import type { SmsWords } from './en.js';

export const SMS_FR: SmsWords = {
  'account.add': 'Ajouter',
  'done.phone': 'Votre numéro de téléphone a été enregistré. Tous les autres appareils ont été déconnectés.',
  'done.phone_removed': 'Votre numéro de téléphone a été supprimé. Tous les autres appareils ont été déconnectés.',

  'own.phone': 'Numéro de téléphone',
  'own.no_phone': 'Aucun',
  'own.add_phone': 'Ajouter un numéro de téléphone',
  'own.change_phone': 'Modifier votre numéro de téléphone',
  'own.phone_is': 'Votre numéro est le <b>{phone}</b>.',
  'own.phone_text':
    'Nous enverrons un code par SMS au nouveau numéro, et rien ne change tant que vous ne l’avez pas saisi.',
  'own.new_phone': 'Nouveau numéro de téléphone',
  'own.phone_hint': 'Avec l’indicatif du pays, par exemple +63 917 123 4567.',
  'own.remove_phone': 'Supprimer le numéro',
  'own.by_text_instead': 'Envoyer plutôt un code par SMS au {phone}',

  'sign_in.address_or_number': 'Adresse e-mail ou numéro de téléphone',
  'sign_in.text_sms':
    'Saisissez votre adresse e-mail ou le numéro de téléphone de votre compte et nous vous enverrons un code. Il vous connecte à {product}, ou crée un compte pour une nouvelle adresse e-mail.',
  'sign_in.no_number':
    'Ce n’est pas un numéro de téléphone avec son indicatif de pays. Par exemple : +63 917 123 4567.',
  'reset.text_sms':
    'Saisissez votre adresse e-mail ou le numéro de téléphone de votre compte et nous vous enverrons un code pour définir un nouveau mot de passe.',

  'code.title_sms': 'Consultez votre téléphone',
  'code.sent_sms': 'Nous avons envoyé un code à 6 chiffres par SMS au <b>{phone}</b>.',
  'code.sending_sms': 'Nous envoyons un code à 6 chiffres par SMS au <b>{phone}</b>.',
  'code.hint_sms': 'les 6 chiffres du SMS',
  'code.other_number': 'Utiliser un autre numéro',
  'code.by_mail_instead': 'L’envoyer plutôt par e-mail',
  'code.by_mail': 'Si ce numéro appartient à un compte, nous avons envoyé le code à l’adresse e-mail de ce compte.',

  'sms.queued': 'Le SMS va partir.',
  'sms.sending': 'Le SMS est en train de partir.',
  'sms.sent': 'Le SMS est en route. Il peut mettre une minute à arriver.',
  'sms.deferred': 'Nous n’avons pas encore pu envoyer le SMS. Nous continuons d’essayer.',
  'sms.failed': 'Nous ne pouvons pas envoyer de SMS à ce numéro. Vérifiez-le ou utilisez-en un autre.',
  'sms.our_fault': 'Nous n’avons pas pu envoyer le SMS. Le problème vient de nous ; veuillez réessayer plus tard.',
  'sms.unknown': 'Nous ne sommes pas sûrs que le SMS soit parti. S’il n’arrive pas, renvoyez-le.',
  'sms.expired':
    'Nous n’avons pas pu envoyer le SMS à temps. Le problème venait de nous ; veuillez demander un nouveau code.',
  'sms.delivered': 'L’opérateur indique que le SMS a été remis.',
  'sms.bounced': 'Le SMS n’est pas arrivé. Vérifiez le numéro ou utilisez-en un autre.',
  'sms.gone': 'Nous ne savons plus ce que ce SMS est devenu.',

  'problem.otp_consumed.sms': 'Un code fonctionne une seule fois. Recommencez pour en recevoir un nouveau.',
  'problem.too_many_failures.sms': 'Pour votre sécurité, aucun code n’est accepté pendant un moment.',
  'problem.resend_too_soon.sms': 'Un SMS peut mettre une minute à arriver.',
  'problem.resend_exhausted.sms': 'Vérifiez le numéro. Une fois ce code expiré, vous pourrez en recevoir un nouveau.',
  'problem.phone_taken': 'Ce numéro a déjà un compte',
  'problem.phone_taken.text':
    'Rien n’a été modifié. Utilisez un autre numéro, ou supprimez-le d’abord de l’autre compte.',
  'problem.no_phone': 'Votre compte n’a pas de numéro de téléphone',
  'problem.no_phone.text': 'Utilisez plutôt un code par e-mail.',
  'problem.sms_country': 'Nous ne pouvons pas envoyer de code à ce numéro',
  'problem.sms_country.text':
    'Nous n’envoyons pas de codes aux numéros de ce pays. Essayez un autre numéro, ou utilisez plutôt l’e-mail.',
  'problem.sms_limited': 'Plus de codes par SMS aujourd’hui',
  'problem.sms_limited.text':
    'Nous ne pouvons plus envoyer de codes à ce numéro aujourd’hui. Utilisez plutôt l’e-mail.',
  'problem.sms_sign_in_off': 'Utilisez votre adresse e-mail',
  'problem.sms_sign_in_off.text':
    'Les codes par SMS ne permettent pas de se connecter ici. Utilisez votre adresse e-mail.',
  'problem.sms_not_configured': 'Aucun code n’est envoyé par SMS ici',
  'problem.sms_not_configured.text': 'Utilisez plutôt votre adresse e-mail.',
};
