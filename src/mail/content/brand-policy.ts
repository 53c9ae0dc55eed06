import type { BrandSettings } from '../../config/settings.js';
import { readable } from '../../core/contrast.js';

/** What templates know of whoever sends; empty where nothing is set. */
export interface Brand {
  logoUrl: string;
  /** Of buttons. */
  color: string;
  /** Of text on it, in contrast enough. */
  onColor: string;
  /** Of links on white: the same colour where it can be read there. */
  linkColor: string;
  /** As people read it, and what before it makes an address of it. */
  support: string;
  supportScheme: string;
  /** Postal, in one line. */
  address: string;
}

/** Of words on white. */
const INK = '#1c1d1b';

export const DEFAULT_COLOR = '#146c5c';

export function brandOf({ logoUrl = '', color, support = '', address = '' }: Omit<BrandSettings, 'name'>): Brand {
  const isUrl = /^https?:\/\//i.test(support);
  return {
    ...{ logoUrl, color, address },
    onColor: readable('#ffffff', color) ? '#ffffff' : '#000000',
    linkColor: readable(color, '#ffffff') ? color : INK,
    support: isUrl ? support.replace(/^https?:\/\//i, '').replace(/\/$/, '') : support,
    supportScheme: isUrl ? `${support.split('://', 1)[0]!.toLowerCase()}://` : 'mailto:',
  };
}

export const NO_BRAND = brandOf({ color: DEFAULT_COLOR });
