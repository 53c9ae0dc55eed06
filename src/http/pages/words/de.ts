import type { Words } from './en.js';
import { SMS_DE } from './sms/de.js';

export const DE: Words = {
  'page.help': 'Brauchen Sie Hilfe? {link}',

  'home.what': 'Konten, Einmalcodes und die E-Mails und SMS dazu, mit einem Beleg für jede Nachricht.',
  'home.well': 'Alles funktioniert.',
  'home.well_text': 'E-Mails werden wie gewohnt versendet.',
  'home.slow': 'E-Mails kommen gerade verspätet.',
  'home.slow_text':
    'Anfragen werden angenommen, und nichts geht verloren. Die E-Mails werden versendet, sobald das Problem behoben ist.',
  'home.down': 'Gerade können wir nichts annehmen.',
  'home.down_text': 'Die Datenbank antwortet nicht. Bitte versuchen Sie es in ein paar Minuten noch einmal.',
  'home.account': 'Ihr Konto',
  'home.account_text': 'Melden Sie sich an oder registrieren Sie sich, und sehen Sie, wo Sie angemeldet sind.',
  'home.inbox': 'Posteingang',
  'home.inbox_text': 'Alle E-Mails, die hier bleiben, statt gesendet zu werden.',
  'home.operations': 'Betrieb',
  'home.operations_text': 'Für den Betrieb: was hängt, warum, und jede Nachricht mit ihrem Verlauf.',
  'home.docs': 'API-Dokumentation',
  'home.docs_text': 'Für die Entwicklung: jeder Aufruf, mit einem Beispiel zum Kopieren.',
  'home.health': 'Zustand',
  'home.health_text': 'Für die Überwachung: derselbe Zustand als JSON.',
  'home.first': 'Ihre erste Minute',
  'home.first_text': 'Nichts verlässt diesen Rechner: Die E-Mails bleiben im Posteingang.',
  'home.first_real':
    'Nehmen Sie eine eigene Adresse: Ein echter Versandweg ist eingerichtet, E-Mails können also wirklich versendet werden.',
  'home.register': 'Registrieren',
  'home.read': 'Code lesen',
  'home.receipt': 'Beleg ansehen',

  'account.title': 'Ihr Konto',
  'account.who': 'Sie sind bei {product} als <b>{email}</b> angemeldet.',
  'account.change': 'Ändern',
  'account.sessions': 'Hier sind Sie angemeldet',
  'account.sign_out': 'Abmelden',
  'account.sign_out_everywhere': 'Überall abmelden',
  'account.unknown_device': 'Unbekanntes Gerät',
  'account.here': '(dieses Gerät)',
  'account.last_used': 'Zuletzt verwendet: {when}',
  'account.since': 'Seit {when}, {way}',
  'account.since_from': 'Seit {when}, {way}, von {ip}',
  'account.by_code': 'mit Code',
  'account.by_link': 'mit Link',
  'account.by_password': 'mit Passwort',
  'account.end': 'Abmelden',
  'account.end_device': '{device} abmelden',

  'done.profile': 'Ihr Profil wurde gespeichert.',
  'done.password': 'Ihr Passwort wurde gespeichert. Alle anderen Geräte wurden abgemeldet.',
  'done.password_removed': 'Ihr Passwort wurde entfernt. Ab jetzt melden Sie sich mit einem Code an.',
  'done.email': 'Ihre E-Mail-Adresse wurde geändert. Alle anderen Geräte wurden abgemeldet.',

  'own.back': 'Zurück zu Ihrem Konto',
  'own.save': 'Speichern',
  'own.profile': 'Name und Sprache',
  'own.name': 'Ihr Name',
  'own.no_name': 'Nicht angegeben',
  'own.language': 'Sprache',
  'own.language_of_browser': 'Wie im Browser',
  'own.confirm_text':
    'Wir vergewissern uns zuerst, dass Sie es sind: Wir senden einen sechsstelligen Code an <b>{email}</b>, danach geht es hier weiter.',
  'own.confirm_button': 'Code senden',
  'own.by_code_instead': 'Lieber einen Code per E-Mail verwenden',
  'own.current_password': 'Aktuelles Passwort',
  'own.wrong_password': 'Das ist nicht Ihr aktuelles Passwort.',
  'own.has_password': 'Gesetzt',
  'own.no_password': 'Keines: Sie melden sich mit einem Code an',
  'own.set_password': 'Passwort festlegen',
  'own.change_password': 'Passwort ändern',
  'own.password_text': 'Alle Ihre anderen Geräte werden abgemeldet.',
  'own.save_password': 'Passwort speichern',
  'own.remove_password': 'Passwort entfernen',
  'own.remove_password_text': 'Ohne Passwort melden Sie sich mit einem Code an, den wir Ihnen per E-Mail senden.',
  'own.change_email': 'E-Mail-Adresse ändern',
  'own.email_text':
    'Ihre Adresse ist <b>{email}</b>. Wir senden einen Code an die neue; geändert wird erst etwas, wenn Sie ihn eingeben.',
  'own.new_email': 'Neue E-Mail-Adresse',
  'own.send_code': 'Code senden',
  'own.delete': 'Konto löschen',
  'own.delete_text':
    'Das Konto von <b>{email}</b> und alles, was dazu gespeichert ist, wird gelöscht, und Sie werden überall abgemeldet. Das lässt sich nicht rückgängig machen.',
  'own.delete_button': 'Mein Konto löschen',
  'own.deleted': 'Ihr Konto wurde gelöscht',
  'own.deleted_text': 'Alles, was wir dazu gespeichert hatten, ist gelöscht. Danke, dass Sie bei uns waren.',

  'sign_in.title': 'Anmelden oder registrieren',
  'sign_in.text':
    'Geben Sie Ihre E-Mail-Adresse ein, und wir senden Ihnen einen Code. Damit melden Sie sich bei {product} an; wenn Sie neu sind, legen wir Ihr Konto an.',
  'sign_in.address': 'E-Mail-Adresse',
  'sign_in.button': 'Weiter mit E-Mail',
  'sign_in.no_address': 'Das sieht nicht nach einer E-Mail-Adresse aus. Ein Beispiel ist ada@example.com.',
  'sign_in.with_password': 'Lieber mit Passwort anmelden',
  'sign_in.with_code': 'Lieber mit einem Code anmelden oder registrieren',
  'sign_in.password_title': 'Mit Passwort anmelden',
  'sign_in.password': 'Passwort',
  'sign_in.password_button': 'Anmelden',
  'sign_in.forgot': 'Passwort vergessen?',
  'sign_in.wrong_password':
    'Die Adresse oder das Passwort stimmt nicht, oder dieses Konto hat kein Passwort. Mit einem Code können Sie sich immer anmelden.',
  'reset.title': 'Passwort vergessen?',
  'reset.text': 'Geben Sie Ihre E-Mail-Adresse ein, und wir senden Ihnen einen Code, mit dem Sie ein neues festlegen.',
  'reset.button': 'Code senden',
  'reset.sign_in': 'Lieber mit einem Code anmelden',

  'code.title': 'Sehen Sie in Ihr Postfach',
  'code.text_sent': 'Wir haben einen sechsstelligen Code an <b>{email}</b> gesendet.',
  'code.text_sending': 'Wir senden einen sechsstelligen Code an <b>{email}</b>.',
  'code.reference': 'Im Betreff steht die Referenz <b>{reference}</b>.',
  'code.label': 'Code',
  'code.hint': 'die sechs Ziffern aus der E-Mail',
  'code.button': 'Weiter',
  'code.look_again': 'Noch einmal nachsehen',
  'code.lives': 'Der Code läuft in {time} ab.',
  'code.other_address': 'Andere Adresse verwenden',
  'code.cancel': 'Abbrechen',
  'code.resend': 'Erneut senden',
  'code.resend_later': 'Nichts angekommen? In {time} können Sie den Code erneut senden lassen.',
  'code.resend_exhausted': 'Öfter können wir diesen Code nicht senden.',
  'code.six_digits': 'Bitte geben Sie alle sechs Ziffern des Codes ein.',
  'code.wrong': 'Das ist nicht der richtige Code. Sie haben noch {tries} Versuche.',
  'code.wrong_one_left': 'Das ist nicht der richtige Code. Sie haben noch einen Versuch.',
  'code.new': 'Neuen Code senden',
  'code.new_goes_to': 'Er geht an <b>{email}</b>.',
  'code.other_way': 'Von vorn beginnen',
  'code.locked_no_link': 'Zu Ihrer Sicherheit gilt dieser Code nicht mehr.',

  'delivery.queued': 'Die E-Mail wird gleich gesendet.',
  'delivery.sending': 'Die E-Mail wird gerade gesendet.',
  'delivery.sent':
    'Die E-Mail ist unterwegs. Wenn Sie sie in einer Minute nicht sehen, schauen Sie auch im Spam-Ordner nach.',
  'delivery.deferred': 'Wir konnten die E-Mail noch nicht senden. Wir versuchen es weiter.',
  'delivery.failed':
    'An diese Adresse können wir keine E-Mail senden. Prüfen Sie, ob sie stimmt, oder verwenden Sie eine andere.',
  'delivery.our_fault':
    'Wir konnten die E-Mail nicht senden. Der Fehler liegt bei uns; bitte versuchen Sie es später noch einmal.',
  'delivery.unknown':
    'Wir sind nicht sicher, ob die E-Mail gesendet wurde. Wenn sie nicht ankommt, lassen Sie sie erneut senden.',
  'delivery.expired':
    'Wir konnten die E-Mail nicht rechtzeitig senden. Der Fehler lag bei uns; bitte fordern Sie einen neuen Code an.',
  'delivery.delivered': 'Die E-Mail wurde zugestellt. Wenn Sie sie nicht sehen, schauen Sie auch im Spam-Ordner nach.',
  'delivery.bounced':
    'Die E-Mail kam zurück: Ihr E-Mail-Anbieter hat sie abgelehnt. Prüfen Sie die Adresse, oder verwenden Sie eine andere.',
  'delivery.gone': 'Was aus der E-Mail geworden ist, wissen wir nicht mehr.',

  'link.confirm': 'Bestätigen Sie Ihre E-Mail-Adresse',
  'link.confirm_button': 'Bestätigen und anmelden',
  'link.sign_in': 'Anmelden',
  'link.new_password': 'Neues Passwort festlegen',
  'link.new_password_button': 'Speichern und anmelden',
  'link.signs_in': 'Melden Sie sich in diesem Browser bei {product} als <b>{email}</b> an.',
  'link.confirms':
    'Bestätigen Sie, dass <b>{email}</b> Ihnen gehört, und melden Sie sich in diesem Browser bei {product} an.',
  'link.begun_elsewhere':
    'Haben Sie auf einer anderen Seite einen Namen oder ein Passwort eingegeben? Dann gehen Sie dorthin zurück, und geben Sie den Code ein: Dieser Link übernimmt beides nicht.',
  'link.reference': 'Referenz <b>{reference}</b>, wie in der E-Mail.',
  'link.not_asked': 'Haben Sie das nicht angefordert?',
  'link.not_me': 'Das war ich nicht',
  'link.password_text':
    'Für Ihr Konto bei {product}. Danach sind Sie hier angemeldet und auf allen anderen Geräten abgemeldet.',
  'link.account': 'Konto',
  'link.password': 'Neues Passwort',
  'link.password_hint': 'Mindestens 8 Zeichen. Ein paar zufällige Wörter eignen sich gut.',
  'link.nothing': 'Hier gibt es nichts zu öffnen',
  'link.nothing_decoy': 'In der E-Mail steht, was zu tun ist. Ihre Referenz ist <b>{reference}</b>.',
  'link.nothing_code':
    'Geben Sie den Code auf der Seite ein, auf der Sie ihn angefordert haben. Die Referenz der E-Mail ist <b>{reference}</b>.',

  'over.way_on':
    '<a href="/account">Melden Sie sich mit Ihrer E-Mail-Adresse an</a>, oder fordern Sie dort, wo Sie diese E-Mail angefordert haben, eine neue an.',
  'over.consumed': 'Dieser Link wurde schon verwendet',
  'over.consumed.text':
    'Ein Link gilt einmal, ebenso wie der Code in derselben E-Mail. Auch wenn Sie einen neueren verwenden, gilt er nicht mehr.',
  'over.disowned': 'Dieser Link wurde gesperrt',
  'over.disowned.text':
    'Jemand, der die E-Mail hat, hat „Das war ich nicht“ gewählt. Deshalb gilt der Link nicht mehr.',
  'over.expired': 'Dieser Link ist abgelaufen',
  'over.expired.text': 'Er galt zehn Minuten lang.',
  'over.not_found': 'Dieser Link funktioniert nicht',
  'over.not_found.text':
    'Vielleicht hat Ihr Mailprogramm ihn abgeschnitten, oder er ist sehr alt. Öffnen Sie ihn noch einmal aus der E-Mail.',

  password_too_short: 'Verwenden Sie mindestens 8 Zeichen. Ein paar zufällige Wörter eignen sich gut.',
  password_too_long: 'Verwenden Sie höchstens 128 Zeichen.',
  password_common:
    'Dieses Passwort gehört zu denen, die Angreifer zuerst ausprobieren. Ein paar zufällige Wörter eignen sich gut.',
  password_contextual:
    'Dieses Passwort ist Ihr Name, Ihre Adresse oder der Name dieses Dienstes, und das probieren Angreifer zuerst. Ein paar zufällige Wörter eignen sich gut.',

  'not_me.title': 'Waren Sie es nicht?',
  'not_me.text':
    'Jemand hat bei {product} eine E-Mail an <b>{email}</b> angefordert, Referenz <b>{reference}</b>. Wenn Sie das nicht waren, sperren Sie sie: Code und Link gelten dann nicht mehr, und wer sie angefordert hat, muss bis zum nächsten Mal länger warten.',
  'not_me.close': 'Wenn Sie es waren, schließen Sie einfach diese Seite. Es ist noch nichts geschehen.',
  'not_me.stopped': 'Code und Link sind gesperrt',
  'not_me.stopped_text':
    'Der Code und der Link der E-Mail mit der Referenz <b>{reference}</b> gelten nicht mehr. Sie müssen sonst nichts tun.',
  'not_me.stopped_nobody': 'Niemand hat sich damit angemeldet, und an Ihrem Konto wurde nichts geändert.',
  'not_me.over': 'Es hat sich schon erledigt',
  'not_me.expired': 'Der Code und der Link dieser E-Mail sind ungenutzt abgelaufen. Sie müssen nichts tun.',
  'not_me.used': 'Die E-Mail wurde schon verwendet',
  'not_me.used_text':
    'Jemand hat den Code dieser E-Mail eingegeben oder ihren Link verwendet. Deshalb lässt sie sich nicht mehr sperren.',
  'not_me.used_what_to_do':
    'Wenn Sie es nicht waren, liest vielleicht jemand anderes Ihre E-Mails. Ändern Sie zuerst das Passwort Ihres Postfachs. Dann <a href="/account">melden Sie sich hier an</a> und wählen „Überall abmelden“. Wenn Ihr Konto ein Passwort hat, ändern Sie auch das.',
  'not_me.replaced':
    'Eine neuere E-Mail zum selben Zweck wurde verwendet; damit gelten der Code und der Link dieser E-Mail nicht mehr.',
  'not_me.replaced_what_to_do':
    'Wenn Sie das nicht waren, <a href="/account">melden Sie sich hier an</a>, und wählen Sie „Überall abmelden“.',

  'undo.title': 'Änderung der Adresse rückgängig machen?',
  'undo.text':
    'Die Adresse Ihres Kontos bei {product} wurde von <b>{old}</b> in <b>{new}</b> geändert. Wenn Sie das nicht waren, machen Sie es rückgängig: Das Konto erhält die frühere Adresse zurück, alle Geräte werden abgemeldet, und das Passwort wird entfernt.',
  'undo.button': 'Rückgängig machen',
  'undo.done': 'Die Änderung wurde rückgängig gemacht',
  'undo.done_text': 'Alle Geräte wurden abgemeldet, und das Passwort gilt nicht mehr.',
  'undo.done_what_to_do':
    '<a href="/account">Melden Sie sich</a> mit Ihrer früheren Adresse an; dorthin senden wir einen Code. Danach können Sie ein neues Passwort festlegen.',
  'undo.too_late': 'Dafür ist es zu spät',
  'undo.too_late_text':
    'Eine Änderung der Adresse lässt sich eine Woche lang rückgängig machen. Bitten Sie den Betreiber von {product} um Hilfe.',
  'undo.taken': 'Die Adresse ist vergeben',
  'undo.taken_text':
    'Inzwischen hat ein anderes Konto Ihre frühere Adresse, deshalb wurde nichts geändert. Wenn dieses Konto Ihnen gehört, löschen Sie es, und öffnen Sie den Link in der E-Mail innerhalb einer Woche nach der Änderung noch einmal. Bitten Sie sonst den Betreiber von {product} um Hilfe.',

  'leave.title': 'Abmelden',
  'leave.from': 'Von {what} abmelden?',
  'leave.text':
    '<b>{address}</b> erhält keine Newsletter mehr. Codes und andere E-Mails, die Sie anfordern, kommen weiterhin.',
  'leave.audience_text':
    '<b>{address}</b> erhält davon nichts mehr von {product}. Codes und andere E-Mails, die Sie anfordern, kommen weiterhin.',
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
    'Vielleicht hat Ihr Mailprogramm ihn abgeschnitten. Öffnen Sie ihn noch einmal aus der E-Mail, oder antworten Sie auf die E-Mail, und bitten Sie darum, abgemeldet zu werden.',

  'subscribe.title': 'Bestätigen Sie Ihre Anmeldung',
  'subscribe.question': 'Möchten Sie E-Mails von {product} erhalten?',
  'subscribe.text':
    'Wir senden sie an <b>{address}</b>. Über einen Link in jeder E-Mail können Sie sich jederzeit abmelden.',
  'subscribe.button': 'Ja, bitte anmelden',
  'subscribe.close':
    'Referenz <b>{reference}</b>, wie in der E-Mail. Wenn Sie das nicht angefordert haben, schließen Sie einfach diese Seite. Es ist noch nichts geschehen.',
  'subscribe.done': 'Sie sind angemeldet',
  'subscribe.done_text':
    '<b>{address}</b> erhält ab jetzt E-Mails von {product}. Über einen Link in jeder E-Mail können Sie sich abmelden.',
  'subscribe.consumed': 'Sie haben schon bestätigt',
  'subscribe.consumed.text': 'Der Link gilt einmal, ebenso wie der Code in derselben E-Mail.',
  'subscribe.disowned.text': 'Jemand, der die E-Mail hat, hat angegeben, sie nicht angefordert zu haben.',
  'subscribe.expired.text': 'Er galt einen Tag lang. Melden Sie sich noch einmal an, und wir senden Ihnen einen neuen.',

  'setup.title': 'Einrichtung',
  'setup.heading': '{product} einrichten',
  'setup.text': 'Sie werden hier der erste Administrator. Dieser Link gilt einmal.',
  'setup.email': 'E-Mail-Adresse',
  'setup.email_hint': 'Dorthin senden wir Codes und Hinweise.',
  'setup.email_fault': 'Das sieht nicht nach einer E-Mail-Adresse aus. Ein Beispiel ist ada@example.com.',
  'setup.name': 'Ihr Name',
  'setup.name_hint': 'Freiwillig.',
  'setup.name_fault': 'Verwenden Sie eine Zeile mit höchstens 100 Zeichen.',
  'setup.password': 'Passwort',
  'setup.password_hint': 'Freiwillig: Sie können sich immer mit einem Code per E-Mail anmelden.',
  'setup.password_fault': 'Dieses Passwort ist zu lang.',
  'setup.button': 'Administrator werden',
  'setup.done': '{product} ist bereit',
  'setup.done_code': '<b>{email}</b> ist Administrator und meldet sich mit einem Code per E-Mail an.',
  'setup.done_password':
    '<b>{email}</b> ist Administrator und meldet sich mit dem Passwort oder einem Code per E-Mail an.',
  'setup.key':
    'Ihr Backend braucht einen Schlüssel: <code>otpost keys create --name shop --scope emails:send</code>. Alle Aufrufe sind unter <a href="/docs">/docs</a> beschrieben.',
  'setup.taken': 'Es gibt schon einen Administrator',
  'setup.taken_text':
    'Bitten Sie ihn um die Rolle. Wer Zugang zum Server hat, kann auch <code>otpost admin list</code> und <code>otpost admin create</code> ausführen.',
  'setup.invalid_text':
    'Er gilt einmal, 24 Stunden lang. Starten Sie Otpost neu, und öffnen Sie den Link, den es ausgibt, oder führen Sie <code>otpost admin create</code> aus.',

  'problem.not_found': 'Diese Seite finden wir nicht',
  'problem.not_found.text':
    'Vergleichen Sie die Adresse mit der in der E-Mail oder auf der Seite, von der Sie kommen: Vielleicht fehlt ein Teil.',
  'problem.email_not_found': 'Diese Nachricht finden wir nicht',
  'problem.email_not_found.text': 'Vielleicht wurde sie entfernt.',
  'problem.setup_done': 'Es gibt schon einen Administrator',
  'problem.setup_done.text': 'Bitten Sie ihn um Hilfe.',
  'problem.setup_link_invalid': 'Dieser Link gilt nicht mehr',
  'problem.setup_link_invalid.text': 'Er gilt einmal, 24 Stunden lang.',
  'problem.unauthorized': 'Bitte melden Sie sich zuerst an',
  'problem.unauthorized.text': 'Melden Sie sich an, und öffnen Sie diese Seite dann noch einmal.',
  'problem.role_missing': 'Ihr Konto darf das nicht',
  'problem.role_missing.text': 'Ein Administrator kann ihm das Recht geben.',
  'problem.bad_request': 'Das konnten wir nicht lesen',
  'problem.bad_request.text':
    'Ein Teil der Adresse oder des Formulars ging unterwegs verloren. Bitte gehen Sie zurück, und versuchen Sie es noch einmal.',
  'problem.malformed_json': 'Das konnten wir nicht lesen',
  'problem.malformed_json.text':
    'Ein Teil des Formulars ging unterwegs verloren. Bitte gehen Sie zurück, und versuchen Sie es noch einmal.',
  'problem.validation_failed': 'Etwas stimmt noch nicht',
  'problem.validation_failed.text': 'Gehen Sie zurück, prüfen Sie Ihre Eingaben, und versuchen Sie es noch einmal.',
  'problem.unsupported_media_type': 'Das konnten wir nicht lesen',
  'problem.unsupported_media_type.text':
    'Das Formular kam in einer Form an, die wir nicht kennen. Bitte öffnen Sie die Seite erneut, und versuchen Sie es noch einmal.',
  'problem.method_not_allowed': 'Das geht hier nicht',
  'problem.method_not_allowed.text': 'Öffnen Sie die Seite erneut, und versuchen Sie es noch einmal.',
  'problem.body_too_large': 'Das ist zu viel auf einmal',
  'problem.body_too_large.text': 'Was Sie gesendet haben, ist zu lang. Bitte gehen Sie zurück, und kürzen Sie es.',
  'problem.headers_too_large': 'Ihr Browser hat zu viel gesendet',
  'problem.headers_too_large.text':
    'Löschen Sie in Ihrem Browser die Cookies dieser Website, und versuchen Sie es dann noch einmal. Sie müssen sich danach neu anmelden.',
  'problem.request_timeout': 'Das hat zu lange gedauert',
  'problem.request_timeout.text': 'Vielleicht ist Ihre Verbindung langsam. Bitte versuchen Sie es noch einmal.',
  'problem.forbidden': 'Dieses Formular kam von einer anderen Website',
  'problem.forbidden.text':
    'Zur Sicherheit haben wir nichts getan. Bitte öffnen Sie unsere eigene Seite, und versuchen Sie es noch einmal.',
  'problem.challenge_not_found': 'Diesen Code kennen wir nicht',
  'problem.challenge_not_found.text':
    'Er wurde in einem anderen Browser angefordert oder vor langer Zeit. Bitte beginnen Sie von vorn.',
  'problem.session_not_found': 'Dieses Gerät ist schon abgemeldet',
  'problem.session_not_found.text': 'Sie müssen nichts mehr tun.',
  'problem.email_taken': 'Diese Adresse hat schon ein Konto',
  'problem.email_taken.text':
    'Es wurde nichts geändert. Verwenden Sie eine andere Adresse, oder löschen Sie zuerst das andere Konto.',
  'problem.last_admin': 'Sie sind der letzte Administrator',
  'problem.last_admin.text': 'Geben Sie zuerst jemand anderem die Rolle. Dann können Sie Ihr Konto löschen.',
  'problem.otp_expired': 'Dieser Code ist abgelaufen',
  'problem.otp_expired.text': 'Ein Code gilt zehn Minuten lang. Wir senden Ihnen gern einen neuen.',
  'problem.otp_consumed': 'Dieser Code wurde schon verwendet',
  'problem.otp_consumed.text':
    'Ein Code gilt einmal, ebenso wie der Link in seiner E-Mail. Bitte beginnen Sie von vorn, um einen neuen zu erhalten.',
  'problem.otp_disowned': 'Dieser Code wurde gesperrt',
  'problem.otp_disowned.text':
    'Wer die E-Mail erhalten hat, hat angegeben, sie nicht angefordert zu haben. Bitte beginnen Sie von vorn, um einen neuen Code zu erhalten.',
  'problem.otp_locked': 'Zu viele falsche Codes',
  'problem.otp_locked.text': 'Der Link in der E-Mail gilt noch. Oder holen Sie sich einen neuen Code.',
  'problem.too_many_failures': 'Zu viele Fehlversuche',
  'problem.too_many_failures.text': 'Der Link in der neuesten E-Mail gilt noch.',
  'problem.rate_limited': 'Das waren viele Versuche',
  'problem.rate_limited.text': 'Zum Schutz der Postfächer begrenzen wir, wie oft etwas angefordert werden kann.',
  'problem.resend_too_soon': 'Wir haben sie gerade erst gesendet',
  'problem.resend_too_soon.text': 'Eine E-Mail kann eine Minute brauchen. Schauen Sie auch im Spam-Ordner nach.',
  'problem.resend_exhausted': 'Wir haben diesen Code oft genug gesendet',
  'problem.resend_exhausted.text':
    'Prüfen Sie die Adresse, und schauen Sie im Spam-Ordner nach. Sobald dieser Code abgelaufen ist, können Sie einen neuen erhalten.',
  'problem.busy': 'Gerade ist sehr viel los',
  'problem.busy.text': 'Es wurde nichts getan. Bitte versuchen Sie es gleich noch einmal.',
  'problem.unavailable': 'Das funktioniert gerade nicht',
  'problem.unavailable.text':
    'Der Fehler liegt bei uns und ist meist schnell vorbei. Bitte versuchen Sie es gleich noch einmal.',
  'problem.other_refusal': 'Das hat nicht funktioniert',
  'problem.other_refusal.text': 'Gehen Sie zurück, und versuchen Sie es noch einmal.',
  'problem.unforeseen': 'Etwas ist schiefgegangen',
  'problem.unforeseen.text': 'Der Fehler liegt bei uns. Bitte versuchen Sie es noch einmal.',
  'problem.try_again': 'Versuchen Sie es in {time} noch einmal.',
  'problem.to_inbox': 'Zum Posteingang',
  'problem.to_docs': 'Zur Dokumentation',
  'problem.to_account': 'Zu Ihrem Konto',
  'problem.to_start': 'Zur Startseite',
  'problem.number': 'Wenn das öfter passiert, nennen Sie dem Betreiber dieses Dienstes diese Nummer: <b>{number}</b>',

  ...SMS_DE,
};
