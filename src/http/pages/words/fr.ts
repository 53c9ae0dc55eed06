import type { Words } from '../words.js';

export const FR: Words = {
  'account.title': 'Votre compte',
  'account.who': 'Vous êtes connecté à {product} en tant que <b>{email}</b>. Le compte existe depuis le {since}.',
  'account.sessions': 'Appareils connectés',
  'account.sign_out': 'Se déconnecter',
  'account.sign_out_everywhere': 'Se déconnecter partout',
  'account.unknown_device': 'Appareil inconnu',
  'account.here': '(ici)',
  'account.last_used': 'Dernière utilisation : {when}',
  'account.since': 'Depuis le {when}, {way}',
  'account.since_from': 'Depuis le {when}, {way}, depuis {ip}',
  'account.by_code': 'avec un code',
  'account.by_link': 'avec un lien',
  'account.by_password': 'avec un mot de passe',
  'account.end': 'Déconnecter',
  'account.end_device': 'Déconnecter : {device}',
  'account.end_this_device': 'Déconnecter : {device}, ici',

  'sign_in.title': 'Se connecter ou s’inscrire',
  'sign_in.text':
    'Nous envoyons un code à votre adresse e-mail ; il vous connecte à {product} et crée un compte si vous n’en avez pas.',
  'sign_in.address': 'Adresse e-mail',
  'sign_in.button': 'Continuer avec l’e-mail',
  'sign_in.no_address':
    'Ce n’est pas une adresse à laquelle on peut envoyer un e-mail, comme par exemple ada@example.com.',

  'code.title': 'Saisissez le code',
  'code.text': 'Il se trouve dans l’e-mail envoyé à <b>{email}</b> avec la référence <b>{reference}</b>.',
  'code.label': 'Code',
  'code.hint': 'les six chiffres de l’e-mail',
  'code.button': 'Continuer',
  'code.look_again': 'Vérifier à nouveau',
  'code.lives': 'Le code est encore valable {time}.',
  'code.other_address': 'Utiliser une autre adresse',
  'code.resend': 'Renvoyer l’e-mail',
  'code.resend_later': 'Il pourra être renvoyé dans {time} : vérifiez à nouveau à ce moment-là.',
  'code.resend_exhausted': 'Il a été envoyé autant de fois que possible.',
  'code.six_digits': 'Le code comporte six chiffres.',
  'code.wrong': 'Ce n’est pas le bon code. Il vous reste {tries} essais.',
  'code.wrong_one_left': 'Ce n’est pas le bon code. Il vous reste un essai.',

  'delivery.queued': 'L’e-mail est sur le point d’être envoyé.',
  'delivery.sending': 'L’e-mail est en cours d’envoi.',
  'delivery.sent':
    'L’e-mail est en route : le serveur de messagerie suivant l’a accepté. Regardez aussi dans les courriers indésirables.',
  'delivery.deferred': 'Nous n’avons pas encore pu envoyer l’e-mail ; nous réessayons automatiquement.',
  'delivery.failed': 'Aucun e-mail ne peut être envoyé à cette adresse. Vérifiez-la ou utilisez-en une autre.',
  'delivery.our_fault': 'Nous n’avons pas pu envoyer l’e-mail et l’erreur vient de nous. Veuillez réessayer plus tard.',
  'delivery.unknown': 'Nous ne savons pas si l’e-mail a été envoyé. Renvoyez-le s’il n’arrive pas.',
  'delivery.expired':
    'Nous n’avons pas pu envoyer l’e-mail à temps et l’erreur vient de nous. Demandez un nouveau code.',
  'delivery.delivered': 'L’e-mail a été distribué. Regardez aussi dans les courriers indésirables.',
  'delivery.bounced':
    'L’e-mail nous est revenu : le serveur de messagerie de votre adresse l’a refusé. Vérifiez l’adresse ou utilisez-en une autre.',
  'delivery.gone': 'On ne sait plus ce que l’e-mail est devenu.',

  'link.confirm': 'Confirmez votre adresse',
  'link.confirm_button': 'Confirmer et se connecter',
  'link.sign_in': 'Se connecter',
  'link.new_password': 'Définir un nouveau mot de passe',
  'link.new_password_button': 'Définir le mot de passe et se connecter',
  'link.signs_in': 'Le bouton vous connecte à {product}, dans ce navigateur, en tant que <b>{email}</b>.',
  'link.confirms':
    'Le bouton confirme que l’adresse est la vôtre et vous connecte à {product}, dans ce navigateur, en tant que <b>{email}</b>.',
  'link.begun_elsewhere':
    'Avez-vous commencé sur une autre page et y avez-vous saisi un nom ou un mot de passe ? Saisissez plutôt le code là-bas : le lien n’en tient pas compte.',
  'link.reference': 'Référence <b>{reference}</b>, comme dans l’e-mail.',
  'link.not_asked': 'Vous ne l’avez pas demandé ?',
  'link.not_me': 'Ce n’était pas moi',
  'link.password_text':
    'Pour votre compte {product}. Vous serez ensuite connecté ici et déconnecté de tous les autres appareils.',
  'link.account': 'Compte',
  'link.password': 'Nouveau mot de passe',
  'link.password_hint': 'Au moins 8 caractères ; quelques mots en font un bon.',
  'link.nothing': 'Il n’y a rien à ouvrir ici',
  'link.nothing_decoy': 'L’e-mail indique ce qu’il faut faire. Sa référence est <b>{reference}</b>.',
  'link.nothing_code':
    'Saisissez le code de l’e-mail sur la page où vous l’avez demandé. La référence de l’e-mail est <b>{reference}</b>.',

  'over.way_on':
    '<a href="/account">Connectez-vous avec votre adresse e-mail</a>, ou retournez là où vous avez demandé l’e-mail et demandez-en un nouveau.',
  'over.consumed': 'Ce lien a déjà été utilisé',
  'over.consumed.text':
    'Il fonctionne une seule fois, tout comme le code du même e-mail. L’utilisation d’un lien ou d’un code plus récent y met fin aussi.',
  'over.disowned': 'Ce lien a été bloqué',
  'over.disowned.text': 'Une personne qui a l’e-mail a indiqué « Ce n’était pas moi », il n’ouvre donc plus rien.',
  'over.expired': 'Ce lien a expiré',
  'over.expired.text': 'Il était valable dix minutes.',
  'over.not_found': 'Ce lien ne fonctionne pas',
  'over.not_found.text':
    'Votre logiciel de messagerie l’a peut-être coupé : ouvrez-le à nouveau depuis l’e-mail. Les liens très anciens ne sont plus reconnus.',

  password_too_short: 'Le mot de passe doit comporter au moins 8 caractères ; quelques mots en font un bon.',
  password_too_long: 'Le mot de passe doit comporter au plus 128 caractères.',
  password_common: 'Le mot de passe fait partie de ceux que l’on essaie en premier ; quelques mots en font un bon.',
  password_contextual:
    'Le mot de passe est le nom, l’adresse ou le service lui-même, ce que l’on essaie en premier ; quelques mots en font un bon.',

  'not_me.title': 'Ce n’était pas vous ?',
  'not_me.text':
    'Quelqu’un a demandé à {product} un e-mail pour <b>{email}</b>, référence <b>{reference}</b>. Si ce n’était pas vous, le bouton rend son code et son lien inutilisables et ralentit la personne qui l’a demandé.',
  'not_me.close': 'Si c’était vous, fermez cette page : il ne s’est rien passé.',
  'not_me.stopped': 'C’est bloqué',
  'not_me.stopped_text':
    'Le code et le lien de l’e-mail portant la référence <b>{reference}</b> n’ouvrent plus rien. Vous n’avez rien d’autre à faire.',
  'not_me.stopped_nobody': 'Personne ne s’est connecté avec, et rien n’a été modifié chez vous.',
  'not_me.over': 'C’est déjà terminé',
  'not_me.expired':
    'Le code et le lien de cet e-mail ont expiré et personne ne les a utilisés. Vous n’avez rien à faire.',
  'not_me.used': 'Il a déjà été utilisé',
  'not_me.used_text':
    'Quelqu’un a saisi le code de cet e-mail ou appuyé sur le bouton derrière son lien, il ne peut donc plus être bloqué.',
  'not_me.used_what_to_do':
    'Si ce n’était pas vous, quelqu’un d’autre lit peut-être vos e-mails. Changez d’abord le mot de passe de votre boîte aux lettres, puis <a href="/account">connectez-vous ici</a> et choisissez « Se déconnecter partout ». Si votre compte a un mot de passe, définissez-en un nouveau.',
  'not_me.replaced':
    'Un e-mail plus récent ayant le même but a été utilisé, ce qui a mis fin au code et au lien de celui-ci.',
  'not_me.replaced_what_to_do':
    'Si ce n’était pas vous, <a href="/account">connectez-vous ici</a> et choisissez « Se déconnecter partout ».',

  'undo.title': 'Annuler la modification ?',
  'undo.text':
    'Votre compte {product} avait l’adresse <b>{old}</b> ; elle a été remplacée par <b>{new}</b>. Si ce n’était pas vous, le bouton rétablit l’ancienne adresse, met fin à toutes les sessions et supprime le mot de passe.',
  'undo.button': 'Annuler la modification',
  'undo.done': 'La modification est annulée',
  'undo.done_text': 'Tous les appareils ont été déconnectés et le mot de passe ne fonctionne plus.',
  'undo.done_what_to_do':
    '<a href="/account">Connectez-vous</a> avec l’adresse que le compte avait auparavant : vous y recevrez un code. Définissez ensuite un nouveau mot de passe, si vous en voulez un.',
  'undo.too_late': 'Il est trop tard',
  'undo.too_late_text':
    'Un changement d’adresse peut être annulé pendant une semaine. Demandez de l’aide aux responsables de {product}.',
  'undo.taken': 'L’adresse est déjà utilisée',
  'undo.taken_text':
    'Un autre compte a désormais l’ancienne adresse, rien n’a donc été modifié. Si ce compte est aussi le vôtre, supprimez-le et appuyez à nouveau sur le bouton de l’e-mail, dans la semaine qui suit la modification. Sinon, demandez de l’aide aux responsables de {product}.',

  'leave.title': 'Se désabonner',
  'leave.from': 'Se désabonner de {what} ?',
  'leave.text':
    '<b>{address}</b> ne recevra plus de newsletters. Les codes et les autres e-mails que vous demandez arriveront toujours.',
  'leave.audience_text':
    '<b>{address}</b> ne recevra plus ces e-mails de {product}. Les codes et les autres e-mails que vous demandez arriveront toujours.',
  'leave.all': 'Se désabonner de toutes les newsletters de {product}',
  'leave.done_title': 'Désabonnement confirmé',
  'leave.done': 'Vous êtes désabonné',
  'leave.done_text': '<b>{address}</b> ne reçoit plus de newsletters de {product}.',
  'leave.done_audience_text': '<b>{address}</b> ne reçoit plus <b>{audience}</b> de {product}.',
  'leave.mistake': 'C’était une erreur',
  'leave.back': 'Vous êtes à nouveau abonné',
  'leave.back_text': '<b>{address}</b> reçoit des newsletters de {product} comme avant.',
  'leave.back_audience_text': '<b>{address}</b> reçoit {audience} de {product} comme avant.',
  'leave.invalid_text':
    'Votre logiciel de messagerie l’a peut-être coupé. Ouvrez-le à nouveau depuis l’e-mail, ou répondez à cet e-mail pour être désabonné.',

  'subscribe.title': 'Confirmez votre abonnement',
  'subscribe.question': 'Souhaitez-vous recevoir des e-mails de {product} ?',
  'subscribe.text':
    'Ils seront envoyés à <b>{address}</b>. Vous pouvez vous désabonner à tout moment grâce à un lien dans chaque e-mail.',
  'subscribe.button': 'Oui, je m’abonne',
  'subscribe.close':
    'Référence <b>{reference}</b>, comme dans l’e-mail. Si vous ne l’avez pas demandé, fermez cette page : il ne s’est rien passé.',
  'subscribe.done': 'Vous êtes abonné',
  'subscribe.done_text':
    '<b>{address}</b> reçoit désormais des e-mails de {product}. Chacun contient un lien de désabonnement.',
  'subscribe.consumed': 'L’abonnement est déjà confirmé',
  'subscribe.consumed.text': 'Le lien fonctionne une seule fois, tout comme le code du même e-mail.',
  'subscribe.disowned.text': 'Une personne qui a l’e-mail a indiqué que ce n’était pas elle.',
  'subscribe.expired.text': 'Il était valable un jour. Abonnez-vous à nouveau pour en recevoir un autre.',

  'setup.title': 'Configuration',
  'setup.heading': 'Configurer {product}',
  'setup.text': 'Vous allez en devenir le premier administrateur. Ce lien fonctionne une seule fois.',
  'setup.email': 'Adresse e-mail',
  'setup.email_hint': 'Les codes et les avis y sont envoyés.',
  'setup.email_fault': 'Ce n’est pas une adresse e-mail comme par exemple ada@example.com.',
  'setup.name': 'Nom',
  'setup.name_hint': 'Facultatif.',
  'setup.name_fault': 'Un nom tient sur une ligne de 100 caractères au plus.',
  'setup.password': 'Mot de passe',
  'setup.password_hint': 'Facultatif : on peut se connecter avec des codes par e-mail.',
  'setup.password_fault': 'Le mot de passe est trop long.',
  'setup.button': 'Devenir administrateur',
  'setup.done': '{product} est configuré',
  'setup.done_code': '<b>{email}</b> en est l’administrateur et se connecte avec un code par e-mail.',
  'setup.done_password':
    '<b>{email}</b> en est l’administrateur et se connecte avec le mot de passe ou un code par e-mail.',
  'setup.key':
    'Une clé pour votre back-end : <code>otpost keys create --name shop --scope emails:send</code>. Tous les appels sont décrits sur <a href="/docs">/docs</a>.',
  'setup.taken': 'Il y a déjà un administrateur',
  'setup.taken_text':
    'Demandez-lui de vous donner le rôle. Toute personne ayant accès au serveur peut aussi exécuter <code>otpost admin list</code> et <code>otpost admin create</code>.',
  'setup.invalid_text':
    'Il fonctionne une seule fois, pendant 24 heures. Redémarrez Otpost et ouvrez le lien qu’il affiche, ou exécutez <code>otpost admin create</code>.',

  'problem.not_found': 'Cette page n’existe pas',
  'problem.not_found.text':
    'Comparez l’adresse avec celle de l’e-mail ou de la page qui vous a conduit ici : il en manque peut-être une partie.',
  'problem.email_not_found': 'Ce message n’existe pas',
  'problem.email_not_found.text': 'Il a peut-être été supprimé.',
  'problem.setup_done': 'Il y a déjà un administrateur',
  'problem.setup_done.text': 'Demandez de l’aide à l’un d’entre eux.',
  'problem.setup_link_invalid': 'Ce lien n’est plus valable',
  'problem.setup_link_invalid.text': 'Il fonctionne une seule fois, pendant 24 heures.',
  'problem.unauthorized': 'Vous devez vous connecter pour cela',
  'problem.unauthorized.text': 'Connectez-vous, puis ouvrez à nouveau la page.',
  'problem.bad_request': 'La demande n’a pas été comprise',
  'problem.bad_request.text': 'L’adresse ou le formulaire n’est pas arrivé en entier. Revenez en arrière et réessayez.',
  'problem.malformed_json': 'La demande n’a pas été comprise',
  'problem.malformed_json.text': 'Le formulaire n’est pas arrivé en entier. Revenez en arrière et réessayez.',
  'problem.validation_failed': 'Une des informations n’est pas valable',
  'problem.validation_failed.text': 'Revenez en arrière, vérifiez ce que vous avez saisi et réessayez.',
  'problem.unsupported_media_type': 'La demande n’a pas été comprise',
  'problem.unsupported_media_type.text':
    'Le formulaire n’est pas arrivé tel que notre page l’envoie. Ouvrez à nouveau la page et réessayez.',
  'problem.method_not_allowed': 'Cela ne peut pas se faire ici',
  'problem.method_not_allowed.text': 'Ouvrez à nouveau la page et réessayez.',
  'problem.body_too_large': 'C’est trop en une seule fois',
  'problem.body_too_large.text': 'Ce qui a été envoyé est trop long. Revenez en arrière et raccourcissez-le.',
  'problem.headers_too_large': 'Votre navigateur envoie trop de données',
  'problem.headers_too_large.text':
    'Supprimez les cookies de ce site dans votre navigateur, puis réessayez. Vous devrez vous reconnecter.',
  'problem.request_timeout': 'L’envoi a pris trop de temps',
  'problem.request_timeout.text': 'La connexion est peut-être lente. Veuillez réessayer.',
  'problem.forbidden': 'Pas depuis cet endroit',
  'problem.forbidden.text':
    'Ce formulaire a été envoyé depuis un autre site, rien n’a donc été fait. Ouvrez notre page elle-même et réessayez.',
  'problem.challenge_not_found': 'Ce code n’existe pas',
  'problem.challenge_not_found.text':
    'Il a été demandé dans un autre navigateur, ou il y a trop longtemps. Recommencez.',
  'problem.session_not_found': 'Cet appareil est déconnecté',
  'problem.session_not_found.text': 'Sa session est déjà terminée.',
  'problem.otp_expired': 'Le code a expiré',
  'problem.otp_expired.text': 'Il est valable dix minutes. Recommencez et vous en recevrez un nouveau.',
  'problem.otp_consumed': 'Le code a déjà été utilisé',
  'problem.otp_consumed.text':
    'Il fonctionne une seule fois, tout comme le lien de son e-mail. Recommencez et vous en recevrez un nouveau.',
  'problem.otp_disowned': 'Le code a été bloqué',
  'problem.otp_disowned.text':
    'La personne qui a reçu l’e-mail a indiqué ne pas l’avoir demandé. Recommencez et vous recevrez un nouveau code.',
  'problem.otp_locked': 'Trop de codes incorrects',
  'problem.otp_locked.text': 'Le lien de l’e-mail fonctionne encore. Ou recommencez et vous recevrez un nouveau code.',
  'problem.too_many_failures': 'Trop de codes incorrects',
  'problem.too_many_failures.text': 'Le lien du dernier e-mail fonctionne encore.',
  'problem.rate_limited': 'Trop de tentatives',
  'problem.rate_limited.text':
    'Pour empêcher des inconnus d’inonder des boîtes aux lettres, le nombre de demandes est limité.',
  'problem.resend_too_soon': 'Il vient d’être envoyé',
  'problem.resend_too_soon.text': 'Un e-mail peut prendre une minute ; regardez aussi dans les courriers indésirables.',
  'problem.resend_exhausted': 'Il a été envoyé assez souvent',
  'problem.resend_exhausted.text':
    'Vérifiez l’adresse et regardez dans les courriers indésirables. Une fois ce code expiré, vous pourrez en demander un nouveau.',
  'problem.busy': 'Il y a trop d’activité',
  'problem.busy.text': 'Rien n’a été fait. Veuillez réessayer dans un instant.',
  'problem.unavailable': 'Cela ne fonctionne pas pour le moment',
  'problem.unavailable.text':
    'L’erreur vient de nous et est généralement vite résolue. Veuillez réessayer dans un instant.',
  'problem.other_refusal': 'Cela ne fonctionne pas',
  'problem.other_refusal.text': 'Revenez en arrière et réessayez.',
  'problem.unforeseen': 'Une erreur s’est produite',
  'problem.unforeseen.text': 'L’erreur vient de nous. Veuillez réessayer.',
  'problem.try_again': 'Réessayez dans {time}.',
  'problem.to_inbox': 'Aller à la boîte de réception',
  'problem.to_docs': 'Aller à la documentation',
  'problem.to_account': 'Aller à votre compte',
  'problem.to_start': 'Aller à la page d’accueil',
  'problem.number': 'Si le problème persiste, indiquez ce numéro aux responsables de ce service : <b>{number}</b>',
};
