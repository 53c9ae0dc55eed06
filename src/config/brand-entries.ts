import { parseEmailAddress } from '../core/email-address.js';
import { contrastOf } from '../core/contrast.js';
import { isOneLine } from '../core/one-line.js';
import { type Context, fault, type Parsed, parseUrl, value, type Variable } from './values.js';
import { resolve } from 'node:path';

/** Characters of what stands in each mail. */
const LONGEST_NAME = 60;
const LONGEST_ADDRESS = 200;
/** Of a button on white: what is nearer to white is not seen as a button. */
const LEAST_CONTRAST = 1.3;

/** Who sends, as mails show it. */
export const BRAND_VARIABLES = [
  {
    name: 'BRAND_NAME',
    default: 'the display name of MAIL_FROM, or else its domain',
    meaning: 'How mails and pages call the product.',
    example: 'Acme',
    read: (text, { such }) => readLine(text, LONGEST_NAME, such),
  },
  {
    name: 'BRAND_LOGO_URL',
    default: 'none: mails show the name',
    meaning: 'A picture at the top of mails, shown 32 pixels high: PNG or JPEG, at an address that everybody can open.',
    example: 'https://example.com/logo.png',
    read: readLogoUrl,
  },
  {
    name: 'BRAND_COLOR',
    fallback: '#146c5c',
    meaning: 'Of buttons and links in mails. Words on it are white or black, whichever can be read.',
    example: '#146c5c',
    read: readColor,
  },
  {
    name: 'BRAND_SUPPORT',
    default: 'none',
    meaning: 'Where people get help: an address or a page that mails name at their end.',
    example: 'help@example.com',
    read: readSupport,
  },
  {
    name: 'BRAND_ADDRESS',
    default: 'none',
    meaning:
      'Postal address of the sender, in one line, at the end of bulk mail; the law of many countries asks for it.',
    example: 'Acme Inc., 1 Main Street, Springfield',
    read: (text, { such }) => readLine(text, LONGEST_ADDRESS, such),
  },
  {
    name: 'TEMPLATES_DIR',
    default: 'none: the mails that Otpost brings',
    meaning:
      'Folder with templates that stand over those of Otpost, or beside them. It is checked at start and looked at every two seconds afterwards. See docs/templates.md.',
    example: '/etc/otpost/templates',
    // Only a shell expands the tilde; here it would be the name of a folder.
    read: (text, { such }) =>
      /^~|[\u0000-\u001f]/.test(text) ? fault(`must be a path without ~, ${such}`) : value(resolve(text)),
  },
] as const satisfies readonly Variable[];

function readLine(text: string, longest: number, such: string): Parsed<string> {
  return isOneLine(text) && text.length <= longest
    ? value(text)
    : fault(`must be one line of at most ${longest} characters, ${such}`);
}

function isWebPage(text: string): boolean {
  const url = parseUrl(text);
  return url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.username === '' && text.length <= 500;
}

/** Mail programs load it through a proxy of their own, from the open web. */
function readLogoUrl(text: string, { such, production }: Context): Parsed<string> {
  const fits = isWebPage(text) && (!production || text.toLowerCase().startsWith('https:'));
  return fits ? value(text) : fault(`must be the address of a picture with https://, ${such}`);
}

function readColor(text: string, { such }: Context): Parsed<string> {
  const [, short, long] = /^#(?:([0-9a-f]{3})|([0-9a-f]{6}))$/i.exec(text) ?? [];
  if (short === undefined && long === undefined) return fault(`must be a colour in hexadecimal digits, ${such}`);
  const color = `#${long ?? [...short!].map((digit) => digit + digit).join('')}`.toLowerCase();
  return contrastOf(color, '#ffffff') < LEAST_CONTRAST
    ? fault(`must be darker: nobody would see a button of ${color} on white, ${such}`)
    : value(color);
}

function readSupport(text: string, { such }: Context): Parsed<string> {
  return isWebPage(text) || parseEmailAddress(text) !== undefined
    ? value(text)
    : fault(`must be an address of mail, or of a page with https://, ${such}`);
}
