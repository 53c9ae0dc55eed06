/**
 * The basic character set of GSM 03.38 (3GPP TS 23.038 §6.2.1). Any character outside it, or outside the extension,
 * makes a phone's network carry the whole text as UCS-2, of which fewer characters fit.
 */
const BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
/** Each of these takes two places (§6.2.1.1). */
const EXTENSION = new Set('^{}\\[~]|€\f');

/** Places of a text in one piece, and of each piece of several, whose order takes some (3GPP TS 23.040 §9.2.3.24.1). */
const PLACES = { 'GSM-7': { alone: 160, each: 153 }, 'UCS-2': { alone: 70, each: 67 } } as const;

export interface TextSize {
  encoding: keyof typeof PLACES;
  /** Places that it takes. */
  length: number;
  /** Messages that are paid for. */
  segments: number;
}

export function sizeOf(text: string): TextSize {
  const characters = [...text];
  const isGsm = characters.every((one) => BASIC.has(one) || EXTENSION.has(one));
  const encoding = isGsm ? 'GSM-7' : 'UCS-2';
  // UCS-2 counts units of UTF-16.
  const length = isGsm ? characters.reduce((sum, one) => sum + (EXTENSION.has(one) ? 2 : 1), 0) : text.length;
  const { alone, each } = PLACES[encoding];
  return { encoding, length, segments: length <= alone ? 1 : Math.ceil(length / each) };
}

/**
 * The text with the line by which a browser finds the code, and gives it to pages of that domain alone
 * (https://wicg.github.io/sms-one-time-codes/). A decoy has no code, and no such line.
 */
export function withCodeLine(text: string, domain: string, code: string): string {
  return code === '' ? text.trim() : `${text.trim()}\n\n@${domain} #${code}`;
}
