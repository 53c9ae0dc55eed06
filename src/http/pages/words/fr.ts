import type { Words } from './en.js';
import { SMS_FR } from './sms/fr.js';

export const FR: Words = {
  'page.help': 'Besoin d’aide ? {link}',

  'home.what':
    'Des comptes, des codes à usage unique et les e-mails et SMS qui les portent, avec un reçu pour chaque message.',
  'home.well': 'Tout fonctionne.',
  'home.well_text': 'Les e-mails partent normalement.',
  'home.slow': 'Les e-mails ont du retard en ce moment.',
  'home.slow_text':
    'Les demandes sont acceptées et rien n’est perdu. Les e-mails partiront dès que le problème sera résolu.',
  'home.down': 'Nous ne pouvons rien accepter pour le moment.',
  'home.down_text': 'La base de données ne répond pas. Veuillez réessayer dans quelques minutes.',
  'home.account': 'Votre compte',
  'home.account_text': 'Connectez-vous ou inscrivez-vous, et voyez où vous êtes connecté.',
  'home.inbox': 'Boîte de réception',
  'home.inbox_text': 'Tous les e-mails gardés ici au lieu d’être envoyés.',
  'home.operations': 'Exploitation',
  'home.operations_text': 'Pour l’exploitation : ce qui est bloqué, pourquoi, et l’historique de chaque message.',
  'home.docs': 'Documentation de l’API',
  'home.docs_text': 'Pour le développement : chaque appel, avec un exemple à copier.',
  'home.health': 'État du service',
  'home.health_text': 'Pour la surveillance : le même état, en JSON.',
  'home.first': 'Votre première minute',
  'home.first_text': 'Rien ne quitte cette machine : les e-mails restent dans la boîte de réception.',
  'home.first_real':
    'Utilisez une adresse à vous : un vrai moyen d’envoi est configuré, les e-mails peuvent donc vraiment partir.',
  'home.register': 'S’inscrire',
  'home.read': 'Lire le code',
  'home.receipt': 'Voir le reçu',

  'account.title': 'Votre compte',
  'account.who': 'Vous êtes connecté à {product} en tant que <b>{email}</b>.',
  'account.change': 'Modifier',
  'account.sessions': 'Où vous êtes connecté',
  'account.sign_out': 'Se déconnecter',
  'account.sign_out_everywhere': 'Se déconnecter partout',
  'account.unknown_device': 'Appareil inconnu',
  'account.here': '(cet appareil)',
  'account.last_used': 'Dernière utilisation : {when}',
  'account.since': 'Depuis le {when}, {way}',
  'account.since_from': 'Depuis le {when}, {way}, depuis {ip}',
  'account.by_code': 'avec un code',
  'account.by_link': 'avec un lien',
  'account.by_password': 'avec un mot de passe',
  'account.end': 'Déconnecter',
  'account.end_device': 'Déconnecter {device}',

  'done.profile': 'Votre profil a été enregistré.',
  'done.password': 'Votre mot de passe a été enregistré. Tous les autres appareils ont été déconnectés.',
  'done.password_removed': 'Votre mot de passe a été supprimé. Désormais, vous vous connectez avec un code.',
  'done.email': 'Votre adresse e-mail a été modifiée. Tous les autres appareils ont été déconnectés.',

  'own.back': 'Retour à votre compte',
  'own.save': 'Enregistrer',
  'own.profile': 'Nom et langue',
  'own.name': 'Nom',
  'own.no_name': 'Non renseigné',
  'own.language': 'Langue',
  'own.language_of_browser': 'Celle de votre navigateur',
  'own.confirm_text':
    'Assurons-nous d’abord que c’est bien vous : nous envoyons un code à 6 chiffres à <b>{email}</b>, puis vous pourrez continuer ici.',
  'own.confirm_button': 'M’envoyer un code',
  'own.by_code_instead': 'Utiliser plutôt un code par e-mail',
  'own.current_password': 'Mot de passe actuel',
  'own.wrong_password': 'Ce n’est pas votre mot de passe actuel.',
  'own.has_password': 'Défini',
  'own.no_password': 'Aucun : vous vous connectez avec un code',
  'own.set_password': 'Définir un mot de passe',
  'own.change_password': 'Modifier votre mot de passe',
  'own.password_text': 'Tous vos autres appareils seront déconnectés.',
  'own.save_password': 'Enregistrer le mot de passe',
  'own.remove_password': 'Supprimer le mot de passe',
  'own.remove_password_text': 'Sans mot de passe, vous vous connectez avec un code que nous vous envoyons par e-mail.',
  'own.change_email': 'Modifier votre adresse e-mail',
  'own.email_text':
    'Votre adresse est <b>{email}</b>. Nous enverrons un code à la nouvelle, et rien ne change tant que vous ne l’avez pas saisi.',
  'own.new_email': 'Nouvelle adresse e-mail',
  'own.send_code': 'Envoyer le code',
  'own.delete': 'Supprimer votre compte',
  'own.delete_text':
    'Le compte de <b>{email}</b> et tout ce qui y est enregistré seront supprimés, et vous serez déconnecté partout. C’est irréversible.',
  'own.delete_button': 'Supprimer mon compte',
  'own.deleted': 'Votre compte a été supprimé',
  'own.deleted_text': 'Tout ce que nous avions enregistré a disparu. Merci d’avoir été des nôtres.',

  'sign_in.title': 'Se connecter ou s’inscrire',
  'sign_in.text':
    'Saisissez votre adresse e-mail et nous vous enverrons un code. Il vous connecte à {product}, ou crée votre compte si vous êtes nouveau.',
  'sign_in.address': 'Adresse e-mail',
  'sign_in.button': 'Continuer par e-mail',
  'sign_in.no_address': 'Cela ne ressemble pas à une adresse e-mail. Par exemple : ada@example.com.',
  'sign_in.with_password': 'Se connecter plutôt avec un mot de passe',
  'sign_in.with_code': 'Se connecter ou s’inscrire plutôt avec un code',
  'sign_in.password_title': 'Se connecter avec un mot de passe',
  'sign_in.password': 'Mot de passe',
  'sign_in.password_button': 'Se connecter',
  'sign_in.forgot': 'Mot de passe oublié ?',
  'sign_in.wrong_password':
    'L’adresse ou le mot de passe est incorrect, ou ce compte n’a pas de mot de passe. Vous pouvez toujours vous connecter avec un code.',
  'reset.title': 'Mot de passe oublié ?',
  'reset.text': 'Saisissez votre adresse e-mail et nous vous enverrons un code pour en définir un nouveau.',
  'reset.button': 'M’envoyer un code',
  'reset.sign_in': 'Se connecter plutôt avec un code',

  'code.title': 'Consultez vos e-mails',
  'code.text_sent': 'Nous avons envoyé un code à 6 chiffres à <b>{email}</b>.',
  'code.text_sending': 'Nous envoyons un code à 6 chiffres à <b>{email}</b>.',
  'code.reference': 'L’objet contient la référence <b>{reference}</b>.',
  'code.label': 'Code',
  'code.hint': 'les 6 chiffres de l’e-mail',
  'code.button': 'Continuer',
  'code.look_again': 'Vérifier à nouveau',
  'code.lives': 'Le code expire dans {time}.',
  'code.other_address': 'Utiliser une autre adresse',
  'code.cancel': 'Annuler',
  'code.resend': 'Renvoyer le code',
  'code.resend_later': 'Rien reçu ? Vous pourrez le renvoyer dans {time}.',
  'code.resend_exhausted': 'Nous ne pouvons plus renvoyer ce code.',
  'code.six_digits': 'Veuillez saisir les 6 chiffres du code.',
  'code.wrong': 'Ce n’est pas le bon code. Il vous reste {tries} essais.',
  'code.wrong_one_left': 'Ce n’est pas le bon code. Il vous reste un essai.',
  'code.new': 'Envoyer un nouveau code',
  'code.new_goes_to': 'Il est envoyé à <b>{email}</b>.',
  'code.other_way': 'Recommencer',
  'code.locked_no_link': 'Pour votre sécurité, ce code ne fonctionne plus.',

  'delivery.queued': 'L’e-mail va partir.',
  'delivery.sending': 'L’e-mail est en train de partir.',
  'delivery.sent':
    'L’e-mail est en route. Si vous ne le voyez pas d’ici une minute, regardez dans vos courriers indésirables.',
  'delivery.deferred': 'Nous n’avons pas encore pu envoyer l’e-mail. Nous continuons d’essayer.',
  'delivery.failed': 'Nous ne pouvons pas envoyer d’e-mail à cette adresse. Vérifiez-la ou utilisez-en une autre.',
  'delivery.our_fault':
    'Nous n’avons pas pu envoyer l’e-mail. Le problème vient de nous ; veuillez réessayer plus tard.',
  'delivery.unknown': 'Nous ne sommes pas sûrs que l’e-mail soit parti. S’il n’arrive pas, renvoyez-le.',
  'delivery.expired':
    'Nous n’avons pas pu envoyer l’e-mail à temps. Le problème venait de nous ; veuillez demander un nouveau code.',
  'delivery.delivered': 'L’e-mail a été remis. Si vous ne le voyez pas, regardez dans vos courriers indésirables.',
  'delivery.bounced':
    'L’e-mail nous est revenu : votre messagerie l’a refusé. Vérifiez l’adresse ou utilisez-en une autre.',
  'delivery.gone': 'Nous ne savons plus ce que cet e-mail est devenu.',

  'link.confirm': 'Confirmez votre adresse e-mail',
  'link.confirm_button': 'Confirmer et se connecter',
  'link.sign_in': 'Se connecter',
  'link.new_password': 'Définir un nouveau mot de passe',
  'link.new_password_button': 'Enregistrer et se connecter',
  'link.signs_in': 'Connectez-vous à {product}, dans ce navigateur, en tant que <b>{email}</b>.',
  'link.confirms': 'Confirmez que <b>{email}</b> est à vous et connectez-vous à {product}, dans ce navigateur.',
  'link.begun_elsewhere':
    'Avez-vous saisi un nom ou un mot de passe sur une autre page ? Retournez-y et saisissez plutôt le code : ce lien n’en tient pas compte.',
  'link.reference': 'Référence <b>{reference}</b>, comme dans l’e-mail.',
  'link.not_asked': 'Vous n’avez rien demandé ?',
  'link.not_me': 'Ce n’était pas moi',
  'link.password_text':
    'Pour votre compte {product}. Vous serez connecté ici et déconnecté de tous les autres appareils.',
  'link.account': 'Compte',
  'link.password': 'Nouveau mot de passe',
  'link.password_hint': 'Au moins 8 caractères. Quelques mots pris au hasard conviennent bien.',
  'link.nothing': 'Il n’y a rien à ouvrir ici',
  'link.nothing_decoy': 'L’e-mail indique ce qu’il faut faire. Sa référence est <b>{reference}</b>.',
  'link.nothing_code':
    'Saisissez le code sur la page où vous l’avez demandé. La référence de l’e-mail est <b>{reference}</b>.',

  'over.way_on':
    '<a href="/account">Connectez-vous avec votre adresse e-mail</a>, ou retournez là où vous avez demandé l’e-mail et demandez-en un nouveau.',
  'over.consumed': 'Ce lien a déjà été utilisé',
  'over.consumed.text':
    'Un lien fonctionne une seule fois, tout comme le code du même e-mail. En utiliser un plus récent y met fin aussi.',
  'over.disowned': 'Ce lien a été bloqué',
  'over.disowned.text':
    'Une personne qui a l’e-mail a choisi « Ce n’était pas moi » ; le lien ne fonctionne donc plus.',
  'over.expired': 'Ce lien a expiré',
  'over.expired.text': 'Il était valable dix minutes.',
  'over.not_found': 'Ce lien ne fonctionne pas',
  'over.not_found.text':
    'Votre logiciel de messagerie l’a peut-être coupé, ou il est très ancien. Essayez de l’ouvrir à nouveau depuis l’e-mail.',

  password_too_short: 'Utilisez au moins 8 caractères. Quelques mots pris au hasard conviennent bien.',
  password_too_long: 'Utilisez au plus 128 caractères.',
  password_common:
    'Ce mot de passe est l’un des premiers que les pirates essaient. Quelques mots pris au hasard conviennent bien.',
  password_contextual:
    'Ce mot de passe est votre nom, votre adresse ou le nom de ce service, que les pirates essaient en premier. Quelques mots pris au hasard conviennent bien.',

  'not_me.title': 'Ce n’était pas vous ?',
  'not_me.text':
    'Quelqu’un a demandé à {product} d’envoyer un e-mail à <b>{email}</b>, référence <b>{reference}</b>. Si ce n’était pas vous, bloquez-le : son code et son lien ne fonctionneront plus, et la personne qui l’a demandé devra attendre plus longtemps avant de recommencer.',
  'not_me.close': 'Si c’était vous, fermez simplement cette page. Il ne s’est encore rien passé.',
  'not_me.stopped': 'C’est bloqué',
  'not_me.stopped_text':
    'Le code et le lien de l’e-mail portant la référence <b>{reference}</b> ne fonctionnent plus. Vous n’avez rien d’autre à faire.',
  'not_me.stopped_nobody': 'Personne ne s’est connecté avec, et rien n’a été modifié dans votre compte.',
  'not_me.over': 'C’est déjà terminé',
  'not_me.expired': 'Le code et le lien de cet e-mail ont expiré sans avoir servi. Vous n’avez rien à faire.',
  'not_me.used': 'Il a déjà été utilisé',
  'not_me.used_text':
    'Quelqu’un a saisi le code de cet e-mail ou utilisé son lien ; il n’est donc plus possible de le bloquer.',
  'not_me.used_what_to_do':
    'Si ce n’était pas vous, quelqu’un d’autre lit peut-être vos e-mails. Changez d’abord le mot de passe de votre messagerie. Ensuite, <a href="/account">connectez-vous ici</a> et choisissez « Se déconnecter partout ». Si votre compte a un mot de passe, changez-le aussi.',
  'not_me.replaced':
    'Un e-mail plus récent ayant le même but a été utilisé, ce qui a mis fin au code et au lien de celui-ci.',
  'not_me.replaced_what_to_do':
    'Si ce n’était pas vous, <a href="/account">connectez-vous ici</a> et choisissez « Se déconnecter partout ».',

  'undo.title': 'Annuler le changement d’adresse ?',
  'undo.text':
    'L’adresse de votre compte {product} est passée de <b>{old}</b> à <b>{new}</b>. Si ce n’était pas vous, annulez : le compte retrouve son ancienne adresse, tous les appareils sont déconnectés et le mot de passe est supprimé.',
  'undo.button': 'Annuler la modification',
  'undo.done': 'La modification a été annulée',
  'undo.done_text': 'Tous les appareils ont été déconnectés et le mot de passe ne fonctionne plus.',
  'undo.done_what_to_do':
    '<a href="/account">Connectez-vous</a> avec votre ancienne adresse ; nous y enverrons un code. Vous pourrez ensuite définir un nouveau mot de passe.',
  'undo.too_late': 'Il est trop tard pour annuler',
  'undo.too_late_text':
    'Un changement d’adresse peut être annulé pendant une semaine. Demandez de l’aide aux responsables de {product}.',
  'undo.taken': 'Cette adresse est déjà utilisée',
  'undo.taken_text':
    'Un autre compte a désormais votre ancienne adresse ; rien n’a donc été modifié. Si ce compte est à vous, supprimez-le et ouvrez à nouveau le lien de l’e-mail, dans la semaine qui suit la modification. Sinon, demandez de l’aide aux responsables de {product}.',

  'leave.title': 'Se désabonner',
  'leave.from': 'Se désabonner de {what} ?',
  'leave.text':
    '<b>{address}</b> ne recevra plus de newsletters. Vous recevrez toujours les codes et les autres e-mails que vous demandez.',
  'leave.audience_text':
    '<b>{address}</b> ne recevra plus ces e-mails de {product}. Vous recevrez toujours les codes et les autres e-mails que vous demandez.',
  'leave.all': 'Se désabonner de toutes les newsletters de {product}',
  'leave.done_title': 'Désabonnement confirmé',
  'leave.done': 'Vous êtes désabonné',
  'leave.done_text': '<b>{address}</b> ne recevra plus de newsletters de {product}.',
  'leave.done_audience_text': '<b>{address}</b> ne recevra plus <b>{audience}</b> de {product}.',
  'leave.mistake': 'C’était une erreur',
  'leave.back': 'Vous êtes à nouveau abonné',
  'leave.back_text': '<b>{address}</b> reçoit des newsletters de {product} comme avant.',
  'leave.back_audience_text': '<b>{address}</b> reçoit {audience} de {product} comme avant.',
  'leave.invalid_text':
    'Votre logiciel de messagerie l’a peut-être coupé. Essayez de l’ouvrir à nouveau depuis l’e-mail, ou répondez à cet e-mail en demandant à être désabonné.',

  'subscribe.title': 'Confirmez votre abonnement',
  'subscribe.question': 'Souhaitez-vous recevoir des e-mails de {product} ?',
  'subscribe.text':
    'Nous les enverrons à <b>{address}</b>. Vous pouvez vous désabonner à tout moment, grâce à un lien dans chaque e-mail.',
  'subscribe.button': 'Oui, je m’abonne',
  'subscribe.close':
    'Référence <b>{reference}</b>, comme dans l’e-mail. Si vous n’avez rien demandé, fermez simplement cette page. Il ne s’est encore rien passé.',
  'subscribe.done': 'Vous êtes abonné',
  'subscribe.done_text':
    '<b>{address}</b> reçoit désormais des e-mails de {product}. Un lien dans chaque e-mail permet de se désabonner.',
  'subscribe.consumed': 'Vous avez déjà confirmé',
  'subscribe.consumed.text': 'Le lien fonctionne une seule fois, tout comme le code du même e-mail.',
  'subscribe.disowned.text': 'Une personne qui a l’e-mail a indiqué que ce n’était pas elle.',
  'subscribe.expired.text': 'Il était valable un jour. Abonnez-vous à nouveau et nous vous en enverrons un autre.',

  'setup.title': 'Configuration',
  'setup.heading': 'Configurer {product}',
  'setup.text': 'Vous allez en devenir le premier administrateur. Ce lien fonctionne une seule fois.',
  'setup.email': 'Adresse e-mail',
  'setup.email_hint': 'Nous y enverrons les codes et les avis.',
  'setup.email_fault': 'Cela ne ressemble pas à une adresse e-mail. Par exemple : ada@example.com.',
  'setup.name': 'Nom',
  'setup.name_hint': 'Facultatif.',
  'setup.name_fault': 'Utilisez une seule ligne de 100 caractères au plus.',
  'setup.password': 'Mot de passe',
  'setup.password_hint': 'Facultatif : vous pouvez toujours vous connecter avec un code par e-mail.',
  'setup.password_fault': 'Ce mot de passe est trop long.',
  'setup.button': 'Devenir administrateur',
  'setup.done': '{product} est prêt',
  'setup.done_code': '<b>{email}</b> en est l’administrateur et se connecte avec un code par e-mail.',
  'setup.done_password':
    '<b>{email}</b> en est l’administrateur et se connecte avec le mot de passe ou un code par e-mail.',
  'setup.key':
    'Votre back-end a besoin d’une clé : <code>otpost keys create --name shop --scope emails:send</code>. Tous les appels sont décrits sur <a href="/docs">/docs</a>.',
  'setup.taken': 'Il y a déjà un administrateur',
  'setup.taken_text':
    'Demandez-lui de vous donner le rôle. Toute personne ayant accès au serveur peut aussi exécuter <code>otpost admin list</code> et <code>otpost admin create</code>.',
  'setup.invalid_text':
    'Il fonctionne une seule fois, pendant 24 heures. Redémarrez Otpost et ouvrez le lien qu’il affiche, ou exécutez <code>otpost admin create</code>.',

  'problem.not_found': 'Nous ne trouvons pas cette page',
  'problem.not_found.text':
    'Comparez l’adresse avec celle de l’e-mail ou de la page qui vous a conduit ici : il en manque peut-être une partie.',
  'problem.email_not_found': 'Nous ne trouvons pas ce message',
  'problem.email_not_found.text': 'Il a peut-être été supprimé.',
  'problem.setup_done': 'Il y a déjà un administrateur',
  'problem.setup_done.text': 'Demandez-lui de l’aide.',
  'problem.setup_link_invalid': 'Ce lien n’est plus valable',
  'problem.setup_link_invalid.text': 'Il fonctionne une seule fois, pendant 24 heures.',
  'problem.unauthorized': 'Connectez-vous d’abord',
  'problem.unauthorized.text': 'Connectez-vous, puis ouvrez à nouveau cette page.',
  'problem.role_missing': 'Votre compte n’a pas ce droit',
  'problem.role_missing.text': 'Un administrateur peut le lui donner.',
  'problem.bad_request': 'Nous n’avons pas pu lire cela',
  'problem.bad_request.text':
    'Une partie de l’adresse ou du formulaire s’est perdue en route. Revenez en arrière et réessayez.',
  'problem.malformed_json': 'Nous n’avons pas pu lire cela',
  'problem.malformed_json.text': 'Une partie du formulaire s’est perdue en route. Revenez en arrière et réessayez.',
  'problem.validation_failed': 'Il reste quelque chose à corriger',
  'problem.validation_failed.text': 'Revenez en arrière, vérifiez ce que vous avez saisi et réessayez.',
  'problem.unsupported_media_type': 'Nous n’avons pas pu lire cela',
  'problem.unsupported_media_type.text':
    'Le formulaire est arrivé sous une forme que nous ne connaissons pas. Ouvrez à nouveau la page et réessayez.',
  'problem.method_not_allowed': 'Cela ne fonctionne pas ici',
  'problem.method_not_allowed.text': 'Ouvrez à nouveau la page et réessayez.',
  'problem.body_too_large': 'C’est trop en une seule fois',
  'problem.body_too_large.text': 'Ce que vous avez envoyé est trop long. Revenez en arrière et raccourcissez-le.',
  'problem.headers_too_large': 'Votre navigateur a envoyé trop de données',
  'problem.headers_too_large.text':
    'Supprimez les cookies de ce site dans votre navigateur, puis réessayez. Vous devrez vous reconnecter.',
  'problem.request_timeout': 'Cela a pris trop de temps',
  'problem.request_timeout.text': 'Votre connexion est peut-être lente. Veuillez réessayer.',
  'problem.forbidden': 'Ce formulaire vient d’un autre site',
  'problem.forbidden.text': 'Par sécurité, nous n’avons rien fait. Ouvrez notre propre page et réessayez.',
  'problem.challenge_not_found': 'Nous ne connaissons pas ce code',
  'problem.challenge_not_found.text':
    'Il a été demandé dans un autre navigateur ou il y a longtemps. Veuillez recommencer.',
  'problem.session_not_found': 'Cet appareil est déjà déconnecté',
  'problem.session_not_found.text': 'Il n’y a plus rien à faire.',
  'problem.email_taken': 'Cette adresse a déjà un compte',
  'problem.email_taken.text': 'Rien n’a été modifié. Utilisez une autre adresse, ou supprimez d’abord l’autre compte.',
  'problem.last_admin': 'Vous êtes le dernier administrateur',
  'problem.last_admin.text': 'Donnez d’abord le rôle à quelqu’un d’autre. Vous pourrez ensuite supprimer votre compte.',
  'problem.otp_expired': 'Ce code a expiré',
  'problem.otp_expired.text': 'Un code est valable dix minutes. Nous vous en enverrons volontiers un nouveau.',
  'problem.otp_consumed': 'Ce code a déjà été utilisé',
  'problem.otp_consumed.text':
    'Un code fonctionne une seule fois, tout comme le lien de son e-mail. Recommencez pour en recevoir un nouveau.',
  'problem.otp_disowned': 'Ce code a été bloqué',
  'problem.otp_disowned.text':
    'La personne qui a reçu l’e-mail a indiqué ne pas l’avoir demandé. Recommencez pour recevoir un nouveau code.',
  'problem.otp_locked': 'Trop de codes incorrects',
  'problem.otp_locked.text': 'Le lien de l’e-mail fonctionne encore. Sinon, demandez un nouveau code.',
  'problem.too_many_failures': 'Trop d’essais incorrects',
  'problem.too_many_failures.text': 'Le lien du dernier e-mail fonctionne encore.',
  'problem.rate_limited': 'Cela fait beaucoup d’essais',
  'problem.rate_limited.text': 'Pour protéger les boîtes de réception, nous limitons le nombre de demandes.',
  'problem.resend_too_soon': 'Nous venons de l’envoyer',
  'problem.resend_too_soon.text':
    'Un e-mail peut mettre une minute à arriver. Regardez aussi dans vos courriers indésirables.',
  'problem.resend_exhausted': 'Nous avons assez envoyé ce code',
  'problem.resend_exhausted.text':
    'Vérifiez l’adresse et vos courriers indésirables. Une fois ce code expiré, vous pourrez en recevoir un nouveau.',
  'problem.busy': 'Nous sommes très sollicités en ce moment',
  'problem.busy.text': 'Rien n’a été fait. Veuillez réessayer dans un instant.',
  'problem.unavailable': 'Cela ne fonctionne pas pour le moment',
  'problem.unavailable.text':
    'Le problème vient de nous et passe généralement vite. Veuillez réessayer dans un instant.',
  'problem.other_refusal': 'Cela n’a pas fonctionné',
  'problem.other_refusal.text': 'Revenez en arrière et réessayez.',
  'problem.unforeseen': 'Une erreur s’est produite',
  'problem.unforeseen.text': 'L’erreur vient de nous. Veuillez réessayer.',
  'problem.try_again': 'Réessayez dans {time}.',
  'problem.to_inbox': 'Aller à la boîte de réception',
  'problem.to_docs': 'Aller à la documentation',
  'problem.to_account': 'Aller à votre compte',
  'problem.to_start': 'Aller à la page d’accueil',
  'problem.number': 'Si cela se reproduit, donnez ce numéro aux responsables de ce service : <b>{number}</b>',

  ...SMS_FR,
};
