import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { Dialog, Field } from '../ui/dialogs';
import { Button } from '../ui/parts';
import type { Filter } from './message-filter';

const KEPT = 'otpost.views';
interface View {
  name: string;
  filter: Filter;
}

const BUILT_IN: View[] = [
  { name: 'Failed today', filter: { status: 'failed,bounced', last: '24h' } },
  { name: 'Waiting', filter: { status: 'queued,deferred' } },
  { name: 'Unknown outcome', filter: { status: 'unknown' } },
  { name: 'Codes that expired', filter: { status: 'expired', lane: 'critical', last: '24h' } },
];

/** Of this browser: what else is kept there is of no consequence, so what does not parse is none. */
function kept(): View[] {
  try {
    const views: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '[]');
    return Array.isArray(views) ? (views as View[]) : [];
  } catch {
    return [];
  }
}

export function Views({ filter }: { filter: Filter }) {
  const navigate = useNavigate();
  const [own, setOwn] = useState(kept);
  const [saving, setSaving] = useState(false);
  const [name, setName] = useState('');
  const keep = (views: View[]) => {
    localStorage.setItem(KEPT, JSON.stringify(views));
    setOwn(views);
  };
  const { cursor: _cursor, ...here } = filter;
  const same = (view: View) =>
    JSON.stringify(view.filter, Object.keys(view.filter).sort()) === JSON.stringify(here, Object.keys(here).sort());
  const current = [...BUILT_IN, ...own].find(same);
  const isOwn = current !== undefined && own.includes(current);
  return (
    <>
      <select
        aria-label="View"
        value={current?.name ?? ''}
        onChange={(event) => {
          const view = [...own, ...BUILT_IN].find((one) => one.name === event.target.value);
          void navigate({ to: '/messages', search: view?.filter ?? {} });
        }}
      >
        <option value="">
          {current ? 'All messages' : Object.keys(here).length > 0 ? 'Own filter' : 'All messages'}
        </option>
        {own.length > 0 && (
          <optgroup label="Yours">
            {own.map((view) => (
              <option key={view.name}>{view.name}</option>
            ))}
          </optgroup>
        )}
        <optgroup label="Ready-made">
          {BUILT_IN.map((view) => (
            <option key={view.name}>{view.name}</option>
          ))}
        </optgroup>
      </select>
      {isOwn ? (
        <Button onClick={() => keep(own.filter((view) => view !== current))}>Forget view</Button>
      ) : (
        <Button disabled={Object.keys(here).length === 0 || current !== undefined} onClick={() => setSaving(true)}>
          Save view
        </Button>
      )}
      <Dialog title="Save this view" open={saving} onClose={() => setSaving(false)}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() === '') return;
            keep([...own.filter((view) => view.name !== name.trim()), { name: name.trim(), filter: here }]);
            setName('');
            setSaving(false);
          }}
        >
          <Field label="Name" hint="Kept in this browser.">
            {(id) => (
              <input
                id={id}
                value={name}
                maxLength={60}
                required
                autoFocus
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <Button type="submit" kind="main">
            Save
          </Button>
        </form>
      </Dialog>
    </>
  );
}
