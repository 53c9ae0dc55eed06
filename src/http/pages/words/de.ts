import type { Words } from '../words.js';

export const DE: Words = {
  'account.title': 'Ihr Konto',
  'account.who': 'Sie sind bei {product} als <b>{email}</b> angemeldet. Das Konto besteht seit {since}.',
  'account.sessions': 'Angemeldete Geräte',
  'account.sign_out': 'Abmelden',
  'account.sign_out_everywhere': 'Überall abmelden',
  'account.unknown_device': 'Unbekanntes Gerät',
  'account.here': '(hier)',
  'account.last_used': 'Zuletzt verwendet: {when}',
  'account.since': 'Seit {when}, {way}',
  'account.since_from': 'Seit {when}, {way}, von {ip}',
  'account.by_code': 'mit Code',
  'account.by_link': 'mit Link',
  'account.by_password': 'mit Passwort',
  'account.end': 'Beenden',
  'account.end_device': 'Beenden: {device}',
  'account.end_this_device': 'Beenden: {device}, hier',

  'sign_in.title': 'Anmelden oder registrieren',
  'sign_in.text':
    'Wir senden einen Code an Ihre E-Mail-Adresse. Damit melden Sie sich bei {product} an; wenn Sie noch kein Konto haben, wird eines angelegt.',
  'sign_in.address': 'E-Mail-Adresse',
  'sign_in.button': 'Weiter mit E-Mail',
  'sign_in.no_address': 'Das ist keine E-Mail-Adresse, an die man etwas senden kann, wie zum Beispiel ada@example.com.',

  'code.title': 'Code eingeben',
  'code.text': 'Er steht in der E-Mail an <b>{email}</b> mit der Referenz <b>{reference}</b>.',
  'code.label': 'Code',
  'code.hint': 'die sechs Ziffern aus der E-Mail',
  'code.button': 'Weiter',
  'code.look_again': 'Erneut nachsehen',
  'code.lives': 'Der Code gilt noch {time}.',
  'code.other_address': 'Andere Adresse verwenden',
  'code.resend': 'Erneut senden',
  'code.resend_later': 'Sie können die E-Mail in {time} erneut senden lassen: Sehen Sie dann noch einmal nach.',
  'code.resend_exhausted': 'Öfter können wir diese E-Mail nicht senden.',
  'code.six_digits': 'Der Code hat sechs Ziffern.',
  'code.wrong': 'Das ist nicht der richtige Code. Sie haben noch {tries} Versuche.',
  'code.wrong_one_left': 'Das ist nicht der richtige Code. Sie haben noch einen Versuch.',

  'delivery.queued': 'Die E-Mail wird gleich gesendet.',
  'delivery.sending': 'Die E-Mail wird gerade gesendet.',
  'delivery.sent':
    'Die E-Mail ist unterwegs: Der nächste Mailserver hat sie angenommen. Sehen Sie auch im Spam-Ordner nach.',
  'delivery.deferred': 'Wir konnten die E-Mail noch nicht senden; wir versuchen es von selbst wieder.',
  'delivery.failed':
    'An diese Adresse kann keine E-Mail gesendet werden. Prüfen Sie sie, oder verwenden Sie eine andere.',
  'delivery.our_fault':
    'Wir konnten die E-Mail nicht senden, und der Fehler liegt bei uns. Bitte versuchen Sie es später noch einmal.',
  'delivery.unknown':
    'Wir wissen nicht, ob die E-Mail gesendet wurde. Lassen Sie sie erneut senden, wenn sie nicht ankommt.',
  'delivery.expired':
    'Wir konnten die E-Mail nicht rechtzeitig senden, und der Fehler liegt bei uns. Fordern Sie einen neuen Code an.',
  'delivery.delivered': 'Die E-Mail wurde zugestellt. Sehen Sie auch im Spam-Ordner nach.',
  'delivery.bounced':
    'Die E-Mail kam zurück: Der Mailserver Ihrer Adresse hat sie abgelehnt. Prüfen Sie die Adresse, oder verwenden Sie eine andere.',
  'delivery.gone': 'Was aus der E-Mail geworden ist, ist nicht mehr bekannt.',

  'link.confirm': 'Bestätigen Sie Ihre Adresse',
  'link.confirm_button': 'Bestätigen und anmelden',
  'link.sign_in': 'Anmelden',
  'link.new_password': 'Neues Passwort setzen',
  'link.new_password_button': 'Passwort setzen und anmelden',
  'link.signs_in': 'Die Schaltfläche meldet Sie in diesem Browser bei {product} als <b>{email}</b> an.',
  'link.confirms':
    'Die Schaltfläche bestätigt, dass die Adresse Ihnen gehört, und meldet Sie in diesem Browser bei {product} als <b>{email}</b> an.',
  'link.begun_elsewhere':
    'Haben Sie auf einer anderen Seite begonnen und dort einen Namen oder ein Passwort eingegeben? Dann geben Sie stattdessen dort den Code ein: Der Link übernimmt beides nicht.',
  'link.reference': 'Referenz <b>{reference}</b>, wie in der E-Mail.',
  'link.not_asked': 'Haben Sie sie nicht angefordert?',
  'link.not_me': 'Das war ich nicht',
  'link.password_text':
    'Für Ihr Konto bei {product}. Danach sind Sie hier angemeldet und auf allen anderen Geräten abgemeldet.',
  'link.account': 'Konto',
  'link.password': 'Neues Passwort',
  'link.password_hint': 'Mindestens 8 Zeichen; ein paar Wörter ergeben ein gutes.',
  'link.nothing': 'Hier gibt es nichts zu öffnen',
  'link.nothing_decoy': 'In der E-Mail steht, was zu tun ist. Ihre Referenz ist <b>{reference}</b>.',
  'link.nothing_code':
    'Geben Sie den Code aus der E-Mail auf der Seite ein, auf der Sie ihn angefordert haben. Die Referenz der E-Mail ist <b>{reference}</b>.',

  'over.way_on':
    '<a href="/account">Melden Sie sich mit Ihrer E-Mail-Adresse an</a>, oder fordern Sie dort eine neue E-Mail an, wo Sie diese angefordert haben.',
  'over.consumed': 'Dieser Link wurde schon verwendet',
  'over.consumed.text':
    'Er gilt einmal, ebenso wie der Code in derselben E-Mail. Auch wenn ein neuerer verwendet wurde, gilt er nicht mehr.',
  'over.disowned': 'Dieser Link wurde gesperrt',
  'over.disowned.text':
    'Jemand, der die E-Mail hat, hat „Das war ich nicht“ gewählt. Deshalb öffnet der Link nichts mehr.',
  'over.expired': 'Dieser Link ist abgelaufen',
  'over.expired.text': 'Er galt zehn Minuten lang.',
  'over.not_found': 'Dieser Link funktioniert nicht',
  'over.not_found.text':
    'Vielleicht hat Ihr Mailprogramm ihn abgeschnitten: Öffnen Sie ihn noch einmal aus der E-Mail. Sehr alte Links sind nicht mehr bekannt.',

  password_too_short: 'Das Passwort muss mindestens 8 Zeichen haben; ein paar Wörter ergeben ein gutes.',
  password_too_long: 'Das Passwort darf höchstens 128 Zeichen haben.',
  password_common:
    'Das Passwort ist eines von denen, die zuerst ausprobiert werden; ein paar Wörter ergeben ein gutes.',
  password_contextual:
    'Das Passwort ist der Name, die Adresse oder der Dienst selbst, und das wird zuerst ausprobiert; ein paar Wörter ergeben ein gutes.',

  'not_me.title': 'Waren Sie es nicht?',
  'not_me.text':
    'Jemand hat bei {product} eine E-Mail an <b>{email}</b> angefordert, Referenz <b>{reference}</b>. Wenn Sie es nicht waren, macht die Schaltfläche ihren Code und ihren Link unbrauchbar und bremst, wer sie angefordert hat.',
  'not_me.close': 'Wenn Sie es waren, schließen Sie diese Seite: Es ist nichts geschehen.',
  'not_me.stopped': 'Code und Link sind gesperrt',
  'not_me.stopped_text':
    'Der Code und der Link der E-Mail mit der Referenz <b>{reference}</b> öffnen nichts mehr. Sonst ist nichts zu tun.',
  'not_me.stopped_nobody': 'Niemand hat sich damit angemeldet, und an Ihren Daten wurde nichts geändert.',
  'not_me.over': 'Es hat sich schon erledigt',
  'not_me.expired':
    'Der Code und der Link dieser E-Mail sind abgelaufen, und niemand hat sie verwendet. Sie müssen nichts tun.',
  'not_me.used': 'Die E-Mail wurde schon verwendet',
  'not_me.used_text':
    'Jemand hat den Code dieser E-Mail eingegeben oder die Schaltfläche hinter ihrem Link gedrückt, deshalb lässt sie sich nicht mehr sperren.',
  'not_me.used_what_to_do':
    'Wenn Sie es nicht waren, liest vielleicht jemand anderes Ihre E-Mails. Ändern Sie zuerst das Passwort Ihres Postfachs, <a href="/account">melden Sie sich dann hier an</a>, und wählen Sie „Überall abmelden“. Wenn Ihr Konto ein Passwort hat, setzen Sie ein neues.',
  'not_me.replaced':
    'Eine neuere E-Mail zum selben Zweck wurde verwendet; damit gelten der Code und der Link dieser E-Mail nicht mehr.',
  'not_me.replaced_what_to_do':
    'Wenn Sie das nicht waren, <a href="/account">melden Sie sich hier an</a>, und wählen Sie „Überall abmelden“.',

  'undo.title': 'Änderung rückgängig machen?',
  'undo.text':
    'Ihr Konto bei {product} hatte die Adresse <b>{old}</b>; sie wurde in <b>{new}</b> geändert. Wenn Sie das nicht waren, stellt die Schaltfläche die frühere Adresse wieder her, meldet alle Geräte ab und entfernt das Passwort.',
  'undo.button': 'Rückgängig machen',
  'undo.done': 'Die Änderung ist rückgängig gemacht',
  'undo.done_text': 'Alle Geräte wurden abgemeldet, und das Passwort gilt nicht mehr.',
  'undo.done_what_to_do':
    '<a href="/account">Melden Sie sich</a> mit der Adresse an, die das Konto vorher hatte: Sie erhalten dort einen Code. Setzen Sie danach ein neues Passwort, wenn Sie eines möchten.',
  'undo.too_late': 'Es ist zu spät',
  'undo.too_late_text':
    'Eine Änderung der Adresse lässt sich eine Woche lang rückgängig machen. Bitten Sie den Betreiber von {product} um Hilfe.',
  'undo.taken': 'Die Adresse ist vergeben',
  'undo.taken_text':
    'Inzwischen hat ein anderes Konto die frühere Adresse, deshalb wurde nichts geändert. Wenn auch dieses Konto Ihnen gehört, löschen Sie es, und drücken Sie innerhalb einer Woche nach der Änderung noch einmal die Schaltfläche in der E-Mail. Bitten Sie sonst den Betreiber von {product} um Hilfe.',

  'leave.title': 'Abmelden',
  'leave.from': 'Von {what} abmelden?',
  'leave.text':
    '<b>{address}</b> erhält dann keine Newsletter mehr. Codes und andere E-Mails, die Sie anfordern, kommen weiterhin.',
  'leave.audience_text':
    '<b>{address}</b> erhält dann nichts mehr davon von {product}. Codes und andere E-Mails, die Sie anfordern, kommen weiterhin.',
  'leave.all': 'Von allen Newslettern von {product} abmelden',
  'leave.done_title': 'Abgemeldet',
  'leave.done': 'Sie sind abgemeldet',
  'leave.done_text': '<b>{address}</b> erhält keine Newsletter mehr von {product}.',
  'leave.done_audience_text': '<b>{address}</b> erhält von {product} nichts mehr aus <b>{audience}</b>.',
  'leave.mistake': 'Das war ein Versehen',
  'leave.back': 'Sie sind wieder angemeldet',
  'leave.back_text': '<b>{address}</b> erhält wieder wie bisher Newsletter von {product}.',
  'leave.back_audience_text': '<b>{address}</b> erhält wieder wie bisher {audience} von {product}.',
  'leave.invalid_text':
    'Vielleicht hat Ihr Mailprogramm ihn abgeschnitten. Öffnen Sie ihn noch einmal aus der E-Mail, oder antworten Sie auf die E-Mail, um abgemeldet zu werden.',

  'subscribe.title': 'Bestätigen Sie Ihre Anmeldung',
  'subscribe.question': 'Möchten Sie E-Mails von {product} erhalten?',
  'subscribe.text':
    'Sie gehen an <b>{address}</b>. Sie können sich jederzeit über einen Link in jeder E-Mail abmelden.',
  'subscribe.button': 'Ja, bitte anmelden',
  'subscribe.close':
    'Referenz <b>{reference}</b>, wie in der E-Mail. Wenn Sie das nicht angefordert haben, schließen Sie diese Seite: Es ist nichts geschehen.',
  'subscribe.done': 'Sie sind angemeldet',
  'subscribe.done_text':
    '<b>{address}</b> erhält ab jetzt E-Mails von {product}. In jeder steht ein Link zum Abmelden.',
  'subscribe.consumed': 'Die Anmeldung ist schon bestätigt',
  'subscribe.consumed.text': 'Der Link gilt einmal, ebenso wie der Code in derselben E-Mail.',
  'subscribe.disowned.text': 'Jemand, der die E-Mail hat, hat angegeben, es nicht gewesen zu sein.',
  'subscribe.expired.text': 'Er galt einen Tag lang. Melden Sie sich noch einmal an, um einen neuen zu erhalten.',

  'setup.title': 'Einrichtung',
  'setup.heading': '{product} einrichten',
  'setup.text': 'Sie werden hier der erste Administrator. Dieser Link gilt einmal.',
  'setup.email': 'E-Mail-Adresse',
  'setup.email_hint': 'Dorthin gehen Codes und Hinweise.',
  'setup.email_fault': 'Das ist keine E-Mail-Adresse wie zum Beispiel ada@example.com.',
  'setup.name': 'Ihr Name',
  'setup.name_hint': 'Freiwillig.',
  'setup.name_fault': 'Ein Name ist eine Zeile mit höchstens 100 Zeichen.',
  'setup.password': 'Passwort',
  'setup.password_hint': 'Freiwillig: Anmelden können Sie sich mit Codes per E-Mail.',
  'setup.password_fault': 'Das Passwort ist zu lang.',
  'setup.button': 'Administrator werden',
  'setup.done': '{product} ist eingerichtet',
  'setup.done_code': '<b>{email}</b> ist Administrator und meldet sich mit einem Code per E-Mail an.',
  'setup.done_password':
    '<b>{email}</b> ist Administrator und meldet sich mit dem Passwort oder einem Code per E-Mail an.',
  'setup.key':
    'Ein Schlüssel für Ihr Backend: <code>otpost keys create --name shop --scope emails:send</code>. Alle Aufrufe sind unter <a href="/docs">/docs</a> beschrieben.',
  'setup.taken': 'Es gibt schon einen Administrator',
  'setup.taken_text':
    'Bitten Sie ihn um die Rolle. Wer Zugang zum Server hat, kann auch <code>otpost admin list</code> und <code>otpost admin create</code> ausführen.',
  'setup.invalid_text':
    'Er gilt einmal, 24 Stunden lang. Starten Sie Otpost neu, und öffnen Sie den Link, den es ausgibt, oder führen Sie <code>otpost admin create</code> aus.',

  'problem.not_found': 'Diese Seite gibt es nicht',
  'problem.not_found.text':
    'Vergleichen Sie die Adresse mit der in der E-Mail oder auf der Seite, von der Sie kommen: Vielleicht fehlt ein Teil.',
  'problem.email_not_found': 'Diese Nachricht gibt es nicht',
  'problem.email_not_found.text': 'Vielleicht wurde sie entfernt.',
  'problem.setup_done': 'Es gibt schon einen Administrator',
  'problem.setup_done.text': 'Bitten Sie einen von ihnen um Hilfe.',
  'problem.setup_link_invalid': 'Dieser Link gilt nicht mehr',
  'problem.setup_link_invalid.text': 'Er gilt einmal, 24 Stunden lang.',
  'problem.unauthorized': 'Dafür müssen Sie sich anmelden',
  'problem.unauthorized.text': 'Melden Sie sich an, und öffnen Sie die Seite dann noch einmal.',
  'problem.bad_request': 'Das ist nicht verständlich',
  'problem.bad_request.text':
    'Die Adresse oder das Formular ist nicht vollständig angekommen. Gehen Sie zurück, und versuchen Sie es noch einmal.',
  'problem.malformed_json': 'Das ist nicht verständlich',
  'problem.malformed_json.text':
    'Das Formular ist nicht vollständig angekommen. Gehen Sie zurück, und versuchen Sie es noch einmal.',
  'problem.validation_failed': 'Eine Angabe ist ungültig',
  'problem.validation_failed.text': 'Gehen Sie zurück, prüfen Sie Ihre Eingaben, und versuchen Sie es noch einmal.',
  'problem.unsupported_media_type': 'Das ist nicht verständlich',
  'problem.unsupported_media_type.text':
    'Das Formular kam nicht so an, wie unsere Seite es sendet. Öffnen Sie die Seite erneut, und versuchen Sie es noch einmal.',
  'problem.method_not_allowed': 'Das geht hier nicht',
  'problem.method_not_allowed.text': 'Öffnen Sie die Seite erneut, und versuchen Sie es noch einmal.',
  'problem.body_too_large': 'Das ist zu viel auf einmal',
  'problem.body_too_large.text': 'Was gesendet wurde, ist zu lang. Gehen Sie zurück, und kürzen Sie es.',
  'problem.headers_too_large': 'Ihr Browser sendet zu viel',
  'problem.headers_too_large.text':
    'Löschen Sie in Ihrem Browser die Cookies dieser Website, und versuchen Sie es dann noch einmal. Sie müssen sich danach neu anmelden.',
  'problem.request_timeout': 'Die Übertragung hat zu lange gedauert',
  'problem.request_timeout.text': 'Vielleicht ist die Verbindung langsam. Bitte versuchen Sie es noch einmal.',
  'problem.forbidden': 'Das geht von dort nicht',
  'problem.forbidden.text':
    'Dieses Formular wurde von einer anderen Website gesendet, deshalb wurde nichts getan. Öffnen Sie unsere Seite selbst, und versuchen Sie es noch einmal.',
  'problem.challenge_not_found': 'Diesen Code gibt es nicht',
  'problem.challenge_not_found.text':
    'Er wurde in einem anderen Browser oder vor zu langer Zeit angefordert. Beginnen Sie von vorn.',
  'problem.session_not_found': 'Dieses Gerät ist abgemeldet',
  'problem.session_not_found.text': 'Seine Sitzung ist schon beendet.',
  'problem.otp_expired': 'Der Code ist abgelaufen',
  'problem.otp_expired.text': 'Er gilt zehn Minuten lang. Beginnen Sie von vorn, dann erhalten Sie einen neuen.',
  'problem.otp_consumed': 'Der Code wurde schon verwendet',
  'problem.otp_consumed.text':
    'Er gilt einmal, ebenso wie der Link in seiner E-Mail. Beginnen Sie von vorn, dann erhalten Sie einen neuen.',
  'problem.otp_disowned': 'Der Code wurde gesperrt',
  'problem.otp_disowned.text':
    'Wer die E-Mail erhalten hat, hat angegeben, sie nicht angefordert zu haben. Beginnen Sie von vorn, dann erhalten Sie einen neuen Code.',
  'problem.otp_locked': 'Zu viele falsche Codes',
  'problem.otp_locked.text':
    'Der Link in der E-Mail gilt noch. Oder beginnen Sie von vorn, dann erhalten Sie einen neuen Code.',
  'problem.too_many_failures': 'Zu viele falsche Codes',
  'problem.too_many_failures.text': 'Der Link in der neuesten E-Mail gilt noch.',
  'problem.rate_limited': 'Zu viele Versuche',
  'problem.rate_limited.text':
    'Damit Fremde keine Postfächer überfluten, ist begrenzt, wie oft etwas angefordert werden kann.',
  'problem.resend_too_soon': 'Die E-Mail wurde gerade erst gesendet',
  'problem.resend_too_soon.text': 'Eine E-Mail kann eine Minute brauchen; sehen Sie auch im Spam-Ordner nach.',
  'problem.resend_exhausted': 'Die E-Mail wurde oft genug gesendet',
  'problem.resend_exhausted.text':
    'Prüfen Sie die Adresse, und sehen Sie im Spam-Ordner nach. Sobald dieser Code abgelaufen ist, können Sie einen neuen anfordern.',
  'problem.busy': 'Gerade ist zu viel los',
  'problem.busy.text': 'Es wurde nichts getan. Bitte versuchen Sie es gleich noch einmal.',
  'problem.unavailable': 'Das geht im Moment nicht',
  'problem.unavailable.text':
    'Der Fehler liegt bei uns und ist meist bald behoben. Bitte versuchen Sie es gleich noch einmal.',
  'problem.other_refusal': 'Das geht nicht',
  'problem.other_refusal.text': 'Gehen Sie zurück, und versuchen Sie es noch einmal.',
  'problem.unforeseen': 'Etwas ist schiefgegangen',
  'problem.unforeseen.text': 'Der Fehler liegt bei uns. Bitte versuchen Sie es noch einmal.',
  'problem.try_again': 'Versuchen Sie es in {time} noch einmal.',
  'problem.to_inbox': 'Zum Posteingang',
  'problem.to_docs': 'Zur Dokumentation',
  'problem.to_account': 'Zu Ihrem Konto',
  'problem.to_start': 'Zur Startseite',
  'problem.number': 'Wenn es dabei bleibt, nennen Sie dem Betreiber dieses Dienstes diese Nummer: <b>{number}</b>',
};
