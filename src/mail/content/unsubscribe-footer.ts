import { escapeHtml } from '../../core/html.js';
import { directionOf, nearestLocaleIn } from '../../core/locales.js';
import type { MailContent } from './templates.js';

/** How content that is no template of ours says where the page stands; blanks inside make no difference. */
const PLACE = /\{\{\s*unsubscribeUrl\s*\}\}/g;

type Line = (product: string) => { why: string; leave: string };

const LINES: Readonly<Record<string, Line>> = {
  en: (product) => ({ why: `You receive this email from ${product}.`, leave: 'Unsubscribe' }),
  de: (product) => ({ why: `Sie erhalten diese E-Mail von ${product}.`, leave: 'Abmelden' }),
  es: (product) => ({ why: `Recibes este correo de ${product}.`, leave: 'Darme de baja' }),
  fil: (product) => ({ why: `Natanggap mo ang email na ito mula sa ${product}.`, leave: 'Mag-unsubscribe' }),
  fr: (product) => ({ why: `Vous recevez cet e-mail de la part de ${product}.`, leave: 'Se désabonner' }),
  pt: (product) => ({ why: `Você recebeu este e-mail de ${product}.`, leave: 'Cancelar inscrição' }),
};

/**
 * Bulk mail with a link to unsubscribe that people see. It stands where the sender put it, or else in a line of its own
 * at the end, in both forms.
 * @param url undefined: there is nothing to leave, and a place that was made for it stays empty
 */
export function withUnsubscribeFooter(
  content: MailContent,
  url: string | undefined,
  wanted: string,
  { product, address }: { product: string; address: string },
): MailContent {
  const subject = content.subject;
  const text = content.text.replaceAll(PLACE, () => url ?? '');
  const html = content.html.replaceAll(PLACE, () => escapeHtml(url ?? ''));
  if (url === undefined) return { subject, text, html };
  const locale = nearestLocaleIn(Object.keys(LINES), wanted);
  const { why, leave } = LINES[locale]!(product);
  return {
    subject,
    text: text.includes(url)
      ? text
      : `${text.trimEnd()}\n\n-- \n${why}${address && `\n${address}`}\n${leave}: ${url}\n`,
    html: html.includes(escapeHtml(url)) ? html : beforeTheEnd(html, footer()),
  };

  function footer(): string {
    const link = `<a href="${escapeHtml(url!)}" style="color:inherit">${leave}</a>`;
    const lines = [escapeHtml(why), ...(address ? [escapeHtml(address)] : []), link].join('<br>');
    return `<div lang="${locale}" dir="${directionOf(locale)}" style="padding:24px 16px;font:13px/20px system-ui,sans-serif;text-align:center;opacity:.8">${lines}</div>`;
  }
}

/** Inside the body where one is closed; HTML without it is a body. */
function beforeTheEnd(html: string, more: string): string {
  const at = html.toLowerCase().lastIndexOf('</body');
  return at === -1 ? html + more : html.slice(0, at) + more + html.slice(at);
}
