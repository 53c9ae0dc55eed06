/** What an answer says: all of it, and of a stream of events, which ends with its client only, what comes first. */
export async function saidIn(contentType: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let said = '';
  for await (const part of body) {
    said += decoder.decode(part, { stream: true });
    if (contentType.startsWith('text/event-stream')) break;
  }
  return said + decoder.decode();
}
