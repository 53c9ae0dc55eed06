/** Sections in the order in which a newcomer needs them, and what each is for, in one line. */
const SECTIONS = [
  ['accounts', 'Registering people, and what they do with their account.'],
  ['codes', 'One-time codes: asking, giving back, sending again, and what became of their mail.'],
  ['sessions', 'Signing in and out, refresh tokens, and the keys that verify access tokens.'],
  ['emails', 'Sending mail of your own, and finding out what became of it.'],
  ['verifications', 'Codes for products that have a user table of their own.'],
  ['templates', 'What mails say, in which language.'],
  ['audiences', 'Groups of people who want your mail.'],
  ['broadcasts', 'The same mail to everybody in an audience.'],
  ['suppressions', 'Addresses that get no mail, and why.'],
  ['webhooks', 'Being told of events as they happen.'],
  ['hooks', 'Taking in the events of providers, and the mail of auth systems.'],
  ['api keys', 'Keys of back ends, and what each may do.'],
  ['operations', 'What is wrong, what waits, and what operators do about it.'],
  ['audit', 'Who did what, when.'],
  ['setup', 'The first administrator.'],
  ['inbox', 'Mail that is captured in development.'],
  ['health', 'Probes for platforms and monitoring.'],
] as const;

const PLACES = new Map<string, number>(SECTIONS.map(([name], index) => [name, index]));

/** A section that is not in the list stands at the end, so that no call is left out. */
export function bySection(left: string, right: string): number {
  const place = (name: string): number => PLACES.get(name) ?? SECTIONS.length;
  return place(left) - place(right) || left.localeCompare(right);
}

export function aboutSection(name: string): string {
  return SECTIONS.find(([known]) => known === name)?.[1] ?? '';
}

/** What may stand in `id` and in a link: `api keys` → `api-keys`. */
export function anchorOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}
