import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { api, type Schemas, told } from '../api/client';
import { useLive } from '../live';
import { Cell, Empty, Fault, Section, Table, Tag } from '../ui/parts';
import { count } from '../words';
import styles from './overview.module.css';

type Figures = Schemas['SmsView'];
type Traffic = Schemas['SmsTrafficView'];

const GUARD_WORDS = { on: '', record: 'The guard only records', off: 'The guard is off' } as const;
const COUNTRIES = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' });

/** Whether texts are pumped: where codes go by SMS, and where too few of them come back. */
export function Sms() {
  const { every } = useLive();
  const { data, error } = useQuery({
    queryKey: ['sms'],
    queryFn: () => told(api.GET('/v1/operations/sms')),
    refetchInterval: every,
  });
  return (
    <Section
      title="Codes by SMS today"
      side={data && data.guard !== 'on' && <Tag tone="wait">{GUARD_WORDS[data.guard]}</Tag>}
    >
      <Fault error={error} />
      {data && <Today figures={data} />}
    </Section>
  );
}

function Today({ figures }: { figures: Figures }) {
  const { messages, daily, refused, countries, prefixes } = figures;
  const full = messages >= daily;
  return (
    <>
      <p className={styles.sum}>
        <b>{count(messages)}</b> of {count(daily)} messages
        {refused > 0 && <>; {count(refused)} refused</>} {full && <Tag tone="bad">none until midnight (UTC)</Tag>}{' '}
        <Link to="/messages" search={{ lane: 'sms' }} className={styles.small}>
          Show them
        </Link>
      </p>
      {countries.length === 0 ? (
        <Empty title="No code went by SMS yet" />
      ) : (
        <Table
          label="Codes by SMS today"
          heads={['Country or block of numbers', 'Codes', 'Given back', 'Messages', 'Refused', 'State']}
        >
          {countries.map((one) => (
            <Row key={one.key} name={COUNTRIES.of(one.key) ?? one.key} traffic={one} guard={figures.guard} />
          ))}
          {prefixes.map((one) => (
            <Row key={one.key} name={`${one.key} ····`} traffic={one} guard={figures.guard} />
          ))}
        </Table>
      )}
    </>
  );
}

const CLOSED_WORDS = { on: 'closed until midnight (UTC)', record: 'would be closed', off: 'would be closed' } as const;

function Row({ name, traffic, guard }: { name: string; traffic: Traffic; guard: Figures['guard'] }) {
  const { codes, verified, messages, refused, closed } = traffic;
  return (
    <tr>
      <Cell head="" wide>
        <b>{name}</b>
      </Cell>
      <Cell head="Codes" number>
        {count(codes)}
      </Cell>
      <Cell head="Given back" number>
        {codes === 0 ? '–' : `${count(verified)} (${Math.round((100 * verified) / codes)} %)`}
      </Cell>
      <Cell head="Messages" number>
        {count(messages)}
      </Cell>
      <Cell head="Refused" number>
        {count(refused)}
      </Cell>
      <Cell head="State">
        {closed ? <Tag tone={guard === 'on' ? 'bad' : 'wait'}>{CLOSED_WORDS[guard]}</Tag> : <Tag tone="good">open</Tag>}
      </Cell>
    </tr>
  );
}
