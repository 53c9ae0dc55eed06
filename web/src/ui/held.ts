import { useEffect, useRef, useState } from 'react';

/**
 * Nothing moves under the pointer: while it is over the rows, a row has the focus or is selected, those that are shown
 * stay where they are and only their facts change; what is new is counted until somebody asks for it.
 * @param fresh undefined while those of another list stand in for them
 * @param key another one is another list
 * @param busy rows are selected, or something is done with them
 */
export function useHeld<Row extends { id: string }>(fresh: readonly Row[] | undefined, key: string, busy = false) {
  const [held, setShown] = useState<{ key: string; items: readonly Row[] }>();
  // Before the first ones are kept, and where another list is there already, what came is what is shown.
  const shown = held && (held.key === key || !fresh) ? held : { key, items: fresh ?? [] };
  const inside = useRef({ pointer: false, focus: false });
  useEffect(() => {
    if (!fresh) return;
    setShown((former) => {
      const isHeld = inside.current.pointer || inside.current.focus || busy;
      if (!isHeld || former?.key !== key || former.items.length === 0) return { key, items: fresh };
      const by = new Map(fresh.map((item) => [item.id, item]));
      return { key, items: former.items.map((item) => by.get(item.id) ?? item) };
    });
  }, [fresh, key, busy]);
  const known = new Set(shown.items.map(({ id }) => id));
  const news =
    shown.key === key ? (fresh?.filter(({ id }) => !known.has(id) && id > (shown.items[0]?.id ?? '')).length ?? 0) : 0;
  return {
    items: shown.items,
    news,
    show: () => fresh && setShown({ key, items: fresh }),
    hold: {
      onPointerEnter: () => void (inside.current.pointer = true),
      onPointerLeave: () => void (inside.current.pointer = false),
      onFocus: () => void (inside.current.focus = true),
      onBlur: () => void (inside.current.focus = false),
    },
  };
}
