import { Problem } from '../../../../src/core/problems.js';
import { variableFaults } from '../../../../src/mail/content/template-policy.js';
import { Templates } from '../../../../src/mail/content/templates.js';
import { KRATOS_TYPES, readKratos } from '../../../../src/mail/hooks-in/kratos-policy.js';
import { kratosBody } from '../../../support/http/auth-systems.js';

const NOW = new Date('2026-11-29T12:00:00Z');
const DATA = {
  recovery_code: '111111',
  recovery_url: 'https://id.example.com/recovery?token=r',
  verification_code: '222222',
  verification_url: 'https://id.example.com/verification?code=222222',
  login_code: '333333',
  registration_code: '444444',
  expires_in_minutes: 15,
};

function refused(body: unknown): { field: string; code: string }[] {
  try {
    readKratos(body, NOW);
  } catch (error) {
    if (error instanceof Problem) return error.toDocument('').errors!.map(({ field, code }) => ({ field, code }));
    throw error;
  }
  throw new Error('it was taken');
}

describe('a body of Kratos’ courier', () => {
  it.each([
    ['recovery_valid', 'auth-recovery', { link: DATA.recovery_url, validMinutes: '15' }],
    ['recovery_code_valid', 'auth-recovery', { code: '111111', link: DATA.recovery_url, validMinutes: '15' }],
    ['verification_valid', 'auth-confirm', { link: DATA.verification_url, validMinutes: '15' }],
    ['verification_code_valid', 'auth-confirm', { code: '222222', link: DATA.verification_url, validMinutes: '15' }],
    ['login_code_valid', 'auth-login', { code: '333333', validMinutes: '15' }],
    ['registration_code_valid', 'auth-confirm', { code: '444444', validMinutes: '15' }],
    ['verifiable_address_changed', 'auth-address-changed', {}],
    ['authenticator_key_added', 'auth-identity-linked', {}],
    ['recovery_invalid', 'auth-no-account', {}],
    ['recovery_code_invalid', 'auth-no-account', {}],
    ['verification_invalid', 'auth-no-account', {}],
    ['verification_code_invalid', 'auth-no-account', {}],
  ])('of the type %s is a mail %s', (type, template, variables) => {
    const { messages } = readKratos(kratosBody(type, 'ada@example.com', DATA, 'de'), NOW);
    const expires = 'validMinutes' in variables ? { expiresAt: '2026-11-29T12:15:00.000Z' } : {};
    expect(messages).toEqual([
      {
        ...{ to: 'ada@example.com', template, variables, locale: 'de', ...expires },
        ...{ lane: 'critical', tags: ['hook:kratos'] },
      },
    ]);
    expect(variableFaults(new Templates().known.get(template)!, variables)).toEqual([]);
  });

  it('of each type that Kratos has is known', () => {
    expect(KRATOS_TYPES).toHaveLength(12);
  });

  const keyOf = (type: string, data: object = {}, at = NOW): unknown =>
    readKratos(kratosBody(type, 'ada@example.com', { ...data }), at).about;
  const later = (minutes: number): Date => new Date(NOW.getTime() + minutes * 60_000);

  it('is the same mail when it comes again, and another one with another code', () => {
    const code = (login_code: string) => ({ login_code, expires_in_minutes: 15 });
    expect(keyOf('login_code_valid', code('333333'), later(60))).toEqual(keyOf('login_code_valid', code('333333')));
    expect(keyOf('login_code_valid', code('333334'))).not.toEqual(keyOf('login_code_valid', code('333333')));
  });

  it('without anything that could differ is the same mail for ten minutes', () => {
    expect(keyOf('recovery_code_invalid', {}, later(9))).toEqual(keyOf('recovery_code_invalid'));
    expect(keyOf('recovery_code_invalid', {}, later(10))).not.toEqual(keyOf('recovery_code_invalid'));
  });

  it.each([
    ['a type that there is none of', kratosBody('stub', 'ada@example.com', DATA), 'template_type', 'unknown_type'],
    ['a type of every object', kratosBody('constructor', 'ada@example.com', DATA), 'template_type', 'unknown_type'],
    [
      'a recipient that is a telephone',
      kratosBody('login_code_valid', '+15550100', DATA),
      'recipient',
      'invalid_address',
    ],
    ['no code', kratosBody('login_code_valid', 'ada@example.com'), 'template_data.login_code', 'required'],
    ['no link', kratosBody('recovery_valid', 'ada@example.com'), 'template_data.recovery_url', 'required'],
  ])('with %s is refused by name', (_, body, field, code) => {
    expect(refused(body)).toEqual([{ field, code }]);
  });
});
