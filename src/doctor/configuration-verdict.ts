import { isLoopback, withoutBrackets } from '../config/hosts.js';
import type { Settings } from '../config/settings.js';
import type { Check } from './check.js';

/** What is allowed and yet probably not meant. @param warnings of reading the environment */
export function configurationVerdicts({ production, http, mail, role }: Settings, warnings: readonly string[]): Check[] {
  const names = mail.transports.map(({ name }) => name).join(', ');
  return [
    { area: 'configuration', name: 'settings', status: 'ok', summary: `${production ? 'production' : 'development'}; mail goes out by ${names}` },
    ...appUrl(http.appUrl, production, role),
    ...(production && mail.transports.every(({ kind }) => kind === 'capture' || kind === 'file')
      ? [{ area: 'configuration', name: 'MAIL_TRANSPORTS', status: 'fail', summary: 'no mail leaves this deployment: there is no transport but capture: or file:', remedy: 'Name one that sends, such as smtp://user:password@smtp.example.com:587.' } satisfies Check]
      : []),
    ...warnings.map((warning): Check => ({ area: 'configuration', name: 'notice', status: 'warn', summary: onOneLine(warning) })),
  ];
}

function onOneLine(text: string): string {
  return text.split('\n').map((line) => line.trim()).filter((line) => line !== '').join(' ');
}

function appUrl(url: string, production: boolean, role: Settings['role']): Check[] {
  const base = { area: 'configuration' as const, name: 'APP_URL' };
  const { protocol, hostname } = new URL(url);
  const local = isLoopback(withoutBrackets(hostname));
  if (protocol === 'http:' && !local) return [{ ...base, status: 'warn', summary: `${url} is not https: links in mails and tokens go in clear text`, remedy: 'Put a proxy with TLS in front, and write https.' }];
  if (production && local && role !== 'worker') return [{ ...base, status: 'warn', summary: `${url} is this machine: links in mails lead nowhere`, remedy: 'Set it to the address under which people reach the service.' }];
  return [{ ...base, status: 'ok', summary: url }];
}
