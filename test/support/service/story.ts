import { eventually } from '../signals/wait.js';
import type { Api, IssuedBody, SignedInBody } from './api.js';

interface Captured {
  items: { id: string; to: string; subject: string; code: string | null }[];
}

/** What a secret leaves behind, for the search through the logs. */
export interface Told {
  email: string;
  secrets: string[];
}

/** The code of the captured mail that shows the challenge's reference, and how long it took to come. */
export async function codeFromInbox(
  api: Api,
  email: string,
  { challenge }: IssuedBody,
): Promise<{ code: string; afterMs: number }> {
  const started = performance.now();
  const code = await eventually(async () => {
    const { body } = await api.get<Captured>(`/inbox/messages?to=${encodeURIComponent(email)}`);
    return body.items.find(({ subject }) => subject.includes(challenge.reference))?.code ?? undefined;
  }, `a code for ${email} in the inbox`);
  return { code, afterMs: performance.now() - started };
}

export async function verify(api: Api, issued: IssuedBody, code: string): Promise<SignedInBody> {
  const { status, body } = await api.post<SignedInBody>(`/v1/otp/${issued.challenge.id}/verify`, { code });
  expect([status, body.account?.email !== undefined]).toEqual([200, true]);
  return body;
}

/** Register, read the code in the inbox, verify, be signed in. */
export async function tellStory(api: Api, email: string): Promise<Told & { afterMs: number; signedIn: SignedInBody }> {
  const issued = await api.register(email, { name: 'Ada' });
  expect(issued.delivery.status).toBe('queued');
  const { code, afterMs } = await codeFromInbox(api, email, issued);
  const signedIn = await verify(api, issued, code);
  const { status, body } = await api.get<{ email: string }>('/v1/me', signedIn.accessToken);
  expect([status, body.email]).toEqual([200, email]);
  return { email, afterMs, signedIn, secrets: [code, signedIn.accessToken, signedIn.refreshToken] };
}

/** Neither a code, nor a token, nor the local part of an address, nor a body stands in what a process printed. */
export function expectNothingTold(output: string, told: Told[]): void {
  for (const { email, secrets } of told) {
    expect(output).not.toContain(email.split('@')[0]!);
    // Six digits alone also come up in a time or an id.
    for (const secret of secrets) expect(output).not.toMatch(new RegExp(`(?<![0-9a-f])${secret}(?![0-9a-f])`));
  }
  expect(output).not.toContain('Your code');
}
