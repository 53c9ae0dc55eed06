/** A small message as a client sends it in DATA, without the line that ends it. */
export function composedMail(headers: Record<string, string> = {}, body = 'Good day.'): string {
  const all = { From: 'Shop <shop@example.com>', To: 'ada@example.com', Subject: 'Your order', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${lines.join('')}\r\n${body}`;
}
