import type { AccountRole } from '../../../src/access/access-policy.js';
import type { Answer, ProblemBody, SignedInBody } from './api.js';
import type { Otpost } from './otpost.js';
import { codeFromInbox, verify } from './story.js';

/** Somebody who signed in by code and then got a role, on a service that captures its mail. */
export async function signIn(
  { api, database }: Otpost,
  email: string,
  role: AccountRole = 'user',
): Promise<SignedInBody> {
  const issued = await api.register(email);
  const signedIn = await verify(api, issued, (await codeFromInbox(api, email, issued)).code);
  await database.query('UPDATE accounts SET role = $1::account_role WHERE id = $2', [role, signedIn.account.id]);
  return signedIn;
}

/** A call with a bearer: an access token, or an API key. */
export function ask<Body = ProblemBody>(
  { api }: Otpost,
  bearer: string | undefined,
  method: string,
  path: string,
  body?: object,
): Promise<Answer<Body>> {
  const headers: Record<string, string> = {
    ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
    ...(body ? { 'content-type': 'application/json' } : {}),
  };
  return api.send<Body>(method, path, headers, body && JSON.stringify(body));
}
