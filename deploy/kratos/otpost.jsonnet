// What Kratos' courier sends to POST /v1/hooks/in/kratos: all that a mail needs, and of the identity its language alone.
// docs/hooks-in.md has the lines of kratos.yml.
function(ctx)
  local has(object, name) = std.isObject(object) && std.objectHas(object, name) && object[name] != null;
  local member(object, name) = if has(object, name) then object[name] else null;
  local data = if has(ctx, 'template_data') then ctx.template_data else {};
  local known = [
    'recovery_code',
    'recovery_url',
    'verification_code',
    'verification_url',
    'login_code',
    'registration_code',
    'expires_in_minutes',
    'changed_at',
    'added_at',
  ];
  local languages = std.prune([
    member(place, name)
    for place in [member(member(data, 'identity'), 'traits'), member(data, 'traits'), member(data, 'transient_payload')]
    for name in ['locale', 'language', 'lang']
  ]);
  // Of text messages there is nothing to send by mail: the channel is for e-mail alone.
  if has(ctx, 'message_type') && ctx.message_type != 'email' then error 'otpost.jsonnet is for e-mail, not for ' + ctx.message_type
  else {
    recipient: ctx.recipient,
    template_type: ctx.template_type,
    template_data: { [name]: data[name] for name in known if has(data, name) },
    [if std.length(languages) > 0 then 'locale']: languages[0],
  }
