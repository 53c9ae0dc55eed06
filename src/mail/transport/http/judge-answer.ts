import type { Outcome } from '../../outcome.js';
import type { Provider, ProviderAnswer } from './provider.js';
import { classifyReply, waitAskedFor } from './provider-reply.js';

/** What an answer means. A 2xx is a yes, whatever the body looks like; only its id may be missing then. */
export function judgeAnswer(provider: Provider, answer: ProviderAnswer, now: Date): Outcome {
  const { id, code = '', message = '', status = answer.status, retryAfterMs } = provider.read(answer, now);
  const reply = `${answer.status} ${answer.text}`.replaceAll(/\s+/g, ' ').trim();
  if (status >= 200 && status < 300) return { kind: 'sent', reply, ...(id === undefined ? {} : { providerMessageId: id }) };
  return classifyReply(provider.rows, {
    status,
    code,
    message,
    retryAfterMs: waitAskedFor(answer.headers, now) ?? retryAfterMs,
    told: { errorCode: `http_${status}`, reply },
  });
}
