import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useMay } from '../me';
import { Confirm, Dialog } from '../ui/dialogs';
import { Button, Cell, Fault, Section, Table, Tag, Time } from '../ui/parts';
import { ago, count, span, TONES } from '../words';
import styles from './overview.module.css';

type Transport = Schemas['TransportView'];

/** `600/min`, `14/s`, `500/day` */
function rateWords({ count: most, windowMs }: { count: number; windowMs: number }): string {
  const unit = { 1000: 's', 60000: 'min', 3600000: 'h', 86400000: 'day' }[windowMs];
  return unit ? `${count(most)}/${unit}` : `${count(most)} in ${span(windowMs)}`;
}

const STATE_TONES = {
  ok: 'good',
  unused: 'quiet',
  failing: 'bad',
  backing_off: 'wait',
  unreachable: 'bad',
  paused: 'bad',
} as const;
const STATE_WORDS = {
  ok: 'ok',
  unused: 'unused',
  failing: 'failing',
  backing_off: 'has a break',
  unreachable: 'unreachable',
  paused: 'paused',
} as const;

export function Transports({ transports }: { transports: Transport[] }) {
  const queries = useQueryClient();
  const { act } = useMay();
  const [asked, setAsked] = useState<string>();
  const [tested, setTested] = useState<string>();
  const resume = async () => {
    await told(api.POST('/v1/operations/transports/{name}/resume', { params: { path: { name: asked! } } }));
    await queries.invalidateQueries({ queryKey: ['overview'] });
  };
  return (
    <Section
      title="Transports"
      side={
        act && (
          <Link to="/trial" className={styles.small}>
            Send yourself a code
          </Link>
        )
      }
    >
      <Table
        label="Transports"
        heads={[...['Transport', 'State', 'Why', 'Rate', 'Today', 'Last attempt'], ...(act ? ['Action'] : [])]}
      >
        {transports.map((transport) => {
          const {
            name,
            state,
            unreachableFrom,
            lastErrorCode,
            lastReply,
            pauseReason,
            backoffUntil,
            lastAttempt,
            rate,
            daily,
            sentToday,
          } = transport;
          const held = state === 'paused' || state === 'backing_off' || unreachableFrom.length > 0;
          return (
            <tr key={name}>
              <Cell head="" wide>
                <Link to="/messages" search={{ transport: name.replace(/#\d+$/, '') }}>
                  <b>{name}</b>
                </Link>
              </Cell>
              <Cell head="State">
                <Tag tone={STATE_TONES[state]}>{STATE_WORDS[state]}</Tag>
              </Cell>
              <Cell head="Why" wide>
                {held && (
                  <div className={styles.why}>
                    {state === 'paused' && (
                      <div>
                        {pauseReason}
                        {lastErrorCode && ` · ${lastErrorCode}`}{' '}
                        {transport.pausedAt && (
                          <span className={styles.soft}>
                            since <Time at={transport.pausedAt} />
                          </span>
                        )}
                      </div>
                    )}
                    {state === 'backing_off' && (
                      <div>
                        {lastErrorCode}{' '}
                        <span className={styles.soft}>
                          next try <Time at={backoffUntil} />
                        </span>
                      </div>
                    )}
                    {(state === 'paused' || state === 'backing_off') && lastReply && <q>{lastReply}</q>}
                    {unreachableFrom.map(({ host, since, lastErrorCode: code, lastReply: reply }) => (
                      <div key={host}>
                        from {host}: {code}{' '}
                        <span className={styles.soft}>
                          since <Time at={since} />
                        </span>{' '}
                        {reply && <q>{reply}</q>}
                      </div>
                    ))}
                  </div>
                )}
              </Cell>
              <Cell head="Rate" number>
                {rate ? rateWords(rate) : '–'}
              </Cell>
              <Cell head="Today" number>
                {daily === null ? '–' : `${count(sentToday ?? 0)} of ${count(daily)}`}
              </Cell>
              <Cell head="Last attempt" wide>
                {lastAttempt ? (
                  <span>
                    <Tag tone={TONES[lastAttempt.status]}>{lastAttempt.status}</Tag>{' '}
                    <span className={styles.soft}>{ago(lastAttempt.at)}</span>{' '}
                    {lastAttempt.errorCode && <code>{lastAttempt.errorCode}</code>}{' '}
                    {lastAttempt.reply && <q>{lastAttempt.reply}</q>}
                  </span>
                ) : (
                  '–'
                )}
              </Cell>
              {act && (
                <Cell head="">
                  <span className={styles.tools}>
                    {held && (
                      <Button onClick={() => setAsked(name)} aria-label={`Resume ${name}`}>
                        Resume
                      </Button>
                    )}
                    <Button onClick={() => setTested(name)} aria-label={`Test ${name}`}>
                      Test
                    </Button>
                  </span>
                </Cell>
              )}
            </tr>
          );
        })}
      </Table>
      <Confirm
        open={asked !== undefined}
        onClose={() => setAsked(undefined)}
        title={`Resume ${asked}?`}
        action="Resume it"
        onConfirm={resume}
      >
        <p>All workers and hosts use it again at once. It is also tried by itself, with one message a minute.</p>
      </Confirm>
      {tested && <TransportTest name={tested} onClose={() => setTested(undefined)} />}
    </Section>
  );
}

const CHECK_TONES = { ok: 'good', warn: 'wait', fail: 'bad', skip: 'quiet' } as const;

/** What the doctor finds out, from the host of this web process. */
function TransportTest({ name, onClose }: { name: string; onClose: () => void }) {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['transport-test', name],
    queryFn: () => told(api.POST('/v1/operations/transports/{name}/test', { params: { path: { name } } })),
    ...{ staleTime: Infinity, gcTime: 0, retry: false, refetchOnWindowFocus: false },
  });
  return (
    <Dialog title={`Test of ${name}`} open onClose={onClose} wide>
      <p className={styles.soft}>
        The name, the connection, TLS, the greeting and the login are tried from{' '}
        {data ? data.host : 'the host of this web process'}. No message is sent.
      </p>
      <Fault error={error} />
      {isFetching && <p role="status">It is being tried; a server that hangs takes up to 20 seconds.</p>}
      {!isFetching && data && (
        <>
          <p role="status">
            <Tag tone={data.result === 'ok' ? 'good' : 'bad'}>
              {data.result === 'ok' ? 'it works from here' : 'it does not work from here'}
            </Tag>
          </p>
          <ul className={styles.checks}>
            {data.checks.map((check) => (
              <li key={check.name}>
                <Tag tone={CHECK_TONES[check.status]}>{check.status}</Tag> <b>{check.name}</b> {check.summary}
                {check.ms !== null && <span className={styles.soft}> ({span(check.ms)})</span>}
                {check.remedy && <p className={styles.soft}>{check.remedy}</p>}
              </li>
            ))}
          </ul>
        </>
      )}
      <div className={styles.actions}>
        <Button disabled={isFetching} onClick={() => void refetch()}>
          Try again
        </Button>
        <Button kind="main" onClick={onClose}>
          Close
        </Button>
      </div>
    </Dialog>
  );
}
