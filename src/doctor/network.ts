import { lookup, Resolver } from 'node:dns/promises';
import { connect, isIP, isIPv4, isIPv6, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';

/** Milliseconds of the first try; the second one gets twice as many. */
const TRY_MS = 1_500;
const TRIES = 2;
/** Milliseconds for a whole question, however many name servers there are. */
const ASK_WITHIN_MS = 5_000;
/** Name servers that answered: there is no such thing. */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA']);

/** A name server that did not answer, or refused to. `code`: as c-ares has it, such as ETIMEOUT or ESERVFAIL. */
export class NameError extends Error {
  override readonly name = 'NameError';

  constructor(readonly code: string) {
    super(code);
  }
}

/** What DNS says, from the name servers of this host or from the ones given. */
export class Names {
  /** @param servers such as `127.0.0.1:5353`. @throws TypeError or RangeError when they are none */
  constructor(private readonly servers?: readonly string[]) {
    this.resolver();
  }

  /**
   * IPv4 first, which hosts route more often. As nodemailer does: DNS, and the system's own ways, such as /etc/hosts,
   * where DNS knows nothing. @throws NameError; ENOTFOUND when there is none
   */
  async addressesOf(host: string): Promise<string[]> {
    if (isIP(host) !== 0) return [host];
    if (host.toLowerCase() === 'localhost') return this.lookup(host); // no name server's business (RFC 6761 §6.3)
    const found = await Promise.allSettled([
      this.ask((resolver) => resolver.resolve4(host)),
      this.ask((resolver) => resolver.resolve6(host)),
    ]);
    const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? (one.value ?? []) : []));
    if (addresses.length > 0) return addresses;
    const failed = found.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    if (this.servers) throw new NameError('ENOTFOUND');
    return this.lookup(host);
  }

  /** Each record with its strings joined; empty when there is none. @throws NameError */
  async txt(name: string): Promise<string[]> {
    const records = await this.ask((resolver) => resolver.resolveTxt(name));
    return (records ?? []).map((strings) => strings.join(''));
  }

  /**
   * The preferred one first; `.` is a domain that takes no mail (RFC 7505). Empty when there is none. @throws NameError
   */
  async mx(domain: string): Promise<string[]> {
    const records = await this.ask((resolver) => resolver.resolveMx(domain));
    return (records ?? []).sort((one, other) => one.priority - other.priority).map(({ exchange }) => exchange || '.');
  }

  private async lookup(host: string): Promise<string[]> {
    try {
      const found = (await lookup(host, { all: true })).map(({ address }) => address);
      return [...found.filter((address) => isIPv4(address)), ...found.filter((address) => !isIPv4(address))];
    } catch (error) {
      throw new NameError(codeOf(error));
    }
  }

  /** Undefined: there is no such thing. */
  private async ask<T>(question: (resolver: Resolver) => Promise<T>): Promise<T | undefined> {
    const resolver = this.resolver();
    const overdue = setTimeout(() => resolver.cancel(), ASK_WITHIN_MS);
    try {
      return await question(resolver);
    } catch (error) {
      const code = codeOf(error);
      if (ABSENT.has(code)) return undefined;
      throw new NameError(code === 'ECANCELLED' ? 'ETIMEOUT' : code);
    } finally {
      clearTimeout(overdue);
    }
  }

  /** One for each question, so that giving one up ends no other. */
  private resolver(): Resolver {
    const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
    if (this.servers) resolver.setServers(this.servers);
    return resolver;
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? 'unknown';
}

/** Addresses of a name that are tried. */
const MOST_ADDRESSES = 4;

/** What went wrong on the way; `code` is the system's, such as ECONNREFUSED, or OpenSSL's. */
export class DialError extends Error {
  override readonly name = 'DialError';

  constructor(readonly code: string) {
    super(code);
  }
}

/** How long a step may take. */
interface Within {
  /** Milliseconds, whatever number of addresses a name has. */
  ms: number;
  signal: AbortSignal;
}

/** Opens a connection, the first address first. @throws DialError; ETIMEDOUT when nothing at all comes back */
export async function dial(addresses: readonly string[], port: number, { ms, signal }: Within): Promise<Socket> {
  const tried = [...addresses.filter(isIPv4), ...addresses.filter(isIPv6)].slice(0, MOST_ADDRESSES);
  const startedAt = performance.now();
  let last: DialError | undefined;
  for (const [index, host] of tried.entries()) {
    const left = ms - (performance.now() - startedAt);
    try {
      return await opened(connect({ host, port }), 'connect', { ms: left / (tried.length - index), signal });
    } catch (error) {
      // Of several addresses the silent one tells most: hosts that block SMTP seldom have a route for IPv6 either.
      if (last?.code !== 'ETIMEDOUT') last = error as DialError;
    }
  }
  throw last ?? new DialError('ENOTFOUND');
}

/** TLS from the first byte. @throws DialError */
export async function secured(
  socket: Socket,
  host: string,
  within: Within,
  seen: (certificate: PeerCertificate) => void,
): Promise<TLSSocket> {
  const tls = connectTls({ socket, host, ...nameFor(host) });
  await opened(tls, 'secureConnect', within);
  seen(tls.getPeerCertificate());
  return tls;
}

/**
 * Whether a port speaks TLS from the first byte, whatever its certificate. Says nothing but what the handshake does.
 */
export async function speaksTls(
  addresses: readonly string[],
  port: number,
  host: string,
  within: Within,
): Promise<boolean> {
  let socket: Socket | undefined;
  try {
    socket = await dial(addresses, port, within);
    await opened(connectTls({ socket, host, ...nameFor(host), rejectUnauthorized: false }), 'secureConnect', within);
    return true;
  } catch {
    return false;
  } finally {
    socket?.destroy();
  }
}

/** An address is no name to ask for (RFC 6066 §3). */
function nameFor(host: string): { servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

async function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  { ms, signal }: Within,
): Promise<S> {
  // Whoever uses it listens for itself; in between, and after it was given up, an error must not end the process.
  socket.on('error', () => undefined);
  let settle: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (code: string) => reject(new DialError(code));
      const onAbort = () => fail(abortCode(signal));
      const onError = (error: NodeJS.ErrnoException) => fail(error.code ?? error.name);
      const onClose = () => fail('ECONNRESET');
      const timer = setTimeout(() => fail('ETIMEDOUT'), ms);
      settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        socket.off('close', onClose).off('error', onError);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort);
      socket
        .once(event, () => resolve())
        .on('error', onError)
        .on('close', onClose);
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
