/** What the codes of sockets and of looking up names mean (errno(3), getaddrinfo(3)). */
const WORDS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no way to its host',
  ENETUNREACH: 'no way to its network',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of its host cannot be looked up at the moment',
};

/** Such as `connection refused (ECONNREFUSED)`; undefined: the code is none of the network. */
export function networkWords(code: string): string | undefined {
  const words = WORDS[code];
  return words && `${words} (${code})`;
}
