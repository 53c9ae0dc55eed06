import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { useMay } from '../me';
import { Dialog } from '../ui/dialogs';
import { Listing } from '../ui/listing';
import { Button, Cell, Empty, Fault, Loading, Section, Table, Tag, Time } from '../ui/parts';
import styles from '../ui/pages.module.css';
import { count, many, size } from '../words';

type Import = Schemas['ImportView'];
/** Rows with something to tell; who has more mends the file and imports it again. */
const MOST_SHOWN = 200;
const TONES = { running: 'wait', done: 'good', failed: 'bad' } as const;

/** A file as the service takes it: by its name, for browsers call a CSV many things. */
const typeOf = (name: string) => (/\.(ndjson|jsonl)$/i.test(name) ? 'application/x-ndjson' : 'text/csv');

export function Imports({ audience }: { audience: string }) {
  const { every } = useLive();
  const { act } = useMay();
  const queries = useQueryClient();
  const file = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>();
  const [open, setOpen] = useState<string>();
  const path = { id: audience };
  const { data, error } = useQuery({
    queryKey: ['imports', audience],
    queryFn: () => told(api.GET('/v1/audiences/{id}/imports', { params: { path, query: { limit: 5 } } })),
    refetchInterval: every,
  });
  const upload = async (given: File) => {
    setBusy(true);
    setFault(undefined);
    try {
      const started = await told(
        api.POST('/v1/audiences/{id}/import', {
          params: { path },
          body: given as unknown as string,
          bodySerializer: (body) => body,
          headers: { 'content-type': typeOf(given.name) },
        }),
      );
      setOpen(started.id);
      await queries.invalidateQueries({ queryKey: ['imports', audience] });
    } catch (problem) {
      setFault(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section
      title="Imports"
      side={
        act && (
          <>
            <input
              ref={file}
              type="file"
              hidden
              aria-label="File"
              accept=".csv,.txt,.ndjson,.jsonl,text/csv"
              onChange={(event) => {
                const [given] = event.target.files ?? [];
                if (given) void upload(given);
                event.target.value = '';
              }}
            />
            <Button disabled={busy} onClick={() => file.current?.click()}>
              {busy ? 'It is being uploaded…' : 'Import a file'}
            </Button>
          </>
        )
      }
    >
      <Listing
        list={{ data, error: error ?? fault }}
        plain
        label="Imports"
        heads={['Begun', 'State', 'Progress', 'New', 'Changed', 'Left alone', 'Not taken']}
        empty={
          <Empty title="No file was imported yet">
            A CSV whose first line names its columns, one of them email; the others become what is known of each.
          </Empty>
        }
        row={(one) => (
          <tr key={one.id}>
            <Cell head="" wide>
              <Button kind="quiet" data-row onClick={() => setOpen(one.id)}>
                <Time at={one.createdAt} />
              </Button>
            </Cell>
            <Cell head="State">
              <Tag tone={TONES[one.status]}>{one.status}</Tag>
            </Cell>
            <Cell head="Progress" number>
              {share(one)} of {size(one.size)}
            </Cell>
            <Cell head="New" number>
              {count(one.totals.created)}
            </Cell>
            <Cell head="Changed" number>
              {count(one.totals.updated)}
            </Cell>
            <Cell head="Left alone" number>
              {count(one.totals.kept)}
            </Cell>
            <Cell head="Not taken" number>
              {count(one.totals.bad)}
            </Cell>
          </tr>
        )}
      />
      {open && <Report audience={audience} id={open} onClose={() => setOpen(undefined)} />}
    </Section>
  );
}

const share = ({ size: whole, position, status }: Import): string =>
  status === 'done' || whole === 0 ? '100 %' : `${Math.floor((100 * position) / whole)} %`;

/** How far a file is, and which of its rows were not taken and why. */
function Report({ audience, id, onClose }: { audience: string; id: string; onClose: () => void }) {
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['import', id],
    queryFn: () =>
      told(api.GET('/v1/audiences/{id}/imports/{importId}', { params: { path: { id: audience, importId: id } } })),
    refetchInterval: every,
  });
  const more = data ? data.moreFaults + Math.max(0, data.faults.length - MOST_SHOWN) : 0;
  return (
    <Dialog title="Import" open onClose={onClose} wide>
      <Fault error={error} />
      {!data ? (
        !error && <Loading />
      ) : (
        <>
          <progress
            max={Math.max(1, data.size)}
            value={data.status === 'done' ? Math.max(1, data.size) : data.position}
            aria-label="How far it is"
          />
          <p role="status">
            {data.status === 'running'
              ? `${share(data)}: ${many(data.totals.lines, 'line')} so far. It goes on by itself; this may be closed.`
              : data.status === 'done'
                ? `Done: ${many(data.totals.created, 'new subscriber')}, ${count(data.totals.updated)} changed, ${count(data.totals.kept)} left alone, ${count(data.totals.bad)} not taken.`
                : 'The file was not taken.'}
          </p>
          {data.totals.kept > 0 && (
            <p className={styles.soft}>Left alone are those who left, bounced or complained before.</p>
          )}
          {data.faults.length > 0 && (
            <>
              <h3>Rows to look at</h3>
              <Table label="Rows to look at" heads={['Line', 'Code', 'What is wrong']}>
                {data.faults.slice(0, MOST_SHOWN).map((one) => (
                  <tr key={`${one.line} ${one.code}`}>
                    <Cell head="Line" number>
                      {one.line}
                    </Cell>
                    <Cell head="Code">
                      <code>{one.code}</code>
                    </Cell>
                    <Cell head="" wide>
                      {one.message}
                    </Cell>
                  </tr>
                ))}
              </Table>
              {more > 0 && <p className={styles.soft}>And {count(more)} more.</p>}
            </>
          )}
        </>
      )}
      <div className={styles.ends}>
        <Button kind="main" onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
