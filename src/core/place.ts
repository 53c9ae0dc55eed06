/** Host and port of a server's URL, for the log: never credentials, nor what else stands in it. */
export function placeOf(url: string, defaultPort: number): string {
  try {
    const { hostname, port, searchParams } = new URL(url);
    const host = searchParams.get('host') ?? decodeURIComponent(hostname);
    return host.startsWith('/') ? host : `${host || 'localhost'}:${port || defaultPort}`;
  } catch {
    return 'its address';
  }
}
