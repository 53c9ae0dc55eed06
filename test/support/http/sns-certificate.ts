import type { HookSender, SnsSender } from './provider-hooks.js';

/**
 * Stands in for sns.<region>.amazonaws.com, which alone of all this cannot be had in a test; every other request goes
 * out as it would.
 */
export function certificateServer(senders: readonly HookSender[]): { asked: string[]; restore: () => void } {
  const real = globalThis.fetch;
  const asked: string[] = [];
  globalThis.fetch = async (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
    const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
    if (!url.startsWith('https://sns.')) return real(input, init);
    asked.push(url);
    if (init?.redirect !== 'error' || !init.signal) throw new Error('redirects and time must be limited');
    const sender = senders.find((one): one is SnsSender => (one as SnsSender).certificateUrl === url);
    if (sender) return new Response(sender.certificate);
    return url.includes('Action=ConfirmSubscription')
      ? new Response('<ConfirmSubscriptionResponse/>')
      : new Response('', { status: 404 });
  };
  return { asked, restore: () => (globalThis.fetch = real) };
}
