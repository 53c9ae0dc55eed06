import { connect, isIPv4, isIPv6, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { performance } from 'node:perf_hooks';

/** Milliseconds for a connection, whatever number of addresses a name has. */
export const CONNECT_WITHIN_MS = 5_000;
/** Addresses of a name that are tried. */
const MOST_ADDRESSES = 4;

/** What went wrong on the way; `code` is the system's, such as ECONNREFUSED, or OpenSSL's. */
export class DialError extends Error {
  override readonly name = 'DialError';

  constructor(readonly code: string) {
    super(code);
  }
}

/** Opens a connection, the first address first. @throws DialError; ETIMEDOUT when nothing at all comes back */
export async function dial(addresses: readonly string[], port: number, signal: AbortSignal): Promise<Socket> {
  const tried = [...addresses.filter(isIPv4), ...addresses.filter(isIPv6)].slice(0, MOST_ADDRESSES);
  const startedAt = performance.now();
  let last: DialError | undefined;
  for (const [index, host] of tried.entries()) {
    const left = CONNECT_WITHIN_MS - (performance.now() - startedAt);
    try {
      return await opened(connect({ host, port }), 'connect', left / (tried.length - index), signal);
    } catch (error) {
      // Of several addresses the silent one tells most: hosts that block SMTP seldom have a route for IPv6 either.
      if (last?.code !== 'ETIMEDOUT') last = error as DialError;
    }
  }
  throw last ?? new DialError('ENOTFOUND');
}

/** TLS from the first byte. @throws DialError */
export async function secured(socket: Socket, host: string, servername: string | undefined, signal: AbortSignal, seen: (certificate: PeerCertificate) => void): Promise<TLSSocket> {
  const tls = connectTls({ socket, host, ...(servername === undefined ? {} : { servername }) });
  await opened(tls, 'secureConnect', CONNECT_WITHIN_MS, signal);
  seen(tls.getPeerCertificate());
  return tls;
}

async function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect', withinMs: number, signal: AbortSignal): Promise<S> {
  // Whoever uses it listens for itself; in between, and after it was given up, an error must not end the process.
  socket.on('error', () => undefined);
  let settle: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (code: string) => reject(new DialError(code));
      const onAbort = () => fail(abortCode(signal));
      const onError = (error: NodeJS.ErrnoException) => fail(error.code ?? error.name);
      const onClose = () => fail('ECONNRESET');
      const timer = setTimeout(() => fail('ETIMEDOUT'), withinMs);
      settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.off('close', onClose).off('error', onError);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort);
      socket.once(event, () => resolve()).on('error', onError).on('close', onClose);
    });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    settle?.();
  }
}

/** Given up because the time for everything was over, or because somebody stopped it. */
export function abortCode({ reason }: AbortSignal): 'ETIMEDOUT' | 'EABORTED' {
  return (reason as Error | undefined)?.name === 'TimeoutError' ? 'ETIMEDOUT' : 'EABORTED';
}
