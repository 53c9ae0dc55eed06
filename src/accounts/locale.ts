/** Of mails to people whose language is not known. */
export const DEFAULT_LOCALE = 'en';
