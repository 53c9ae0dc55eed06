import { Problem } from '../../../../src/core/problems.js';
import { variableFaults } from '../../../../src/mail/content/template-policy.js';
import { Templates } from '../../../../src/mail/content/templates.js';
import { readSupabase, SUPABASE_ACTIONS } from '../../../../src/mail/hooks-in/supabase-policy.js';
import { supabaseBody } from '../../../support/http/auth-systems.js';

const ADA = { email: 'ada@example.com' };
const LINKED = { token: '305805', token_hash: 'pkce_7d5b7b1964cf5d388340a7f04f1dbb5e' };

/** The errors of the refusal; the test fails where there is none. */
function refused(body: unknown): { field: string; code: string }[] {
  try {
    readSupabase(body);
  } catch (error) {
    if (error instanceof Problem) return error.toDocument('').errors!.map(({ field, code }) => ({ field, code }));
    throw error;
  }
  throw new Error('it was taken');
}

describe('a body of the Send Email Hook', () => {
  it.each([
    ['signup', 'auth-confirm'],
    ['recovery', 'auth-recovery'],
    ['invite', 'auth-invite'],
    ['magiclink', 'auth-login'],
    ['email', 'auth-login'],
  ])('for %s is a mail with its code and its link', (action, template) => {
    const { messages } = readSupabase(supabaseBody(action, ADA, LINKED));
    const link =
      `https://ref.supabase.example/auth/v1/verify?token=${LINKED.token_hash}&type=${action}` +
      '&redirect_to=http://localhost:3000/';
    expect(messages).toEqual([
      {
        ...{ to: 'ada@example.com', template, variables: { code: '305805', link } },
        ...{ lane: 'critical', tags: ['hook:supabase'] },
      },
    ]);
  });

  it('for reauthentication is a mail with a code alone', () => {
    const { messages } = readSupabase(supabaseBody('reauthentication', ADA, LINKED));
    expect(messages).toMatchObject([{ template: 'auth-reauthenticate', variables: { code: '305805' } }]);
    expect(Object.keys(messages[0]!.variables!)).toEqual(['code']);
  });

  it.each([
    ['password_changed_notification', 'auth-password-changed', {}, {}],
    ['phone_changed_notification', 'auth-phone-changed', { old_phone: '15550100' }, { what: '15550100' }],
    ['identity_linked_notification', 'auth-identity-linked', { provider: 'github' }, { what: 'github' }],
    ['identity_unlinked_notification', 'auth-identity-unlinked', { provider: 'google' }, { what: 'google' }],
    ['mfa_factor_enrolled_notification', 'auth-factor-added', { factor_type: 'totp' }, { what: 'totp' }],
    ['mfa_factor_unenrolled_notification', 'auth-factor-removed', { factor_type: 'phone' }, { what: 'phone' }],
  ])('for %s is a notice to the user', (action, template, data, variables) => {
    const { messages } = readSupabase(supabaseBody(action, ADA, data));
    expect(messages).toMatchObject([{ to: 'ada@example.com', template }]);
    expect(messages[0]!.variables).toEqual(variables);
  });

  it('for a changed address is a notice to the address that it was', () => {
    const body = supabaseBody(
      'email_changed_notification',
      { email: 'new@example.com' },
      { old_email: 'old@example.com' },
    );
    expect(readSupabase(body).messages).toMatchObject([
      { to: 'old@example.com', template: 'auth-address-changed', variables: { newAddress: 'new@example.com' } },
    ]);
    const first = supabaseBody('email_changed_notification', { email: 'new@example.com' });
    expect(readSupabase(first).messages).toMatchObject([{ to: 'new@example.com' }]);
  });

  it('for a secure change of address is two mails, each with its own code and hash out of crossed fields', () => {
    const data = { token: '111222', token_hash_new: 'hash-of-old', token_new: '333444', token_hash: 'hash-of-new' };
    const { messages } = readSupabase(supabaseBody('email_change', { ...ADA, new_email: 'new@example.com' }, data));
    const linkWith = (hash: string): unknown => expect.stringContaining(`verify?token=${hash}&type=email_change&`);
    expect(messages.map(({ to, template, variables }) => ({ to, template, variables }))).toEqual([
      {
        ...{ to: 'ada@example.com', template: 'auth-email-change' },
        variables: { newAddress: 'new@example.com', code: '111222', link: linkWith('hash-of-old') },
      },
      {
        ...{ to: 'new@example.com', template: 'auth-email-change' },
        variables: { newAddress: 'new@example.com', code: '333444', link: linkWith('hash-of-new') },
      },
    ]);
  });

  it.each([
    ['a user with an address', ADA],
    ['a user without one', { email: '' }],
  ])('for a change that only the new address confirms is one mail to it, of %s', (_, user) => {
    const data = { token: '333444', token_hash: 'hash-of-new' };
    const { messages } = readSupabase(supabaseBody('email_change', { ...user, new_email: 'new@example.com' }, data));
    expect(messages).toMatchObject([
      {
        to: 'new@example.com',
        variables: { code: '333444', link: expect.stringContaining('token=hash-of-new&') as string },
      },
    ]);
    expect(messages).toHaveLength(1);
  });

  it('makes of every action what its template takes', () => {
    const user = { ...ADA, new_email: 'new@example.com' };
    for (const action of SUPABASE_ACTIONS)
      for (const { template, variables } of readSupabase(supabaseBody(action, user, LINKED)).messages)
        expect([action, variableFaults(new Templates().known.get(template!)!, variables!)]).toEqual([action, []]);
  });

  it.each([
    ['https://app.example.com/welcome', 'https://app.example.com/welcome'],
    ['https://app.example.com/?a=b&c=d', 'https%3A%2F%2Fapp.example.com%2F%3Fa%3Db%26c%3Dd'],
    ['https%3A%2F%2Fapp.example.com%2F', 'https%3A%2F%2Fapp.example.com%2F'],
    ['exp://192.0.2.1:8081/--/x#y', 'exp%3A%2F%2F192.0.2.1%3A8081%2F--%2Fx%23y'],
  ])('leads back to %s', (redirect_to, written) => {
    const body = supabaseBody('signup', ADA, { ...LINKED, redirect_to, site_url: 'https://auth.example.com/auth/v1/' });
    const { link } = readSupabase(body).messages[0]!.variables as { link: string };
    expect(link).toBe(
      `https://auth.example.com/auth/v1/verify?token=${LINKED.token_hash}&type=signup&redirect_to=${written}`,
    );
  });

  it.each([
    [{ locale: 'pt-BR' }, 'pt-BR'],
    [{ language: 'de_AT' }, 'de-AT'],
    [{ locale: { no: 'text' }, language: 'fil' }, 'fil'],
    [{ locale: 'no language\r\nBcc: eve@example.com' }, undefined],
    [{}, undefined],
  ])('with user_metadata %j is in the language %s', (user_metadata, locale) => {
    const { messages } = readSupabase(supabaseBody('signup', { ...ADA, user_metadata }, LINKED));
    expect(messages[0]!.locale).toBe(locale);
  });

  it('is known again by its uuid, and in older versions by what it says', () => {
    const body = supabaseBody('signup', ADA, LINKED, '8b9d3c1e-0000-4000-8000-000000000000');
    expect(readSupabase(body).id).toBe('8b9d3c1e-0000-4000-8000-000000000000');
    const older = (token: string): unknown => {
      const { id, about } = readSupabase({ ...supabaseBody('signup', ADA, { ...LINKED, token }), metadata: undefined });
      expect(id).toBeUndefined();
      return about;
    };
    expect(older('111222')).toEqual(older('111222'));
    expect(older('111222')).not.toEqual(older('333444'));
  });

  it.each([
    [
      'an action that there is none of',
      supabaseBody('teleport', ADA, LINKED),
      'email_data.email_action_type',
      'unknown_type',
    ],
    [
      'an action of every object',
      supabaseBody('toString', ADA, LINKED),
      'email_data.email_action_type',
      'unknown_type',
    ],
    ['no address', supabaseBody('signup', {}, LINKED), 'user.email', 'invalid_address'],
    ['a broken address', supabaseBody('signup', { email: 'ada@' }, LINKED), 'user.email', 'invalid_address'],
    [
      'two addresses',
      supabaseBody('signup', { email: 'a@example.com, b@example.com' }, LINKED),
      'user.email',
      'invalid_address',
    ],
    [
      'a name before it',
      supabaseBody('signup', { email: 'Ada <ada@example.com>' }, LINKED),
      'user.email',
      'invalid_address',
    ],
    ['no new address', supabaseBody('email_change', ADA, LINKED), 'user.new_email', 'invalid_address'],
    ['neither code nor hash', supabaseBody('signup', ADA), 'email_data.token', 'required'],
    [
      'a code for one address alone',
      supabaseBody(
        'email_change',
        { ...ADA, new_email: 'n@example.com' },
        { token: '', token_hash: '', token_new: '333444' },
      ),
      'email_data.token',
      'required',
    ],
    [
      'a site that is no address',
      supabaseBody('signup', ADA, { ...LINKED, site_url: 'javascript:alert(1)' }),
      'email_data.site_url',
      'invalid_link',
    ],
    ['nothing', {}, 'user.email', 'invalid_address'],
  ])('with %s is refused by name', (_, body, field, code) => {
    expect(refused(body)).toEqual([{ field, code }]);
  });
});
