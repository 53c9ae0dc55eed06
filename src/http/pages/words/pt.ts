import type { Words } from '../words.js';

export const PT: Words = {
  'account.title': 'Sua conta',
  'account.who': 'Você entrou em {product} como <b>{email}</b>. A conta existe desde {since}.',
  'account.sessions': 'Sessões abertas',
  'account.sign_out': 'Sair',
  'account.sign_out_everywhere': 'Sair de todos os dispositivos',
  'account.unknown_device': 'Dispositivo desconhecido',
  'account.here': '(aqui)',
  'account.last_used': 'Último uso: {when}',
  'account.since': 'Desde {when}, {way}',
  'account.since_from': 'Desde {when}, {way}, a partir de {ip}',
  'account.by_code': 'com código',
  'account.by_link': 'com link',
  'account.by_password': 'com senha',
  'account.end': 'Encerrar',
  'account.end_device': 'Encerrar: {device}',
  'account.end_this_device': 'Encerrar: {device}, aqui',

  'sign_in.title': 'Entrar ou se cadastrar',
  'sign_in.text':
    'Enviamos um código para o seu e-mail; com ele você entra em {product} e, se ainda não tiver conta, uma é criada.',
  'sign_in.address': 'Endereço de e-mail',
  'sign_in.button': 'Continuar com e-mail',
  'sign_in.no_address': 'Esse não é um endereço para o qual se possa enviar e-mail, como por exemplo ada@example.com.',

  'code.title': 'Digite o código',
  'code.text': 'Ele está no e-mail enviado para <b>{email}</b> com a referência <b>{reference}</b>.',
  'code.label': 'Código',
  'code.hint': 'os seis dígitos do e-mail',
  'code.button': 'Continuar',
  'code.look_again': 'Verificar de novo',
  'code.lives': 'O código vale por mais {time}.',
  'code.other_address': 'Usar outro endereço',
  'code.resend': 'Enviar de novo',
  'code.resend_later': 'Ele pode ser enviado de novo em {time}: verifique outra vez depois disso.',
  'code.resend_exhausted': 'Ele já foi enviado o máximo de vezes possível.',
  'code.six_digits': 'O código tem seis dígitos.',
  'code.wrong': 'Esse não é o código. Restam {tries} tentativas.',
  'code.wrong_one_left': 'Esse não é o código. Resta uma tentativa.',

  'delivery.queued': 'O e-mail está prestes a ser enviado.',
  'delivery.sending': 'O e-mail está sendo enviado.',
  'delivery.sent': 'O e-mail está a caminho: o próximo servidor de e-mail o aceitou. Veja também na pasta de spam.',
  'delivery.deferred': 'Ainda não conseguimos enviar o e-mail; vamos tentar de novo automaticamente.',
  'delivery.failed': 'Não é possível enviar e-mail para este endereço. Confira-o ou use outro.',
  'delivery.our_fault': 'Não conseguimos enviar o e-mail, e a falha é nossa. Tente de novo mais tarde.',
  'delivery.unknown': 'Não sabemos se o e-mail foi enviado. Envie de novo se ele não chegar.',
  'delivery.expired': 'Não conseguimos enviar o e-mail a tempo, e a falha é nossa. Peça um novo código.',
  'delivery.delivered': 'O e-mail foi entregue. Veja também na pasta de spam.',
  'delivery.bounced':
    'O e-mail voltou: o servidor de e-mail do seu endereço o recusou. Confira o endereço ou use outro.',
  'delivery.gone': 'Não se sabe mais o que aconteceu com o e-mail.',

  'link.confirm': 'Confirme seu endereço',
  'link.confirm_button': 'Confirmar e entrar',
  'link.sign_in': 'Entrar',
  'link.new_password': 'Defina uma nova senha',
  'link.new_password_button': 'Definir a senha e entrar',
  'link.signs_in': 'Com o botão você entra em {product}, neste navegador, como <b>{email}</b>.',
  'link.confirms':
    'Com o botão você confirma que o endereço é seu e entra em {product}, neste navegador, como <b>{email}</b>.',
  'link.begun_elsewhere':
    'Você começou em outra página e digitou lá um nome ou uma senha? Então digite o código lá: o link não os leva em conta.',
  'link.reference': 'Referência <b>{reference}</b>, como no e-mail.',
  'link.not_asked': 'Não foi você que pediu?',
  'link.not_me': 'Não fui eu',
  'link.password_text':
    'Para a sua conta de {product}. Depois disso você entra aqui e sai de todos os outros dispositivos.',
  'link.account': 'Conta',
  'link.password': 'Nova senha',
  'link.password_hint': 'Pelo menos 8 caracteres; algumas palavras formam uma boa senha.',
  'link.nothing': 'Não há nada para abrir aqui',
  'link.nothing_decoy': 'O e-mail diz o que fazer. A referência dele é <b>{reference}</b>.',
  'link.nothing_code':
    'Digite o código do e-mail na página em que você o pediu. A referência do e-mail é <b>{reference}</b>.',

  'over.way_on':
    '<a href="/account">Entre com o seu endereço de e-mail</a>, ou volte para onde você pediu o e-mail e peça um novo.',
  'over.consumed': 'Este link já foi usado',
  'over.consumed.text':
    'Ele funciona uma única vez, assim como o código do mesmo e-mail. Quando um mais novo é usado, ele também deixa de valer.',
  'over.disowned': 'Este link foi bloqueado',
  'over.disowned.text': 'Alguém que tem o e-mail disse “Não fui eu”, por isso ele não abre mais nada.',
  'over.expired': 'Este link expirou',
  'over.expired.text': 'Ele valeu por dez minutos.',
  'over.not_found': 'Este link não funciona',
  'over.not_found.text':
    'Talvez o seu programa de e-mail o tenha cortado: abra-o mais uma vez a partir do e-mail. Links muito antigos não são mais reconhecidos.',

  password_too_short: 'A senha precisa ter pelo menos 8 caracteres; algumas palavras formam uma boa senha.',
  password_too_long: 'A senha pode ter no máximo 128 caracteres.',
  password_common: 'A senha é uma das que são tentadas primeiro; algumas palavras formam uma boa senha.',
  password_contextual:
    'A senha é o nome, o endereço ou o próprio serviço, que são tentados primeiro; algumas palavras formam uma boa senha.',

  'not_me.title': 'Não foi você?',
  'not_me.text':
    'Alguém pediu a {product} um e-mail para <b>{email}</b>, referência <b>{reference}</b>. Se não foi você, o botão torna o código e o link inúteis e limita quem fez o pedido.',
  'not_me.close': 'Se foi você, feche esta página: nada aconteceu.',
  'not_me.stopped': 'Foi bloqueado',
  'not_me.stopped_text':
    'O código e o link do e-mail com a referência <b>{reference}</b> não abrem mais nada. Você não precisa fazer mais nada.',
  'not_me.stopped_nobody': 'Ninguém entrou com ele, e nada seu foi alterado.',
  'not_me.over': 'Já não vale mais',
  'not_me.expired': 'O código e o link desse e-mail expiraram, e ninguém os usou. Você não precisa fazer nada.',
  'not_me.used': 'Já foi usado',
  'not_me.used_text':
    'Alguém digitou o código desse e-mail ou apertou o botão do link, por isso não é mais possível bloqueá-lo.',
  'not_me.used_what_to_do':
    'Se não foi você, talvez outra pessoa leia os seus e-mails. Primeiro mude a senha da sua caixa de e-mail, depois <a href="/account">entre aqui</a> e escolha “Sair de todos os dispositivos”. Se a sua conta tem senha, defina uma nova.',
  'not_me.replaced':
    'Um e-mail mais novo para o mesmo fim foi usado, e com isso o código e o link deste deixaram de valer.',
  'not_me.replaced_what_to_do':
    'Se não foi você, <a href="/account">entre aqui</a> e escolha “Sair de todos os dispositivos”.',

  'undo.title': 'Desfazer a mudança?',
  'undo.text':
    'Sua conta de {product} tinha o endereço <b>{old}</b>; ele foi alterado para <b>{new}</b>. Se não foi você, o botão traz de volta o endereço anterior, encerra todas as sessões e remove a senha.',
  'undo.button': 'Desfazer a mudança',
  'undo.done': 'A mudança foi desfeita',
  'undo.done_text': 'Todos os dispositivos foram desconectados, e a senha não funciona mais.',
  'undo.done_what_to_do':
    '<a href="/account">Entre</a> com o endereço que a conta tinha antes: um código chegará nele. Depois defina uma nova senha, se quiser.',
  'undo.too_late': 'É tarde demais',
  'undo.too_late_text':
    'Uma mudança de endereço pode ser desfeita por uma semana. Peça ajuda a quem administra {product}.',
  'undo.taken': 'O endereço já está em uso',
  'undo.taken_text':
    'Outra conta já tem o endereço anterior, então nada foi alterado. Se essa conta também for sua, exclua-a e aperte mais uma vez o botão do e-mail, em até uma semana após a mudança. Caso contrário, peça ajuda a quem administra {product}.',

  'leave.title': 'Cancelar inscrição',
  'leave.from': 'Cancelar a inscrição em {what}?',
  'leave.text':
    '<b>{address}</b> não receberá mais newsletters. Códigos e outros e-mails que você pedir continuarão chegando.',
  'leave.audience_text':
    '<b>{address}</b> não receberá mais esses e-mails de {product}. Códigos e outros e-mails que você pedir continuarão chegando.',
  'leave.all': 'Cancelar todas as newsletters de {product}',
  'leave.done_title': 'Inscrição cancelada',
  'leave.done': 'Sua inscrição foi cancelada',
  'leave.done_text': '<b>{address}</b> não recebe mais newsletters de {product}.',
  'leave.done_audience_text': '<b>{address}</b> não recebe mais <b>{audience}</b> de {product}.',
  'leave.mistake': 'Foi um engano',
  'leave.back': 'Sua inscrição foi retomada',
  'leave.back_text': '<b>{address}</b> recebe newsletters de {product} como antes.',
  'leave.back_audience_text': '<b>{address}</b> recebe {audience} de {product} como antes.',
  'leave.invalid_text':
    'Talvez o seu programa de e-mail o tenha cortado. Abra-o mais uma vez a partir do e-mail ou responda àquele e-mail para cancelar a inscrição.',

  'subscribe.title': 'Confirme sua inscrição',
  'subscribe.question': 'Você quer receber e-mails de {product}?',
  'subscribe.text':
    'Eles vão para <b>{address}</b>. Você pode cancelar a qualquer momento pelo link que há em cada e-mail.',
  'subscribe.button': 'Sim, quero receber',
  'subscribe.close':
    'Referência <b>{reference}</b>, como no e-mail. Se não foi você que pediu, feche esta página: nada aconteceu.',
  'subscribe.done': 'Inscrição confirmada',
  'subscribe.done_text':
    '<b>{address}</b> recebe e-mails de {product} a partir de agora. Cada um tem um link para cancelar.',
  'subscribe.consumed': 'A inscrição já foi confirmada',
  'subscribe.consumed.text': 'O link funciona uma única vez, assim como o código do mesmo e-mail.',
  'subscribe.disowned.text': 'Alguém que tem o e-mail disse que não foi quem pediu.',
  'subscribe.expired.text': 'Ele valeu por um dia. Inscreva-se mais uma vez para receber um novo.',

  'setup.title': 'Configuração',
  'setup.heading': 'Configurar {product}',
  'setup.text': 'Você vai ser a primeira pessoa a administrá-lo. Este link funciona uma única vez.',
  'setup.email': 'Endereço de e-mail',
  'setup.email_hint': 'Códigos e avisos vão para lá.',
  'setup.email_fault': 'Esse não é um endereço de e-mail como por exemplo ada@example.com.',
  'setup.name': 'Nome',
  'setup.name_hint': 'Opcional.',
  'setup.name_fault': 'Um nome é uma única linha de no máximo 100 caracteres.',
  'setup.password': 'Senha',
  'setup.password_hint': 'Opcional: é possível entrar com códigos por e-mail.',
  'setup.password_fault': 'A senha é longa demais.',
  'setup.button': 'Tornar-se administrador',
  'setup.done': '{product} está configurado',
  'setup.done_code': '<b>{email}</b> administra o serviço e entra com um código por e-mail.',
  'setup.done_password': '<b>{email}</b> administra o serviço e entra com a senha ou com um código por e-mail.',
  'setup.key':
    'Uma chave para o seu back-end: <code>otpost keys create --name shop --scope emails:send</code>. Todas as chamadas estão descritas em <a href="/docs">/docs</a>.',
  'setup.taken': 'Já existe um administrador',
  'setup.taken_text':
    'Peça a ele que dê o papel a você. Quem tem acesso ao servidor também pode executar <code>otpost admin list</code> e <code>otpost admin create</code>.',
  'setup.invalid_text':
    'Ele funciona uma única vez, por 24 horas. Reinicie o Otpost e abra o link que ele mostra, ou execute <code>otpost admin create</code>.',

  'problem.not_found': 'Esta página não existe',
  'problem.not_found.text':
    'Compare o endereço com o do e-mail ou o da página que trouxe você até aqui: talvez falte uma parte.',
  'problem.email_not_found': 'Esta mensagem não existe',
  'problem.email_not_found.text': 'Talvez ela tenha sido removida.',
  'problem.setup_done': 'Já existe um administrador',
  'problem.setup_done.text': 'Peça ajuda a um deles.',
  'problem.setup_link_invalid': 'Este link não vale mais',
  'problem.setup_link_invalid.text': 'Ele funciona uma única vez, por 24 horas.',
  'problem.unauthorized': 'Você precisa entrar para isso',
  'problem.unauthorized.text': 'Entre e depois abra a página de novo.',
  'problem.bad_request': 'Não foi possível entender o pedido',
  'problem.bad_request.text': 'O endereço ou o formulário não chegou inteiro. Volte e tente de novo.',
  'problem.malformed_json': 'Não foi possível entender o pedido',
  'problem.malformed_json.text': 'O formulário não chegou inteiro. Volte e tente de novo.',
  'problem.validation_failed': 'Algum dado não é válido',
  'problem.validation_failed.text': 'Volte, confira o que você digitou e tente de novo.',
  'problem.unsupported_media_type': 'Não foi possível entender o pedido',
  'problem.unsupported_media_type.text':
    'O formulário não chegou como a nossa página o envia. Abra a página de novo e tente mais uma vez.',
  'problem.method_not_allowed': 'Isso não pode ser feito aqui',
  'problem.method_not_allowed.text': 'Abra a página de novo e tente mais uma vez.',
  'problem.body_too_large': 'É demais de uma só vez',
  'problem.body_too_large.text': 'O que foi enviado é longo demais. Volte e encurte.',
  'problem.headers_too_large': 'Seu navegador envia dados demais',
  'problem.headers_too_large.text':
    'Apague os cookies deste site no seu navegador e tente de novo. Você terá que entrar outra vez.',
  'problem.request_timeout': 'Demorou demais para chegar',
  'problem.request_timeout.text': 'Talvez a conexão esteja lenta. Tente de novo.',
  'problem.forbidden': 'A partir daí não é possível',
  'problem.forbidden.text':
    'Este formulário foi enviado de outro site, por isso nada foi feito. Abra a nossa página e tente de novo.',
  'problem.challenge_not_found': 'Este código não existe',
  'problem.challenge_not_found.text': 'Ele foi pedido em outro navegador ou há tempo demais. Comece de novo.',
  'problem.session_not_found': 'Esse dispositivo foi desconectado',
  'problem.session_not_found.text': 'A sessão dele já terminou.',
  'problem.otp_expired': 'O código expirou',
  'problem.otp_expired.text': 'Ele vale por dez minutos. Comece de novo, e um novo chegará.',
  'problem.otp_consumed': 'O código já foi usado',
  'problem.otp_consumed.text':
    'Ele funciona uma única vez, assim como o link do e-mail. Comece de novo, e um novo chegará.',
  'problem.otp_disowned': 'O código foi bloqueado',
  'problem.otp_disowned.text': 'Quem recebeu o e-mail disse que não o pediu. Comece de novo, e um novo código chegará.',
  'problem.otp_locked': 'Códigos errados demais',
  'problem.otp_locked.text': 'O link do e-mail ainda funciona. Ou comece de novo, e um novo código chegará.',
  'problem.too_many_failures': 'Códigos errados demais',
  'problem.too_many_failures.text': 'O link do e-mail mais recente ainda funciona.',
  'problem.rate_limited': 'Tentativas demais',
  'problem.rate_limited.text':
    'Para que estranhos não encham caixas de e-mail, há limites de quantas vezes se pode pedir algo.',
  'problem.resend_too_soon': 'Ele acabou de ser enviado',
  'problem.resend_too_soon.text': 'O e-mail pode levar um minuto; veja também na pasta de spam.',
  'problem.resend_exhausted': 'Ele já foi enviado vezes suficientes',
  'problem.resend_exhausted.text':
    'Confira o endereço e veja na pasta de spam. Quando este código expirar, você poderá pedir um novo.',
  'problem.busy': 'Há atividade demais agora',
  'problem.busy.text': 'Nada foi feito. Tente de novo em instantes.',
  'problem.unavailable': 'Não está funcionando no momento',
  'problem.unavailable.text': 'A falha é nossa e costuma passar logo. Tente de novo em instantes.',
  'problem.other_refusal': 'Isso não funciona',
  'problem.other_refusal.text': 'Volte e tente de novo.',
  'problem.unforeseen': 'Algo deu errado',
  'problem.unforeseen.text': 'A falha é nossa. Tente de novo.',
  'problem.try_again': 'Tente de novo em {time}.',
  'problem.to_inbox': 'Ir para a caixa de entrada',
  'problem.to_docs': 'Ir para a documentação',
  'problem.to_account': 'Ir para a sua conta',
  'problem.to_start': 'Ir para a página inicial',
  'problem.number': 'Se o problema continuar, informe este número a quem administra o serviço: <b>{number}</b>',
};
