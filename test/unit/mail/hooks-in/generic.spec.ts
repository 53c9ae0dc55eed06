import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { readSettings } from '../../../../src/configuration.js';
import { Problem } from '../../../../src/core/problems.js';
import { StartupError } from '../../../../src/core/startup-error.js';
import { variableFaults } from '../../../../src/mail/content/template-policy.js';
import { Templates } from '../../../../src/mail/content/templates.js';
import { type Mapping, MappingError, readMapping } from '../../../../src/mail/hooks-in/generic-policy.js';
import { Mappings } from '../../../../src/mail/hooks-in/mappings.js';
import { zitadelBody } from '../../../support/http/auth-systems.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const KNOWN = new Templates().known;
const GOOD = { to: '{{ email }}', template: 'auth-login', variables: { code: '{{ code }}' } };

const mapping = (document: unknown): Mapping => readMapping('acme', document, KNOWN);
const shipped = (name: string): Mapping =>
  readMapping(name, load(readFileSync(`hooks-in/${name}.yaml`, 'utf8')), KNOWN);

function refused(map: Mapping, body: unknown): { field: string; code: string; message: string }[] {
  try {
    map(body, NOW);
  } catch (error) {
    if (error instanceof Problem) return error.toDocument('').errors!;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a mapping', () => {
  it('makes a mail of a body', () => {
    const map = mapping({
      ...{ to: '{{ user.email }}', template: 'auth-login', locale: '{{ user.language }}', expiresIn: '{{ minutes }}' },
      variables: { code: '{{ code }}', link: '{% if url %}{{ url }}{% endif %}', validMinutes: '{{ minutes }}' },
    });
    const body = { user: { email: ' ada@example.com ', language: 'de' }, code: 123456, minutes: 5 };
    expect(map(body, NOW).messages).toEqual([
      {
        ...{ to: 'ada@example.com', template: 'auth-login', variables: { code: '123456', validMinutes: '5' } },
        ...{ locale: 'de', expiresAt: '2026-11-29T12:05:00.000Z', lane: 'critical', tags: ['hook:generic/acme'] },
      },
    ]);
  });

  it('makes one of words that the body brings, and lets none of them be markup', () => {
    const map = mapping({ to: '{{ email }}', subject: '{{ title }}', text: '{{ words }}', html: '<p>{{ words }}</p>' });
    const { messages } = map({ email: 'ada@example.com', title: 'Hello', words: '<b>&</b>' }, NOW);
    expect(messages).toMatchObject([
      { subject: 'Hello', text: '<b>&</b>', html: '<p>&lt;b&gt;&amp;&lt;/b&gt;</p>', lane: 'critical' },
    ]);
    expect(messages[0]).not.toHaveProperty('variables');
  });

  it('may have a template for some bodies, and words for the others', () => {
    const map = mapping({
      ...{ to: '{{ email }}', template: '{{ template }}', subject: 'Hello', text: '{{ words }}', locale: 'de' },
      variables: { code: '{{ code }}', newAddress: '{{ code }}' },
    });
    const body = { email: 'ada@example.com', code: '123456', words: 'Of theirs' };
    const common = { to: 'ada@example.com', lane: 'critical', tags: ['hook:generic/acme'] };
    expect(map({ ...body, template: 'auth-login' }, NOW).messages).toEqual([
      { ...common, template: 'auth-login', locale: 'de', variables: { code: '123456' } },
    ]);
    expect(map({ ...body, template: '' }, NOW).messages).toEqual([{ ...common, subject: 'Hello', text: 'Of theirs' }]);
  });

  it('takes another code for another mail, and the same body for the same; or what it says itself', () => {
    const key = (document: object, body: object): unknown => mapping(document)(body, NOW).about;
    const body = { email: 'ada@example.com', code: '123456' };
    expect(key(GOOD, body)).toEqual(key(GOOD, { ...body, attempt: 2 }));
    expect(key(GOOD, { ...body, email: 'ADA@example.com' })).toEqual(key(GOOD, body));
    expect(key(GOOD, { ...body, code: '654321' })).not.toEqual(key(GOOD, body));
    expect(key(GOOD, { ...body, email: 'bob@example.com' })).not.toEqual(key(GOOD, body));
    const own = { ...GOOD, dedupe: '{{ id }}' };
    expect(key(own, { ...body, id: 1 })).toEqual(key(own, { ...body, id: 1, code: '654321' }));
    expect(key(own, { ...body, id: 1 })).not.toEqual(key(own, { ...body, id: 2 }));
  });

  it.each([
    ['a member that is missing', { email: 'ada@example.com' }, 'variables.code', 'not_mappable'],
    ['no address', { email: 'ada', code: '123456' }, 'to', 'invalid_address'],
    ['two addresses', { email: 'a@example.com,b@example.com', code: '123456' }, 'to', 'invalid_address'],
    ['neither code nor link', { email: 'ada@example.com', code: '' }, 'variables.code', 'required'],
  ])('refuses a body with %s by name', (_, body, field, code) => {
    expect(refused(mapping(GOOD), body)).toMatchObject([{ field, code }]);
  });

  it('reads no more of a body than its own members, and no file', () => {
    const map = mapping({ ...GOOD, variables: { code: '{{ code.constructor.name }}' } });
    expect(refused(map, { email: 'ada@example.com', code: 'x' })).toMatchObject([{ field: 'variables.code' }]);
    const render = (): unknown => mapping({ ...GOOD, to: "{% render 'package.json' %}" })({ code: '1' }, NOW);
    expect(render).toThrow();
  });

  it('refuses a time that is none', () => {
    const map = mapping({ ...GOOD, expiresIn: '{{ minutes }}' });
    const body = { email: 'ada@example.com', code: '123456' };
    for (const minutes of [0, -5, 1.5, 'soon', 10_000_000])
      expect(refused(map, { ...body, minutes })).toMatchObject([{ field: 'expiresIn', code: 'invalid_minutes' }]);
  });

  it.each([
    ['nothing', undefined, /to is needed/],
    ['no recipient', { template: 'auth-no-account' }, /^to is needed$/],
    ['no words', { to: '{{ to }}', subject: 'Hello' }, /template is needed, or subject/],
    ['a member that means nothing', { ...GOOD, cc: '{{ cc }}' }, /cc is none of to, template/],
    ['a number', { ...GOOD, to: 5 }, /to must be a text/],
    ['a tag that is open', { ...GOOD, to: '{{ to' }, /to is not Liquid.*not closed/],
    ['a filter that there is none of', { ...GOOD, to: '{{ to | shout }}' }, /to is not Liquid.*shout/],
    ['a template that there is none of', { ...GOOD, template: 'nothing' }, /template is none of account-exists-code/],
    ['a variable that the template has none of', { ...GOOD, variables: { kode: '1' } }, /variables.kode is none/],
    [
      'a variable that no template has',
      { ...GOOD, template: '{{ type }}', variables: { kode: '1' } },
      /variables.kode is none that any template has/,
    ],
    ['a variable that the template needs', { ...GOOD, template: 'auth-email-change' }, /newAddress is needed/],
    [
      'no time where the template tells it',
      { ...GOOD, template: 'login-code', variables: { code: '1', reference: '2' } },
      /expiresIn or expiresAt is needed/,
    ],
    ['two times', { ...GOOD, expiresIn: '5', expiresAt: '{{ at }}' }, /leave out either/],
  ])('with %s is refused', (_, document, why) => {
    expect(() => mapping(document)).toThrow(MappingError);
    expect(() => mapping(document)).toThrow(why);
  });
});

describe('the mappings of the configuration', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'otpost-mappings-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  const at = (name: string, HOOK_IN_MAPPINGS = folder): Promise<Mappings> =>
    Mappings.read(
      readSettings({ HOOK_IN_SECRETS: `generic/${name}:bearer:a-token-of-sixteen`, HOOK_IN_MAPPINGS }).settings.mail,
      new Templates(),
    );

  it('are those of the folder before those that are shipped', async () => {
    const body = { to: 'ada@example.com', type: 'SignIn', payload: { code: '123456' } };
    expect((await at('logto')).of('logto')(body, NOW).messages[0]!.template).toBe('auth-login');
    writeFileSync(join(folder, 'logto.yaml'), 'to: "{{ to }}"\nsubject: Of our own\ntext: "{{ payload.code }}"\n');
    expect((await at('logto')).of('logto')(body, NOW).messages[0]!.subject).toBe('Of our own');
  });

  it('are not those that are shipped where the folder is not there', async () => {
    const refusal = await at('logto', `${folder}-misspelt`).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      name: 'StartupError',
      message: `HOOK_IN_MAPPINGS=${folder}-misspelt cannot be read (ENOENT).`,
      remedy: expect.stringContaining('Name a folder') as string,
    });
  });

  it('are refused at the start by the file and the member, and with what to do', async () => {
    writeFileSync(join(folder, 'broken.yaml'), 'to: "{{ to"\nsubject: Hello\n');
    writeFileSync(join(folder, 'noyaml.yaml'), 'to: [unclosed\n');
    for (const [name, why] of [
      ['broken', /broken\.yaml cannot be used: to is not Liquid.*; template is needed/],
      ['noyaml', /noyaml\.yaml cannot be used: /],
      ['missing', /generic\/missing, and there is no mapping missing\.yaml/],
    ] as const) {
      const refusal = await at(name).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(StartupError);
      expect((refusal as StartupError).message).toMatch(why);
      expect((refusal as StartupError).lines).toHaveLength(1);
      expect((refusal as StartupError).remedy).toMatch(/docs\/hooks-in\.md/);
    }
  });

  it('that are shipped can be read, each of them', () => {
    const files = readdirSync('hooks-in');
    expect(files).toEqual(['logto.yaml', 'zitadel.yaml']);
    for (const file of files) expect(shipped(file.replace('.yaml', ''))).toBeInstanceOf(Function);
  });
});

it('the mapping that the documentation shows is one', () => {
  const blocks = [...readFileSync('docs/hooks-in.md', 'utf8').matchAll(/^```yaml\n([^]*?)^```/gm)].map(
    ([, text]) => text!,
  );
  const [kratos, shown] = blocks;
  expect(load(kratos!)).toMatchObject({ courier: { http: { request_config: { method: 'POST' } } } });
  const body = { user: { email: 'ada@example.com' }, token: '123456' };
  expect(mapping(load(shown!))(body, NOW).messages).toMatchObject([
    { to: 'ada@example.com', template: 'auth-login', variables: { code: '123456' }, locale: 'en' },
  ]);
  expect(blocks).toHaveLength(2);
});

describe('the mapping for Logto', () => {
  const logto = shipped('logto');
  const of = (type: string, payload: object) => logto({ to: 'ada@example.com', type, payload, ip: '192.0.2.1' }, NOW);

  it.each([
    ['SignIn', 'auth-login'],
    ['MfaVerification', 'auth-login'],
    ['Register', 'auth-confirm'],
    ['Generic', 'auth-confirm'],
    ['BindNewIdentifier', 'auth-confirm'],
    ['ForgotPassword', 'auth-recovery'],
    ['UserPermissionValidation', 'auth-reauthenticate'],
    ['BindMfa', 'auth-reauthenticate'],
  ])('sends the code of %s with %s', (type, template) => {
    const { messages } = of(type, { code: '123456', locale: 'de', application: { name: 'Acme' } });
    expect(messages).toMatchObject([
      {
        ...{ to: 'ada@example.com', template, locale: 'de', expiresAt: '2026-11-29T12:10:00.000Z' },
        variables: { code: '123456', validMinutes: '10' },
      },
    ]);
    expect(variableFaults(KNOWN.get(template)!, messages[0]!.variables!)).toEqual([]);
  });

  it('sends an invitation with its link, again after ten minutes', () => {
    const payload = { link: 'https://app.example.com/join?id=1', organization: { name: 'Acme' } };
    const { messages, about } = of('OrganizationInvitation', payload);
    expect(messages).toMatchObject([{ template: 'auth-invite', variables: { link: payload.link } }]);
    expect(messages[0]).not.toHaveProperty('expiresAt');
    const again = (at: string) =>
      logto({ to: 'ada@example.com', type: 'OrganizationInvitation', payload }, new Date(at)).about;
    expect(again('2026-11-29T12:09:59Z')).toEqual(about);
    expect(again('2026-11-29T12:10:00Z')).not.toEqual(about);
  });

  it('leaves a type that it does not know to be refused by name', () => {
    expect(of('Teleport', { code: '123456' }).messages[0]!.template).toBe('no template for Teleport');
  });
});

describe('the mapping for Zitadel', () => {
  const zitadel = shipped('zitadel');
  const URL = 'https://id.example.com/ui/login?code=A1B2C3';

  it.each([
    ['user.human.initialization.code.added', 'auth-invite', { code: 'A1B2C3' }, URL],
    ['user.human.invite.code.added', 'auth-invite', { code: 'A1B2C3' }, URL],
    ['user.human.email.code.added', 'auth-confirm', { code: 'A1B2C3' }, URL],
    ['user.human.password.code.added', 'auth-recovery', { code: 'A1B2C3' }, URL],
    ['user.human.otp.email.code.added', 'auth-login', { code: '', oTP: 'A1B2C3' }, URL],
    ['session.otp.email.challenged', 'auth-login', { code: 'A1B2C3', oTP: 'A1B2C3' }, URL],
    ['user.human.passwordless.initialization.code.requested', 'auth-passkey', { code: 'A1B2C3' }, URL],
  ])('sends the code and the link of %s with %s', (event, template, args, url) => {
    const { messages } = zitadel(zitadelBody(event, 'ada@example.com', url, args), NOW);
    expect(messages).toMatchObject([{ to: 'ada@example.com', template, variables: { code: 'A1B2C3', link: url } }]);
    expect(messages[0]).not.toHaveProperty('subject');
    expect(variableFaults(KNOWN.get(template)!, messages[0]!.variables!)).toEqual([]);
  });

  it('says itself that a password was changed', () => {
    for (const url of ['', URL]) {
      const { messages } = zitadel(zitadelBody('user.human.password.changed', 'ada@example.com', url), NOW);
      expect(messages).toMatchObject([{ template: 'auth-password-changed' }]);
      expect(messages[0]!.variables).toEqual({});
    }
  });

  it('sends what has no secret in Zitadel’s own words', () => {
    const { messages } = zitadel(zitadelBody('user.domain.claimed', 'ada@example.com', ''), NOW);
    expect(messages).toMatchObject([
      { subject: 'A mail of Acme', text: 'Hello Ada,\n\nSomething happened & it matters.' },
    ]);
    expect(messages[0]).not.toHaveProperty('template');
  });
});
