import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { Field } from '../ui/dialogs';
import { written } from '../ui/forms';
import { Choice } from '../ui/listing';
import { Button, Time } from '../ui/parts';
import { FIELD_WORDS, FIELDS, type Filter, ID, LANES, searched, SPANS } from './message-filter';
import styles from './messages.module.css';

export function Search({ filter, set }: { filter: Filter; set: (changes: Partial<Filter>) => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState(filter.q ?? filter.to ?? '');
  const [more, setMore] = useState(false);
  useEffect(() => setText(filter.q ?? filter.to ?? ''), [filter.q, filter.to]);
  const given = FIELDS.filter((name) => filter[name]);
  const own = filter.since || filter.until;
  return (
    <>
      <form
        role="search"
        className={styles.search}
        onSubmit={(event) => {
          event.preventDefault();
          if (ID.test(text.trim())) void navigate({ to: '/messages/$id', params: { id: text.trim().toLowerCase() } });
          else set({ q: undefined, to: undefined, ...searched(text) });
        }}
      >
        <input
          data-search
          type="search"
          aria-label="Search messages"
          placeholder="Recipient, id, or words of the subject or the reply   /"
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
        <Choice
          label="Lane"
          every="Every lane"
          options={LANES.map((lane) => [lane, lane])}
          value={filter.lane}
          onChange={(lane) => set({ lane })}
        />
        <Choice
          label="Time"
          every="Any time"
          options={[...SPANS, ...(own ? [['own', 'As given'] as const] : [])]}
          value={filter.last ?? (own ? 'own' : undefined)}
          onChange={(last) => set({ last, since: undefined, until: undefined })}
        />
        <Button type="submit" kind="main">
          Search
        </Button>
        <Button aria-expanded={more} onClick={() => setMore(!more)}>
          More filters
        </Button>
      </form>
      {more && <More filter={filter} set={set} />}
      {(given.length > 0 || own) && (
        <ul className={styles.given} aria-label="Filters">
          {given.map((name) => (
            <li key={name}>
              {FIELD_WORDS[name]}: <b>{filter[name]}</b>{' '}
              <button
                type="button"
                aria-label={`Remove ${FIELD_WORDS[name]}`}
                onClick={() => set({ [name]: undefined })}
              >
                ×
              </button>
            </li>
          ))}
          {(['since', 'until'] as const)
            .filter((name) => filter[name])
            .map((name) => (
              <li key={name}>
                {name}:{' '}
                <b>
                  <Time at={filter[name]} />
                </b>{' '}
                <button type="button" aria-label={`Remove ${name}`} onClick={() => set({ [name]: undefined })}>
                  ×
                </button>
              </li>
            ))}
        </ul>
      )}
    </>
  );
}

function More({ filter, set }: { filter: Filter; set: (changes: Partial<Filter>) => void }) {
  const moment = (at: string | undefined): string => {
    if (!at) return '';
    const date = new Date(at);
    return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  };
  return (
    <form
      className={styles.more}
      key={JSON.stringify(filter)}
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const word = (name: string) => written(form, name);
        const time = (name: string) => (word(name) ? new Date(word(name)!).toISOString() : undefined);
        const [since, until] = [time('since'), time('until')];
        set({
          ...Object.fromEntries(FIELDS.map((name) => [name, word(name)])),
          since,
          until,
          ...(since || until ? { last: undefined } : {}),
        });
      }}
    >
      {FIELDS.map((name) => (
        <Field key={name} label={FIELD_WORDS[name]}>
          {(id) => <input id={id} name={name} defaultValue={filter[name] ?? ''} maxLength={254} />}
        </Field>
      ))}
      <Field label="Accepted from">
        {(id) => <input id={id} name="since" type="datetime-local" defaultValue={moment(filter.since)} />}
      </Field>
      <Field label="Accepted before">
        {(id) => <input id={id} name="until" type="datetime-local" defaultValue={moment(filter.until)} />}
      </Field>
      <div className={styles.apply}>
        <Button type="submit" kind="main">
          Apply
        </Button>
      </div>
    </form>
  );
}
