import { eventually } from '../signals/wait.js';
import type { Api } from './api.js';

interface CapturedText {
  code: string | null;
  /** Its first words. */
  preview: string;
}

/** The nth text to a number that `capture:` kept, the first one unless it is said. */
export async function textTo(api: Api, phone: string, nth = 1): Promise<CapturedText> {
  return eventually(async () => {
    const { body } = await api.get<{ items: CapturedText[] }>(`/inbox/messages?to=${encodeURIComponent(phone)}`);
    return body.items.at(-nth);
  }, `text ${nth} to ${phone}`);
}

export async function codeByText(api: Api, phone: string, nth = 1): Promise<string> {
  const { code, preview } = await textTo(api, phone, nth);
  if (code === null) throw new Error(`no code in: ${preview}`);
  return code;
}
