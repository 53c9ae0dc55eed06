import { maskUrl } from '../core/mask.js';
import { StartupError } from '../core/startup-error.js';

/** An error of node-postgres, of a socket, of TLS or of a file. */
export interface Unusable {
  code?: string | undefined;
  message: string;
}

const REMEDIES: Record<string, string> = {
  '28P01': 'Correct the user and the password in DATABASE_URL.',
  '28000':
    'Correct the user in DATABASE_URL, or allow it in pg_hba.conf; a server that insists on TLS needs ?sslmode=verify-full.',
  '3D000': 'Create the database, or correct its name in DATABASE_URL.',
  '42501': 'Give the user of DATABASE_URL the right to connect to this database.',
  '53300': 'All its connections are taken: lower DATABASE_POOL, or raise max_connections of Postgres.',
  ENOENT: 'Correct the path of the file in DATABASE_URL.',
  EACCES: 'Let this process read the file that DATABASE_URL names.',
  CERT_HAS_EXPIRED: 'Whoever runs the server has to renew its certificate. Compare the clock of this host, too.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Name the server in DATABASE_URL as its certificate does.',
};

/** Of authorities that are not known here. */
const UNTRUSTED = /^(DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|ERR_TLS_CERT)/;
/** node-postgres gives it no code. */
const WITHOUT_TLS = /does not support SSL/;

/** What an operator does about a Postgres that cannot be used, at a start, in a command and in the doctor's report. */
export function remedyFor({ code = '', message }: Unusable): string {
  if (WITHOUT_TLS.test(message)) {
    return 'Turn on TLS at the server, or take sslmode out of DATABASE_URL where nobody can listen on the way.';
  }
  const known = REMEDIES[code];
  if (known !== undefined) return known;
  return UNTRUSTED.test(code)
    ? 'Name the authority of its certificate: ?sslmode=verify-full&sslrootcert=FILE in DATABASE_URL, or NODE_EXTRA_CA_CERTS=FILE.'
    : 'Check that PostgreSQL runs, that DATABASE_URL names its host and port, and that this machine may connect to it.';
}

/** An attempt at several addresses of one name fails with a list and no message of its own. */
export function unusableOf(error: unknown): Unusable {
  const { code, message, errors } = error as { code?: string; message?: string; errors?: Unusable[] };
  const first = errors?.[0];
  return { code: code ?? first?.code, message: message || first?.message || code || String(error) };
}

/** What ends a start, or a command, for which this database cannot be used. */
export function unusable(url: string, cause: unknown): StartupError {
  const error = unusableOf(cause);
  return new StartupError(`Cannot use the database ${maskUrl(url)}: ${error.message}.`, remedyFor(error), { cause });
}
