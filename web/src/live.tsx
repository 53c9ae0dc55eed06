import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { forgetToken, openStream, type Schemas } from './api/client';

interface Live {
  on: boolean;
  toggle: () => void;
  /** The stream stands: what changes is told. */
  connected: boolean;
  /** The service says that Postgres does not answer it. */
  away: boolean;
  /** Milliseconds between two looks where it does not; false where there is no need, and while it is paused. */
  every: number | false;
}

const KEPT = 'otpost.live';
const WITHOUT_STREAM_MS = 5_000;
const RECONNECT_MS = 2_000;
/** Milliseconds between two looks at what changed, however often it does. */
const AT_MOST_EVERY_MS = 2_000;

type Topic = 'messages' | 'broadcasts' | 'imports' | 'webhooks' | 'record';
/** What pages show of each; a page that is not open asks for nothing. */
const SHOWN: Record<Topic, string[]> = {
  // What becomes of mail also changes who is written to.
  messages: ['messages', 'message', 'broadcast', 'audiences', 'audience', 'subscribers', 'suppressions'],
  broadcasts: ['broadcasts', 'broadcast'],
  imports: ['imports', 'import', 'audience', 'subscribers'],
  webhooks: ['webhooks', 'webhook', 'delivery'],
  record:
    'accounts account keys audit suppressions audiences audience subscribers broadcasts broadcast webhooks webhook'.split(
      ' ',
    ),
};
const ALL = [...new Set(Object.values(SHOWN).flat())];

const Context = createContext<Live>({ on: true, toggle: () => undefined, connected: false, away: false, every: false });

export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [on, setOn] = useState(() => localStorage.getItem(KEPT) !== 'off');
  const [connected, setConnected] = useState(false);
  const [away, setAway] = useState(false);
  const visible = useVisible();
  useEffect(() => localStorage.setItem(KEPT, on ? 'on' : 'off'), [on]);
  useEffect(() => {
    if (!on || !visible) return;
    const stop = new AbortController();
    void follow(queries, stop.signal, { connected: setConnected, away: setAway });
    return () => {
      stop.abort();
      setConnected(false);
      setAway(false);
    };
  }, [on, visible, queries]);
  const value = useMemo(
    () => ({
      ...{ on, connected, away, toggle: () => setOn(!on) },
      every: on && !connected ? WITHOUT_STREAM_MS : (false as const),
    }),
    [on, connected, away],
  );
  return <Context value={value}>{children}</Context>;
}

export const useLive = (): Live => useContext(Context);

/** Browsers open six connections to a service at a time: a tab that nobody sees holds none of them. */
function useVisible(): boolean {
  const [visible, setVisible] = useState(() => !document.hidden);
  useEffect(() => {
    const changed = () => setVisible(!document.hidden);
    document.addEventListener('visibilitychange', changed);
    return () => document.removeEventListener('visibilitychange', changed);
  }, []);
  return visible;
}

/** Listens until it is stopped, however often the connection ends. */
async function follow(queries: QueryClient, stop: AbortSignal, tell: Tell): Promise<void> {
  const news = new News(queries, stop);
  while (!stop.aborted) {
    try {
      const { body, ok } = await openStream('/v1/operations/events', stop);
      if (ok && body) {
        tell.connected(true);
        news.add(ALL); // what changed while nobody listened
        for await (const event of eventsIn(body)) take(event, queries, news, tell);
      }
    } catch {
      // The connection broke, or the service is away: the page looks by itself meanwhile, and says what it finds.
    }
    if (stop.aborted) return;
    tell.connected(false);
    tell.away(false);
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

interface Tell {
  connected: (yes: boolean) => void;
  away: (yes: boolean) => void;
}

interface StreamEvent {
  event: string;
  data: unknown;
}

function take({ event, data }: StreamEvent, queries: QueryClient, news: News, tell: Tell): void {
  switch (event) {
    case 'overview':
      tell.away(false);
      queries.setQueryData<Schemas['OverviewView']>(['overview'], data as Schemas['OverviewView']);
      for (const name of ['schedules', 'sms']) void queries.invalidateQueries({ queryKey: [name] });
      break;
    case 'changed':
      news.add((data as { topics: Topic[] }).topics.flatMap((topic) => SHOWN[topic]));
      break;
    case 'away':
      tell.away(true); // until the next overview
      break;
    case 'end':
      forgetToken();
  }
}

/** What changed is asked for at once, and then at most every few seconds. */
class News {
  private readonly names = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private askedAt = 0;

  constructor(
    private readonly queries: QueryClient,
    private readonly stop: AbortSignal,
  ) {
    stop.addEventListener('abort', () => clearTimeout(this.timer));
  }

  add(names: readonly string[]): void {
    if (this.stop.aborted) return; // somebody paused it, and no page asks for what came before that either
    for (const name of names) this.names.add(name);
    this.timer ??= setTimeout(() => this.ask(), Math.max(0, this.askedAt + AT_MOST_EVERY_MS - Date.now()));
  }

  private ask(): void {
    this.timer = undefined;
    this.askedAt = Date.now();
    for (const name of this.names) void this.queries.invalidateQueries({ queryKey: [name] });
    this.names.clear();
  }
}

/** Server-Sent Events, as far as the service writes them: EventSource sends no Authorization. */
async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  for (let rest = ''; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
      );
      const [event, data] = [fields.get('event'), fields.get('data')];
      if (event && data) yield { event, data: JSON.parse(data) as unknown };
    }
  }
}
