import type { Words } from '../words.js';

export const ES: Words = {
  'account.title': 'Tu cuenta',
  'account.who': 'Iniciaste sesión en {product} como <b>{email}</b>. La cuenta existe desde el {since}.',
  'account.sessions': 'Sesiones abiertas',
  'account.sign_out': 'Cerrar sesión',
  'account.sign_out_everywhere': 'Cerrar sesión en todas partes',
  'account.unknown_device': 'Dispositivo desconocido',
  'account.here': '(aquí)',
  'account.last_used': 'Último uso: {when}',
  'account.since': 'Desde el {when}, {way}',
  'account.since_from': 'Desde el {when}, {way}, desde {ip}',
  'account.by_code': 'con código',
  'account.by_link': 'con enlace',
  'account.by_password': 'con contraseña',
  'account.end': 'Cerrar',
  'account.end_device': 'Cerrar: {device}',
  'account.end_this_device': 'Cerrar: {device}, aquí',

  'sign_in.title': 'Inicia sesión o regístrate',
  'sign_in.text':
    'Te enviamos un código a tu correo electrónico; con él inicias sesión en {product} y, si no tienes cuenta, se crea una.',
  'sign_in.address': 'Correo electrónico',
  'sign_in.button': 'Continuar con el correo',
  'sign_in.no_address': 'Esa no es una dirección a la que se pueda enviar correo, como por ejemplo ada@example.com.',

  'code.title': 'Introduce el código',
  'code.text': 'Está en el correo enviado a <b>{email}</b> con la referencia <b>{reference}</b>.',
  'code.label': 'Código',
  'code.hint': 'los seis dígitos del correo',
  'code.button': 'Continuar',
  'code.look_again': 'Volver a mirar',
  'code.lives': 'El código sirve durante {time} más.',
  'code.other_address': 'Usar otra dirección',
  'code.resend': 'Enviarlo de nuevo',
  'code.resend_later': 'Se podrá enviar de nuevo en {time}: vuelve a mirar entonces.',
  'code.resend_exhausted': 'Ya se envió tantas veces como es posible.',
  'code.six_digits': 'El código tiene seis dígitos.',
  'code.wrong': 'Ese no es el código. Te quedan {tries} intentos.',
  'code.wrong_one_left': 'Ese no es el código. Te queda un intento.',

  'delivery.queued': 'El correo está a punto de enviarse.',
  'delivery.sending': 'El correo se está enviando.',
  'delivery.sent':
    'El correo está en camino: el siguiente servidor de correo lo aceptó. Mira también en la carpeta de spam.',
  'delivery.deferred': 'Aún no pudimos enviar el correo; lo intentaremos de nuevo automáticamente.',
  'delivery.failed': 'No se puede enviar correo a esta dirección. Revísala o usa otra.',
  'delivery.our_fault': 'No pudimos enviar el correo y el fallo es nuestro. Inténtalo de nuevo más tarde.',
  'delivery.unknown': 'No sabemos si el correo se envió. Envíalo de nuevo si no llega.',
  'delivery.expired': 'No pudimos enviar el correo a tiempo y el fallo es nuestro. Solicita un código nuevo.',
  'delivery.delivered': 'El correo se entregó. Mira también en la carpeta de spam.',
  'delivery.bounced':
    'El correo fue devuelto: el servidor de correo de tu dirección lo rechazó. Revisa la dirección o usa otra.',
  'delivery.gone': 'Ya no se sabe qué pasó con el correo.',

  'link.confirm': 'Confirma tu dirección',
  'link.confirm_button': 'Confirmar y entrar',
  'link.sign_in': 'Iniciar sesión',
  'link.new_password': 'Crea una contraseña nueva',
  'link.new_password_button': 'Guardar la contraseña y entrar',
  'link.signs_in': 'Con el botón inicias sesión en {product}, en este navegador, como <b>{email}</b>.',
  'link.confirms':
    'Con el botón confirmas que la dirección es tuya e inicias sesión en {product}, en este navegador, como <b>{email}</b>.',
  'link.begun_elsewhere':
    '¿Empezaste en otra página y escribiste allí un nombre o una contraseña? Introduce mejor el código allí: el enlace no los tiene en cuenta.',
  'link.reference': 'Referencia <b>{reference}</b>, como en el correo.',
  'link.not_asked': '¿No lo solicitaste?',
  'link.not_me': 'No fui yo',
  'link.password_text':
    'Para tu cuenta de {product}. Después tendrás la sesión iniciada aquí y cerrada en todos los demás dispositivos.',
  'link.account': 'Cuenta',
  'link.password': 'Contraseña nueva',
  'link.password_hint': 'Al menos 8 caracteres; unas cuantas palabras forman una buena.',
  'link.nothing': 'Aquí no hay nada que abrir',
  'link.nothing_decoy': 'El correo dice qué hacer. Su referencia es <b>{reference}</b>.',
  'link.nothing_code':
    'Introduce el código del correo en la página donde lo solicitaste. La referencia del correo es <b>{reference}</b>.',

  'over.way_on':
    '<a href="/account">Inicia sesión con tu correo electrónico</a>, o vuelve a donde solicitaste el correo y pide uno nuevo.',
  'over.consumed': 'Este enlace ya se usó',
  'over.consumed.text':
    'Sirve una sola vez, igual que el código del mismo correo. Si se usa uno más reciente, también deja de servir.',
  'over.disowned': 'Este enlace fue anulado',
  'over.disowned.text': 'Alguien que tiene el correo indicó «No fui yo», así que ya no abre nada.',
  'over.expired': 'Este enlace caducó',
  'over.expired.text': 'Sirvió durante diez minutos.',
  'over.not_found': 'Este enlace no funciona',
  'over.not_found.text':
    'Es posible que tu programa de correo lo haya cortado: ábrelo otra vez desde el correo. Los enlaces muy antiguos ya no se reconocen.',

  password_too_short: 'La contraseña debe tener al menos 8 caracteres; unas cuantas palabras forman una buena.',
  password_too_long: 'La contraseña debe tener como máximo 128 caracteres.',
  password_common: 'La contraseña es una de las que se prueban primero; unas cuantas palabras forman una buena.',
  password_contextual:
    'La contraseña es el nombre, la dirección o el propio servicio, que es lo que se prueba primero; unas cuantas palabras forman una buena.',

  'not_me.title': '¿No fuiste tú?',
  'not_me.text':
    'Alguien solicitó a {product} un correo para <b>{email}</b>, referencia <b>{reference}</b>. Si no fuiste tú, el botón anula su código y su enlace, y frena a quien lo solicitó.',
  'not_me.close': 'Si fuiste tú, cierra esta página: no ha pasado nada.',
  'not_me.stopped': 'Quedó anulado',
  'not_me.stopped_text':
    'El código y el enlace del correo con la referencia <b>{reference}</b> ya no abren nada. No tienes que hacer nada más.',
  'not_me.stopped_nobody': 'Nadie inició sesión con él y no se cambió nada tuyo.',
  'not_me.over': 'Ya no sirve',
  'not_me.expired': 'El código y el enlace de ese correo caducaron y nadie los usó. No tienes que hacer nada.',
  'not_me.used': 'Ya se usó',
  'not_me.used_text':
    'Alguien introdujo el código de ese correo o pulsó el botón de su enlace, así que ya no se puede anular.',
  'not_me.used_what_to_do':
    'Si no fuiste tú, es posible que otra persona lea tu correo. Cambia primero la contraseña de tu buzón, luego <a href="/account">inicia sesión aquí</a> y elige «Cerrar sesión en todas partes». Si tu cuenta tiene contraseña, crea una nueva.',
  'not_me.replaced':
    'Se usó un correo más reciente para lo mismo, y con eso dejaron de servir el código y el enlace de este.',
  'not_me.replaced_what_to_do':
    'Si no fuiste tú, <a href="/account">inicia sesión aquí</a> y elige «Cerrar sesión en todas partes».',

  'undo.title': '¿Deshacer el cambio?',
  'undo.text':
    'Tu cuenta de {product} tenía la dirección <b>{old}</b>; se cambió por <b>{new}</b>. Si no fuiste tú, el botón recupera la dirección anterior, cierra todas las sesiones y elimina la contraseña.',
  'undo.button': 'Deshacer el cambio',
  'undo.done': 'El cambio se deshizo',
  'undo.done_text': 'Se cerró la sesión en todos los dispositivos y la contraseña ya no sirve.',
  'undo.done_what_to_do':
    '<a href="/account">Inicia sesión</a> con la dirección que tenía antes la cuenta: recibirás allí un código. Después crea una contraseña nueva, si quieres una.',
  'undo.too_late': 'Es demasiado tarde',
  'undo.too_late_text':
    'Un cambio de dirección se puede deshacer durante una semana. Pide ayuda a quien administra {product}.',
  'undo.taken': 'La dirección está en uso',
  'undo.taken_text':
    'Otra cuenta tiene ahora la dirección anterior, así que no se cambió nada. Si esa cuenta también es tuya, elimínala y pulsa otra vez el botón del correo, antes de que pase una semana desde el cambio. Si no, pide ayuda a quien administra {product}.',

  'leave.title': 'Darme de baja',
  'leave.from': '¿Darte de baja de {what}?',
  'leave.text':
    '<b>{address}</b> no recibirá más boletines. Los códigos y otros correos que solicites seguirán llegando.',
  'leave.audience_text':
    '<b>{address}</b> no recibirá más correos de esta lista de {product}. Los códigos y otros correos que solicites seguirán llegando.',
  'leave.all': 'Darme de baja de todos los boletines de {product}',
  'leave.done_title': 'Baja confirmada',
  'leave.done': 'Te diste de baja',
  'leave.done_text': '<b>{address}</b> ya no recibirá boletines de {product}.',
  'leave.done_audience_text': '<b>{address}</b> ya no recibirá <b>{audience}</b> de {product}.',
  'leave.mistake': 'Fue un error',
  'leave.back': 'Vuelves a estar suscrito',
  'leave.back_text': '<b>{address}</b> recibe boletines de {product} como antes.',
  'leave.back_audience_text': '<b>{address}</b> recibe {audience} de {product} como antes.',
  'leave.invalid_text':
    'Es posible que tu programa de correo lo haya cortado. Ábrelo otra vez desde el correo o responde a ese correo para darte de baja.',

  'subscribe.title': 'Confirma tu suscripción',
  'subscribe.question': '¿Quieres recibir correo de {product}?',
  'subscribe.text':
    'Llegará a <b>{address}</b>. Puedes darte de baja en cualquier momento con un enlace que hay en cada correo.',
  'subscribe.button': 'Sí, quiero suscribirme',
  'subscribe.close':
    'Referencia <b>{reference}</b>, como en el correo. Si no lo solicitaste, cierra esta página: no ha pasado nada.',
  'subscribe.done': 'Suscripción confirmada',
  'subscribe.done_text':
    '<b>{address}</b> recibirá correo de {product} a partir de ahora. Cada uno tiene un enlace para darse de baja.',
  'subscribe.consumed': 'Ya está confirmada',
  'subscribe.consumed.text': 'El enlace sirve una sola vez, igual que el código del mismo correo.',
  'subscribe.disowned.text': 'Alguien que tiene el correo indicó que no lo solicitó.',
  'subscribe.expired.text': 'Sirvió durante un día. Suscríbete otra vez para recibir uno nuevo.',

  'setup.title': 'Configuración',
  'setup.heading': 'Configurar {product}',
  'setup.text': 'Vas a ser la primera persona que lo administre. Este enlace sirve una sola vez.',
  'setup.email': 'Correo electrónico',
  'setup.email_hint': 'Ahí llegan los códigos y los avisos.',
  'setup.email_fault': 'Esa no es una dirección de correo como por ejemplo ada@example.com.',
  'setup.name': 'Nombre',
  'setup.name_hint': 'Opcional.',
  'setup.name_fault': 'Un nombre es una sola línea de 100 caracteres como máximo.',
  'setup.password': 'Contraseña',
  'setup.password_hint': 'Opcional: se puede iniciar sesión con códigos por correo.',
  'setup.password_fault': 'La contraseña es demasiado larga.',
  'setup.button': 'Ser administrador',
  'setup.done': '{product} está configurado',
  'setup.done_code': '<b>{email}</b> administra el servicio e inicia sesión con un código por correo.',
  'setup.done_password':
    '<b>{email}</b> administra el servicio e inicia sesión con la contraseña o con un código por correo.',
  'setup.key':
    'Una clave para tu backend: <code>otpost keys create --name shop --scope emails:send</code>. Todas las llamadas se describen en <a href="/docs">/docs</a>.',
  'setup.taken': 'Ya hay un administrador',
  'setup.taken_text':
    'Pídele que te dé el rol. Quien tenga acceso al servidor también puede ejecutar <code>otpost admin list</code> y <code>otpost admin create</code>.',
  'setup.invalid_text':
    'Sirve una sola vez, durante 24 horas. Reinicia Otpost y abre el enlace que muestra, o ejecuta <code>otpost admin create</code>.',

  'problem.not_found': 'Esta página no existe',
  'problem.not_found.text':
    'Compara la dirección con la del correo o con la de la página que te trajo aquí: quizá le falte una parte.',
  'problem.email_not_found': 'Este mensaje no existe',
  'problem.email_not_found.text': 'Es posible que se haya eliminado.',
  'problem.setup_done': 'Ya hay un administrador',
  'problem.setup_done.text': 'Pide ayuda a uno de ellos.',
  'problem.setup_link_invalid': 'Este enlace ya no sirve',
  'problem.setup_link_invalid.text': 'Sirve una sola vez, durante 24 horas.',
  'problem.unauthorized': 'Para esto tienes que iniciar sesión',
  'problem.unauthorized.text': 'Inicia sesión y abre la página otra vez.',
  'problem.bad_request': 'No se entiende la solicitud',
  'problem.bad_request.text': 'La dirección o el formulario no llegó completo. Vuelve atrás e inténtalo de nuevo.',
  'problem.malformed_json': 'No se entiende la solicitud',
  'problem.malformed_json.text': 'El formulario no llegó completo. Vuelve atrás e inténtalo de nuevo.',
  'problem.validation_failed': 'Hay un dato que no es válido',
  'problem.validation_failed.text': 'Vuelve atrás, revisa lo que escribiste e inténtalo de nuevo.',
  'problem.unsupported_media_type': 'No se entiende la solicitud',
  'problem.unsupported_media_type.text':
    'El formulario no llegó como lo envía nuestra página. Abre la página otra vez e inténtalo de nuevo.',
  'problem.method_not_allowed': 'Eso no se puede hacer aquí',
  'problem.method_not_allowed.text': 'Abre la página otra vez e inténtalo de nuevo.',
  'problem.body_too_large': 'Es demasiado de una vez',
  'problem.body_too_large.text': 'Lo que se envió es demasiado largo. Vuelve atrás y acórtalo.',
  'problem.headers_too_large': 'Tu navegador envía demasiado',
  'problem.headers_too_large.text':
    'Borra las cookies de este sitio en tu navegador e inténtalo de nuevo. Tendrás que volver a iniciar sesión.',
  'problem.request_timeout': 'Tardó demasiado en llegar',
  'problem.request_timeout.text': 'Es posible que la conexión sea lenta. Inténtalo de nuevo.',
  'problem.forbidden': 'Desde ahí no se puede',
  'problem.forbidden.text':
    'Este formulario se envió desde otro sitio, así que no se hizo nada. Abre nuestra página e inténtalo de nuevo.',
  'problem.challenge_not_found': 'Este código no existe',
  'problem.challenge_not_found.text': 'Se solicitó en otro navegador o hace demasiado tiempo. Empieza de nuevo.',
  'problem.session_not_found': 'Ese dispositivo ya no tiene sesión',
  'problem.session_not_found.text': 'Su sesión ya se cerró.',
  'problem.otp_expired': 'El código caducó',
  'problem.otp_expired.text': 'Sirve durante diez minutos. Empieza de nuevo y recibirás otro.',
  'problem.otp_consumed': 'El código ya se usó',
  'problem.otp_consumed.text':
    'Sirve una sola vez, igual que el enlace de su correo. Empieza de nuevo y recibirás otro.',
  'problem.otp_disowned': 'El código fue anulado',
  'problem.otp_disowned.text':
    'Quien recibió el correo indicó que no lo solicitó. Empieza de nuevo y recibirás otro código.',
  'problem.otp_locked': 'Demasiados códigos incorrectos',
  'problem.otp_locked.text':
    'El enlace del correo todavía sirve. También puedes empezar de nuevo y recibirás otro código.',
  'problem.too_many_failures': 'Demasiados códigos incorrectos',
  'problem.too_many_failures.text': 'El enlace del correo más reciente todavía sirve.',
  'problem.rate_limited': 'Demasiados intentos',
  'problem.rate_limited.text':
    'Para que nadie inunde los buzones de otras personas, hay límites sobre cuántas veces se puede solicitar algo.',
  'problem.resend_too_soon': 'Se envió hace un momento',
  'problem.resend_too_soon.text': 'El correo puede tardar un minuto; mira también en la carpeta de spam.',
  'problem.resend_exhausted': 'Ya se envió suficientes veces',
  'problem.resend_exhausted.text':
    'Revisa la dirección y mira en la carpeta de spam. Cuando este código caduque, podrás solicitar uno nuevo.',
  'problem.busy': 'Hay demasiada actividad',
  'problem.busy.text': 'No se hizo nada. Inténtalo de nuevo en un momento.',
  'problem.unavailable': 'No funciona en este momento',
  'problem.unavailable.text': 'El fallo es nuestro y suele resolverse pronto. Inténtalo de nuevo en un momento.',
  'problem.other_refusal': 'Eso no funciona',
  'problem.other_refusal.text': 'Vuelve atrás e inténtalo de nuevo.',
  'problem.unforeseen': 'Algo salió mal',
  'problem.unforeseen.text': 'El fallo es nuestro. Inténtalo de nuevo.',
  'problem.try_again': 'Inténtalo de nuevo en {time}.',
  'problem.to_inbox': 'Ir a la bandeja de entrada',
  'problem.to_docs': 'Ir a la documentación',
  'problem.to_account': 'Ir a tu cuenta',
  'problem.to_start': 'Ir a la página de inicio',
  'problem.number': 'Si el problema continúa, indica este número a quien administra el servicio: <b>{number}</b>',
};
