import type { Words } from '../words.js';

export const FIL: Words = {
  'account.title': 'Ang account mo',
  'account.who': 'Naka-sign in ka sa {product} bilang <b>{email}</b>. Mayroon nang account na ito mula {since}.',
  'account.sessions': 'Mga naka-sign in na device',
  'account.sign_out': 'Mag-sign out',
  'account.sign_out_everywhere': 'Mag-sign out sa lahat',
  'account.unknown_device': 'Hindi kilalang device',
  'account.here': '(dito)',
  'account.last_used': 'Huling ginamit: {when}',
  'account.since': 'Mula {when}, {way}',
  'account.since_from': 'Mula {when}, {way}, galing sa {ip}',
  'account.by_code': 'gamit ang code',
  'account.by_link': 'gamit ang link',
  'account.by_password': 'gamit ang password',
  'account.end': 'I-sign out',
  'account.end_device': 'I-sign out: {device}',
  'account.end_this_device': 'I-sign out: {device}, dito',

  'sign_in.title': 'Mag-sign in o mag-sign up',
  'sign_in.text':
    'Magpapadala kami ng code sa email address mo; makakapag-sign in ka sa {product} gamit ito, at gagawan ka ng account kung wala ka pa.',
  'sign_in.address': 'Ang email address mo',
  'sign_in.button': 'Magpatuloy gamit ang email',
  'sign_in.no_address': 'Hindi iyan email address na mapapadalhan, gaya ng ada@example.com.',

  'code.title': 'Ilagay ang code',
  'code.text': 'Nasa email ito para sa <b>{email}</b> na may reference na <b>{reference}</b>.',
  'code.label': 'Code',
  'code.hint': 'ang anim na digit sa email',
  'code.button': 'Magpatuloy',
  'code.look_again': 'Tingnan ulit',
  'code.lives': 'Magagamit pa ang code nang {time}.',
  'code.other_address': 'Gumamit ng ibang address',
  'code.resend': 'Ipadala ulit',
  'code.resend_later': 'Maipapadala ulit ito pagkalipas ng {time}: tingnan ulit pagkatapos noon.',
  'code.resend_exhausted': 'Naipadala na ito sa pinakamaraming beses na puwede.',
  'code.six_digits': 'May anim na digit ang code.',
  'code.wrong': 'Hindi iyan ang code. May {tries} pagsubok ka pang natitira.',
  'code.wrong_one_left': 'Hindi iyan ang code. May isang pagsubok ka pang natitira.',

  'delivery.queued': 'Ipapadala na ang email.',
  'delivery.sending': 'Ipinapadala na ang email.',
  'delivery.sent': 'Papunta na ang email: tinanggap na ito ng kasunod na mail server. Tingnan din ang spam folder.',
  'delivery.deferred': 'Hindi pa namin naipadala ang email; kusa kaming susubok ulit.',
  'delivery.failed': 'Hindi mapapadalhan ng email ang address na ito. Tiyaking tama ito, o gumamit ng iba.',
  'delivery.our_fault': 'Hindi namin naipadala ang email, at kami ang may pagkakamali. Subukan ulit mamaya.',
  'delivery.unknown': 'Hindi namin alam kung naipadala ang email. Ipadala ulit kung hindi ito dumating.',
  'delivery.expired': 'Hindi namin naipadala ang email sa oras, at kami ang may pagkakamali. Humiling ng bagong code.',
  'delivery.delivered': 'Naihatid na ang email. Tingnan din ang spam folder.',
  'delivery.bounced':
    'Bumalik ang email: tinanggihan ito ng mail server ng address mo. Tiyaking tama ang address, o gumamit ng iba.',
  'delivery.gone': 'Hindi na alam kung ano ang nangyari sa email.',

  'link.confirm': 'Kumpirmahin ang address mo',
  'link.confirm_button': 'Kumpirmahin at mag-sign in',
  'link.sign_in': 'Mag-sign in',
  'link.new_password': 'Maglagay ng bagong password',
  'link.new_password_button': 'Ilagay ang password at mag-sign in',
  'link.signs_in': 'Isa-sign in ka ng button sa {product}, sa browser na ito, bilang <b>{email}</b>.',
  'link.confirms':
    'Kinukumpirma ng button na sa iyo ang address, at isa-sign in ka nito sa {product}, sa browser na ito, bilang <b>{email}</b>.',
  'link.begun_elsewhere':
    'Nagsimula ka ba sa ibang page, at naglagay doon ng pangalan o password? Doon mo na lang ilagay ang code: hindi isinasama ng link ang mga iyon.',
  'link.reference': 'Reference na <b>{reference}</b>, gaya ng nasa email.',
  'link.not_asked': 'Hindi mo ba ito hiniling?',
  'link.not_me': 'Hindi ako iyon',
  'link.password_text':
    'Para sa {product} account mo. Pagkatapos, naka-sign in ka na rito, at masa-sign out ka sa lahat ng ibang device.',
  'link.account': 'Ang account',
  'link.password': 'Bagong password',
  'link.password_hint': 'Hindi bababa sa 8 character; maganda ang ilang salita.',
  'link.nothing': 'Walang mabubuksan dito',
  'link.nothing_decoy': 'Sinasabi sa email kung ano ang gagawin. Ang reference nito ay <b>{reference}</b>.',
  'link.nothing_code':
    'Ilagay ang code ng email sa page kung saan mo ito hiniling. Ang reference ng email ay <b>{reference}</b>.',

  'over.way_on':
    '<a href="/account">Mag-sign in gamit ang email address mo</a>, o bumalik kung saan mo hiniling ang email at humiling ng bago.',
  'over.consumed': 'Nagamit na ang link na ito',
  'over.consumed.text':
    'Isang beses lang ito magagamit, gaya ng code sa parehong email. Hindi na rin ito gagana kapag may nagamit na mas bago.',
  'over.disowned': 'Pinigil na ang link na ito',
  'over.disowned.text': 'May nakatanggap ng email na nagsabing “Hindi ako iyon”, kaya wala na itong mabubuksan.',
  'over.expired': 'Nag-expire na ang link na ito',
  'over.expired.text': 'Nagamit ito sa loob ng sampung minuto.',
  'over.not_found': 'Hindi gumagana ang link na ito',
  'over.not_found.text':
    'Baka naputol ito ng mail app mo: buksan ulit ito mula sa email. Hindi na kilala ang mga napakalumang link.',

  password_too_short: 'Dapat may hindi bababa sa 8 character ang password; maganda ang ilang salita.',
  password_too_long: 'Dapat hindi hihigit sa 128 character ang password.',
  password_common: 'Isa ang password sa mga unang sinusubukan; maganda ang ilang salita.',
  password_contextual:
    'Ang password ay ang pangalan, ang address o ang serbisyo mismo, na unang sinusubukan; maganda ang ilang salita.',

  'not_me.title': 'Hindi ba ikaw iyon?',
  'not_me.text':
    'May humiling sa {product} ng email para sa <b>{email}</b>, reference na <b>{reference}</b>. Kung hindi ikaw iyon, gagawing walang silbi ng button ang code at link nito, at pababagalin ang humiling.',
  'not_me.close': 'Kung ikaw iyon, isara ang page na ito: walang nangyari.',
  'not_me.stopped': 'Pinigil na ito',
  'not_me.stopped_text':
    'Wala nang mabubuksan ang code at ang link ng email na may reference na <b>{reference}</b>. Wala ka nang kailangang gawin.',
  'not_me.stopped_nobody': 'Walang nag-sign in gamit ito, at walang binago sa iyo.',
  'not_me.over': 'Tapos na ito',
  'not_me.expired':
    'Nag-expire na ang code at ang link ng email na iyon, at walang gumamit sa mga ito. Wala kang kailangang gawin.',
  'not_me.used': 'Nagamit na ito',
  'not_me.used_text':
    'May naglagay ng code ng email na iyon, o pumindot sa button ng link nito, kaya hindi na ito mapipigil.',
  'not_me.used_what_to_do':
    'Kung hindi ikaw iyon, baka may ibang nagbabasa ng email mo. Palitan muna ang password ng mailbox mo, pagkatapos ay <a href="/account">mag-sign in dito</a> at piliin ang “Mag-sign out sa lahat”. Kung may password ang account mo, maglagay ng bago.',
  'not_me.replaced':
    'May nagamit na mas bagong email para sa parehong layunin, kaya hindi na gumagana ang code at ang link nito.',
  'not_me.replaced_what_to_do':
    'Kung hindi ikaw iyon, <a href="/account">mag-sign in dito</a> at piliin ang “Mag-sign out sa lahat”.',

  'undo.title': 'Bawiin ang pagpapalit?',
  'undo.text':
    'Ang address ng {product} account mo ay <b>{old}</b> dati; pinalitan ito ng <b>{new}</b>. Kung hindi ikaw iyon, ibabalik ng button ang dating address, isa-sign out ang lahat ng device at aalisin ang password.',
  'undo.button': 'Bawiin',
  'undo.done': 'Nabawi na ang pagpapalit',
  'undo.done_text': 'Na-sign out ang lahat ng device, at hindi na gumagana ang password.',
  'undo.done_what_to_do':
    '<a href="/account">Mag-sign in</a> gamit ang dating address ng account: may darating na code roon. Pagkatapos, maglagay ng bagong password kung gusto mo.',
  'undo.too_late': 'Huli na',
  'undo.too_late_text':
    'Mababawi ang pagpapalit ng address sa loob ng isang linggo. Humingi ng tulong sa nagpapatakbo ng {product}.',
  'undo.taken': 'Ginagamit na ang address',
  'undo.taken_text':
    'Gamit na ng ibang account ang dating address, kaya walang binago. Kung sa iyo rin ang account na iyon, i-delete ito at pindutin ulit ang button sa email, sa loob ng isang linggo mula sa pagpapalit. Kung hindi, humingi ng tulong sa nagpapatakbo ng {product}.',

  'leave.title': 'Mag-unsubscribe',
  'leave.from': 'Mag-unsubscribe sa {what}?',
  'leave.text':
    'Hindi na makakatanggap ng mga newsletter ang <b>{address}</b>. Darating pa rin ang mga code at iba pang email na hinihiling mo.',
  'leave.audience_text':
    'Hindi na makakatanggap nito ang <b>{address}</b> mula sa {product}. Darating pa rin ang mga code at iba pang email na hinihiling mo.',
  'leave.all': 'Mag-unsubscribe sa lahat ng newsletter ng {product}',
  'leave.done_title': 'Naka-unsubscribe na',
  'leave.done': 'Naka-unsubscribe ka na',
  'leave.done_text': 'Hindi na makakatanggap ng mga newsletter mula sa {product} ang <b>{address}</b>.',
  'leave.done_audience_text': 'Hindi na makakatanggap ng <b>{audience}</b> mula sa {product} ang <b>{address}</b>.',
  'leave.mistake': 'Nagkamali ako',
  'leave.back': 'Naka-subscribe ka na ulit',
  'leave.back_text': 'Makakatanggap ng mga newsletter mula sa {product} ang <b>{address}</b> gaya ng dati.',
  'leave.back_audience_text': 'Makakatanggap ng {audience} mula sa {product} ang <b>{address}</b> gaya ng dati.',
  'leave.invalid_text':
    'Baka naputol ito ng mail app mo. Buksan ulit ito mula sa email, o sagutin ang email na iyon para ma-unsubscribe.',

  'subscribe.title': 'Pakikumpirma ang subscription mo',
  'subscribe.question': 'Gusto mo ba ng mga email mula sa {product}?',
  'subscribe.text':
    'Ipapadala ang mga ito sa <b>{address}</b>. Puwede kang mag-unsubscribe anumang oras, gamit ang link sa bawat email.',
  'subscribe.button': 'Oo, i-subscribe ako',
  'subscribe.close':
    'Reference na <b>{reference}</b>, gaya ng nasa email. Kung hindi mo ito hiniling, isara ang page na ito: walang nangyari.',
  'subscribe.done': 'Naka-subscribe ka na',
  'subscribe.done_text':
    'Makakatanggap na ng mga email mula sa {product} ang <b>{address}</b>. May link para mag-unsubscribe ang bawat isa.',
  'subscribe.consumed': 'Nakumpirma na ito',
  'subscribe.consumed.text': 'Isang beses lang magagamit ang link, gaya ng code sa parehong email.',
  'subscribe.disowned.text': 'May nakatanggap ng email na nagsabing hindi siya iyon.',
  'subscribe.expired.text': 'Nagamit ito sa loob ng isang araw. Mag-subscribe ulit para sa bago.',

  'setup.title': 'Pag-set up',
  'setup.heading': 'I-set up ang {product}',
  'setup.text': 'Ikaw ang magiging unang administrator nito. Isang beses lang magagamit ang link na ito.',
  'setup.email': 'Email address',
  'setup.email_hint': 'Doon ipapadala ang mga code at abiso.',
  'setup.email_fault': 'Hindi ito email address na gaya ng ada@example.com.',
  'setup.name': 'Pangalan',
  'setup.name_hint': 'Opsyonal.',
  'setup.name_fault': 'Ang pangalan ay isang linya na hindi hihigit sa 100 character.',
  'setup.password': 'Ang password',
  'setup.password_hint': 'Opsyonal: makakapag-sign in gamit ang mga code sa email.',
  'setup.password_fault': 'Masyadong mahaba ang password.',
  'setup.button': 'Maging administrator',
  'setup.done': 'Naka-set up na ang {product}',
  'setup.done_code': 'Si <b>{email}</b> ang administrator nito, at nagsa-sign in gamit ang code sa email.',
  'setup.done_password':
    'Si <b>{email}</b> ang administrator nito, at nagsa-sign in gamit ang password o code sa email.',
  'setup.key':
    'Isang key para sa back end mo: <code>otpost keys create --name shop --scope emails:send</code>. Nakalarawan ang bawat call sa <a href="/docs">/docs</a>.',
  'setup.taken': 'May administrator na',
  'setup.taken_text':
    'Hilingin sa kanya na ibigay sa iyo ang role. Puwede ring patakbuhin ng may access sa server ang <code>otpost admin list</code> at <code>otpost admin create</code>.',
  'setup.invalid_text':
    'Isang beses lang ito magagamit, sa loob ng 24 na oras. I-restart ang Otpost at buksan ang link na ipapakita nito, o patakbuhin ang <code>otpost admin create</code>.',

  'problem.not_found': 'Walang ganitong page',
  'problem.not_found.text':
    'Ihambing ang address sa nasa email o sa page na nagdala sa iyo rito: baka may kulang na bahagi.',
  'problem.email_not_found': 'Walang ganitong mensahe',
  'problem.email_not_found.text': 'Baka inalis na ito.',
  'problem.setup_done': 'May administrator na',
  'problem.setup_done.text': 'Humingi ng tulong sa isa sa kanila.',
  'problem.setup_link_invalid': 'Hindi na magagamit ang link na ito',
  'problem.setup_link_invalid.text': 'Isang beses lang ito magagamit, sa loob ng 24 na oras.',
  'problem.unauthorized': 'Kailangan mong mag-sign in para dito',
  'problem.unauthorized.text': 'Mag-sign in, pagkatapos ay buksan ulit ang page.',
  'problem.bad_request': 'Hindi ito maintindihan',
  'problem.bad_request.text': 'Hindi dumating nang buo ang address o ang form. Bumalik at subukan ulit.',
  'problem.malformed_json': 'Hindi ito maintindihan',
  'problem.malformed_json.text': 'Hindi dumating nang buo ang form. Bumalik at subukan ulit.',
  'problem.validation_failed': 'May hindi tinatanggap sa inilagay mo',
  'problem.validation_failed.text': 'Bumalik, tingnan ang inilagay mo, at subukan ulit.',
  'problem.unsupported_media_type': 'Hindi ito maintindihan',
  'problem.unsupported_media_type.text':
    'Hindi dumating ang form sa paraang ipinapadala ng page namin. Buksan ulit ang page at subukan ulit.',
  'problem.method_not_allowed': 'Hindi iyan magagawa rito',
  'problem.method_not_allowed.text': 'Buksan ulit ang page at subukan ulit.',
  'problem.body_too_large': 'Masyadong marami iyan nang sabay-sabay',
  'problem.body_too_large.text': 'Masyadong mahaba ang ipinadala. Bumalik at paikliin ito.',
  'problem.headers_too_large': 'Masyadong marami ang ipinapadala ng browser mo',
  'problem.headers_too_large.text':
    'I-delete ang mga cookie ng site na ito sa browser mo, pagkatapos ay subukan ulit. Kakailanganin mong mag-sign in ulit.',
  'problem.request_timeout': 'Masyadong matagal bago dumating',
  'problem.request_timeout.text': 'Baka mabagal ang koneksyon. Pakisubukan ulit.',
  'problem.forbidden': 'Hindi puwede mula roon',
  'problem.forbidden.text':
    'Ipinadala ang form na ito mula sa ibang site, kaya walang ginawa. Buksan ang mismong page namin at subukan ulit.',
  'problem.challenge_not_found': 'Walang ganitong code',
  'problem.challenge_not_found.text': 'Hiniling ito sa ibang browser, o masyado nang matagal. Magsimula ulit.',
  'problem.session_not_found': 'Naka-sign out na ang device na iyon',
  'problem.session_not_found.text': 'Tapos na ang session nito.',
  'problem.otp_expired': 'Nag-expire na ang code',
  'problem.otp_expired.text': 'Magagamit ito nang sampung minuto. Magsimula ulit, at may darating na bago.',
  'problem.otp_consumed': 'Nagamit na ang code',
  'problem.otp_consumed.text':
    'Isang beses lang ito magagamit, gaya ng link sa email nito. Magsimula ulit, at may darating na bago.',
  'problem.otp_disowned': 'Pinigil na ang code',
  'problem.otp_disowned.text':
    'Sinabi ng nakatanggap ng email na hindi niya ito hiniling. Magsimula ulit, at may darating na bagong code.',
  'problem.otp_locked': 'Masyadong maraming maling code',
  'problem.otp_locked.text': 'Gumagana pa ang link sa email. O magsimula ulit, at may darating na bagong code.',
  'problem.too_many_failures': 'Masyadong maraming maling code',
  'problem.too_many_failures.text': 'Gumagana pa ang link sa pinakabagong email.',
  'problem.rate_limited': 'Masyadong maraming pagsubok',
  'problem.rate_limited.text':
    'Para hindi mapuno ng mga estranghero ang mga mailbox, may limitasyon kung gaano kadalas puwedeng humiling.',
  'problem.resend_too_soon': 'Kakapadala lang nito',
  'problem.resend_too_soon.text': 'Puwedeng abutin ng isang minuto ang email; tingnan din ang spam folder.',
  'problem.resend_exhausted': 'Sapat na ang dami ng pagpapadala nito',
  'problem.resend_exhausted.text':
    'Tiyaking tama ang address, at tingnan ang spam folder. Kapag nag-expire na ang code na ito, puwede kang humiling ng bago.',
  'problem.busy': 'Masyadong maraming nangyayari ngayon',
  'problem.busy.text': 'Walang ginawa. Pakisubukan ulit maya-maya.',
  'problem.unavailable': 'Hindi ito gumagana sa ngayon',
  'problem.unavailable.text': 'Kami ang may pagkakamali, at karaniwang natatapos ito agad. Pakisubukan ulit maya-maya.',
  'problem.other_refusal': 'Hindi iyan gumagana',
  'problem.other_refusal.text': 'Bumalik at subukan ulit.',
  'problem.unforeseen': 'Nagkaroon ng problema',
  'problem.unforeseen.text': 'Kami ang may pagkakamali. Pakisubukan ulit.',
  'problem.try_again': 'Subukan ulit pagkalipas ng {time}.',
  'problem.to_inbox': 'Pumunta sa inbox',
  'problem.to_docs': 'Pumunta sa dokumentasyon',
  'problem.to_account': 'Pumunta sa account mo',
  'problem.to_start': 'Pumunta sa start page',
  'problem.number': 'Kung hindi ito mawala, ibigay ang numerong ito sa nagpapatakbo ng serbisyo: <b>{number}</b>',
};
