import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiProblem, api, type Schemas, told } from '../api/client';
import { useMay } from '../me';
import { Dialog, Field } from '../ui/dialogs';
import { Button, Fault } from '../ui/parts';
import { CANCELLABLE, count, many, RESOLUTIONS, RETRYABLE, type Status } from '../words';
import { apiFilter, type Filter } from './message-filter';
import styles from './messages.module.css';

type Item = Schemas['EmailItemView'];
type Action = 'retry' | 'cancel' | 'resolve';
type Resolution = (typeof RESOLUTIONS)[number]['as'];

/** Rows of a page, or all that a filter finds. */
export type Chosen =
  | { kind: 'some'; items: Item[] }
  | { kind: 'filter'; filter: Filter; counts: Record<string, number>; since: string };

const FROM: Record<Action, Status[]> = { retry: RETRYABLE, cancel: CANCELLABLE, resolve: ['unknown'] };
const WORDS: Record<Action, { title: string; text: string; done: string; verb: string }> = {
  retry: {
    title: 'Try again now',
    text: 'Failed and deferred ones. What has expired, or would end as suppressed, is passed over.',
    done: 'Queued again',
    verb: 'Retry',
  },
  cancel: {
    title: 'Do not send',
    text: 'Scheduled, queued and deferred ones. What a worker has in its hands goes out.',
    done: 'Cancelled',
    verb: 'Cancel',
  },
  resolve: {
    title: 'Tell what became of them',
    text: 'Those whose outcome is unknown.',
    done: 'Resolved',
    verb: 'Resolve',
  },
};

function statusesFor(action: Action, filter: Filter): Status[] {
  const asked = filter.status?.split(',');
  return FROM[action].filter((one) => !asked || asked.includes(one));
}

export function ActionDialog({ chosen, onClose }: { chosen: Chosen; onClose: () => void }) {
  const { administer } = useMay();
  const [action, setAction] = useState<Action>();
  const [as, setAs] = useState<Resolution>('sent');
  const [reason, setReason] = useState('');
  const [found, setFound] = useState<Partial<Record<Action, number>>>({});
  const [error, setError] = useState<unknown>();
  const [running, setRunning] = useState<string>();
  const [some, setSome] = useState<{ done: number; of: number; refused: number }>();
  const [busy, setBusy] = useState(false);
  const actions = (['retry', 'cancel', 'resolve'] as const).filter((one) => one !== 'resolve' || administer);
  const numberOf = (one: Action): number =>
    found[one] ??
    (chosen.kind === 'some'
      ? chosen.items.filter(({ status }) => FROM[one].includes(status)).length
      : statusesFor(one, chosen.filter).reduce((sum, status) => sum + (chosen.counts[status] ?? 0), 0));

  const begin = async (): Promise<void> => {
    if (chosen.kind === 'filter') {
      const status = statusesFor(action!, chosen.filter).join(',');
      const { since = chosen.since, ...filter } = apiFilter(chosen.filter);
      const body = {
        action: action!,
        ...(action === 'resolve' ? { as } : {}),
        filter: { ...filter, since, status },
        reason,
        expected: numberOf(action!),
      };
      setRunning((await told(api.POST('/v1/emails/actions', { body }))).id);
      return;
    }
    const items = chosen.items.filter(({ status }) => FROM[action!].includes(status));
    let refused = 0;
    for (const [index, { id }] of items.entries()) {
      setSome({ done: index - refused, of: items.length, refused });
      const params = { path: { id } };
      try {
        if (action === 'retry') await told(api.POST('/v1/emails/{id}/retry', { params }));
        else if (action === 'cancel') await told(api.POST('/v1/emails/{id}/cancel', { params }));
        else await told(api.POST('/v1/emails/{id}/resolve', { params, body: { as } }));
      } catch (problem) {
        // It changed meanwhile; the others are none the worse for it.
        if (!(problem instanceof ApiProblem && [404, 409, 410].includes(problem.status))) throw problem;
        refused++;
      }
    }
    setSome({ done: items.length - refused, of: items.length, refused });
  };
  const submit = () => {
    setBusy(true);
    setError(undefined);
    begin()
      .catch((problem: unknown) => {
        if (problem instanceof ApiProblem && problem.code === 'count_differs')
          setFound({ ...found, [action!]: Number(problem.more['found']) });
        setError(problem);
      })
      .finally(() => setBusy(false));
  };
  if (running && action) return <Progress id={running} action={action} onClose={onClose} />;
  if (some && action) {
    return (
      <Dialog title={WORDS[action].title} open onClose={onClose}>
        <progress max={some.of} value={some.done + some.refused} aria-label="How far it is" />
        <p role="status">
          {WORDS[action].done}: {count(some.done)} of {count(some.of)}.
          {some.refused > 0 && ` ${many(some.refused, 'message')} had changed meanwhile.`}
        </p>
        <Fault error={error} />
        <Button kind="main" disabled={busy} onClick={onClose}>
          Close
        </Button>
      </Dialog>
    );
  }
  const number = action ? numberOf(action) : 0;
  const needsReason = chosen.kind === 'filter';
  return (
    <Dialog
      title={chosen.kind === 'filter' ? 'All that match' : many(chosen.items.length, 'message')}
      open
      onClose={onClose}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <fieldset className={styles.choices}>
          <legend>What is to be done?</legend>
          {actions.map((one) => (
            <label key={one} className={styles.choice}>
              <input
                type="radio"
                name="action"
                checked={action === one}
                disabled={numberOf(one) === 0}
                onChange={() => setAction(one)}
              />
              <span>
                <b>
                  {WORDS[one].title}: {count(numberOf(one))}
                </b>
                <small>{WORDS[one].text}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {action === 'resolve' && (
          <fieldset className={styles.choices}>
            <legend>What do you know of them?</legend>
            {RESOLUTIONS.map((one) => (
              <label key={one.as} className={styles.choice}>
                <input type="radio" name="as" checked={as === one.as} onChange={() => setAs(one.as)} />
                <span>
                  <b>{one.title}</b>
                  <small>{one.text}</small>
                </span>
              </label>
            ))}
          </fieldset>
        )}
        {needsReason && (
          <Field label="Reason" hint="Stays in the audit record. It must name no address.">
            {(id) => (
              <input
                id={id}
                required
                maxLength={200}
                value={reason}
                placeholder="the server was away, ticket 4711"
                onChange={(event) => setReason(event.target.value)}
              />
            )}
          </Field>
        )}
        <Fault error={error} />
        {action && number > 0 && (
          <p className={styles.sure}>
            {WORDS[action].verb} {many(number, 'message')}
            {action === 'cancel' && ': none of them goes out'}. This is noted under your name.
          </p>
        )}
        <div className={styles.actions}>
          <Button onClick={onClose}>Not now</Button>
          <Button
            type="submit"
            kind={action === 'cancel' ? 'danger' : 'main'}
            disabled={!action || number === 0 || busy || (needsReason && reason.trim() === '')}
          >
            {action ? `${WORDS[action].verb} ${many(number, 'message')}` : 'Choose first'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Progress({ id, action, onClose }: { id: string; action: Action; onClose: () => void }) {
  const { data, error } = useQuery({
    queryKey: ['action', id],
    queryFn: () => told(api.GET('/v1/emails/actions/{id}', { params: { path: { id } } })),
    refetchInterval: (query) => (query.state.data?.status === 'done' ? false : 500),
  });
  const over = data?.status === 'done';
  return (
    <Dialog title={WORDS[action].title} open onClose={onClose}>
      <progress
        max={Math.max(1, data?.found ?? 1)}
        value={over ? Math.max(1, data.found) : (data?.done ?? 0)}
        aria-label="How far it is"
      />
      <p role="status">
        {data ? `${WORDS[action].done}: ${count(data.done)} of ${count(data.found)}.` : 'Begun.'}{' '}
        {over && data.done < data.found && `${many(data.found - data.done, 'message')} had changed meanwhile.`}
      </p>
      {!over && <p>It goes on by itself; this may be closed.</p>}
      <Fault error={error} />
      <Button kind="main" onClick={onClose}>
        Close
      </Button>
    </Dialog>
  );
}
