import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Schemas, told } from '../api/client';
import { useMay } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { Choice, Listing, looked, Pager, SearchBar, SearchField } from '../ui/listing';
import { Button, Cell, Empty, Page, Tag, Time } from '../ui/parts';

type Suppression = Schemas['SuppressionView'];
const REASONS: Record<string, string> = {
  hard_bounce: 'bounced for good',
  complaint: 'called it junk',
  unsubscribed: 'unsubscribed',
  manual: 'by hand',
};

export function SuppressionsPage() {
  const { address, reason, cursor } = useSearch({ from: '/suppressions' });
  const navigate = useNavigate({ from: '/suppressions' });
  const queries = useQueryClient();
  const { act } = useMay();
  const query = { address, reason: reason as Suppression['reason'] | undefined, cursor };
  const list = useQuery({
    queryKey: ['suppressions', query],
    queryFn: () => told(api.GET('/v1/suppressions', { params: { query: query as never } })),
    placeholderData: keepPreviousData,
  });
  const found = looked(list, 'address');
  const [adding, setAdding] = useState(false);
  const [lifting, setLifting] = useState<Suppression>();
  const [form, setForm] = useState({ address: '', scope: 'all', note: '', reason: '' });
  const done = () => queries.invalidateQueries({ queryKey: ['suppressions'] });
  const add = async () => {
    const body = {
      address: form.address.trim(),
      scope: form.scope as 'all' | 'bulk',
      ...(form.note.trim() ? { note: form.note.trim() } : {}),
    };
    await told(api.POST('/v1/suppressions', { body }));
    await done();
  };
  const lift = async () => {
    const body = { address: lifting!.address, scope: lifting!.scope, reason: form.reason.trim() };
    await told(api.DELETE('/v1/suppressions', { body }));
    await done();
  };
  return (
    <Page
      title="Suppressions"
      side={
        act && (
          <Button
            kind="main"
            onClick={() => {
              setForm({ address: '', scope: 'all', note: '', reason: '' });
              setAdding(true);
            }}
          >
            Add an address
          </Button>
        )
      }
    >
      <SearchBar onSearch={(word) => void navigate({ search: { address: word('address'), reason } })}>
        <SearchField
          name="address"
          value={address}
          data-search
          aria-label="Address"
          placeholder="Exactly this address   /"
        />
        <Choice
          label="Reason"
          every="Every reason"
          options={Object.entries(REASONS)}
          value={reason}
          onChange={(chosen) => void navigate({ search: { address, reason: chosen } })}
        />
      </SearchBar>
      <Listing
        list={found}
        label="Suppressions"
        heads={[...['Address', 'Why', 'For', 'Told by', 'Note', 'Last seen', 'Until'], ...(act ? ['Action'] : [])]}
        empty={
          found !== list ? (
            <Empty title="Nobody is like this">An address is looked up whole.</Empty>
          ) : (
            <Empty
              title={reason ? 'Nobody is like this' : address ? 'This address gets mail' : 'Nobody is on the list'}
            >
              Addresses come here when their mail bounces for good, when their owner complains or unsubscribes, and by
              hand.
            </Empty>
          )
        }
        row={(one) => (
          <tr key={one.id}>
            <Cell head="" wide>
              <b>{one.address}</b>
            </Cell>
            <Cell head="Why">
              <Tag tone={one.reason === 'manual' ? 'quiet' : 'bad'}>{REASONS[one.reason] ?? one.reason}</Tag>
            </Cell>
            <Cell head="For">{one.scope === 'all' ? 'all mail' : 'bulk mail'}</Cell>
            <Cell head="Told by">
              {one.emailId ? (
                <Link to="/messages/$id" params={{ id: one.emailId }}>
                  {one.source}
                </Link>
              ) : (
                one.source
              )}
            </Cell>
            <Cell head="Note" wide>
              {one.note}
            </Cell>
            <Cell head="Last seen" number>
              <Time at={one.lastSeenAt} />
            </Cell>
            <Cell head="Until" number>
              {one.expiresAt ? <Time at={one.expiresAt} /> : 'lifted'}
            </Cell>
            {act && (
              <Cell head="">
                <Button
                  aria-label={`Lift ${one.address}`}
                  onClick={() => {
                    setForm({ ...form, reason: '' });
                    setLifting(one);
                  }}
                >
                  Lift
                </Button>
              </Cell>
            )}
          </tr>
        )}
      />
      <Pager next={list.data?.nextCursor} />
      <Confirm open={adding} onClose={() => setAdding(false)} title="Send no more mail to" action="Add" onConfirm={add}>
        <Field label="Address">
          {(id) => (
            <input
              id={id}
              type="email"
              required
              value={form.address}
              onChange={(event) => setForm({ ...form, address: event.target.value })}
            />
          )}
        </Field>
        <Field label="What is held back">
          {(id) => (
            <select id={id} value={form.scope} onChange={(event) => setForm({ ...form, scope: event.target.value })}>
              <option value="all">All mail, codes too</option>
              <option value="bulk">Bulk mail only</option>
            </select>
          )}
        </Field>
        <Field label="Note" hint="For those who find it.">
          {(id) => (
            <input
              id={id}
              maxLength={200}
              value={form.note}
              onChange={(event) => setForm({ ...form, note: event.target.value })}
            />
          )}
        </Field>
      </Confirm>
      <Confirm
        open={lifting !== undefined}
        onClose={() => setLifting(undefined)}
        title="Send mail there again?"
        action="Lift"
        onConfirm={lift}
      >
        <p>
          <b>{lifting?.address}</b> gets mail again at once. What was suppressed meanwhile stays so, and can be sent
          again.
        </p>
        <Field label="Reason" hint="Stays in the audit record. It must name no address.">
          {(id) => (
            <input
              id={id}
              required
              maxLength={200}
              value={form.reason}
              onChange={(event) => setForm({ ...form, reason: event.target.value })}
            />
          )}
        </Field>
      </Confirm>
    </Page>
  );
}
