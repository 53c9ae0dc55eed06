import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';

interface Live {
  on: boolean;
  toggle: () => void;
  /** Milliseconds between two looks; false while it is paused. */
  every: number | false;
}

const KEPT = 'otpost.live';
const EVERY_MS = 3_000;
const Context = createContext<Live>({ on: true, toggle: () => undefined, every: EVERY_MS });

export function LiveProvider({ children }: { children: ReactNode }) {
  const [on, setOn] = useState(() => localStorage.getItem(KEPT) !== 'off');
  useEffect(() => localStorage.setItem(KEPT, on ? 'on' : 'off'), [on]);
  const value = useMemo(() => ({ on, toggle: () => setOn(!on), every: on ? EVERY_MS : (false as const) }), [on]);
  return <Context value={value}>{children}</Context>;
}

export const useLive = (): Live => useContext(Context);
