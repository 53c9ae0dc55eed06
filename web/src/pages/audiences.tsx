import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, told } from '../api/client';
import { useMay } from '../me';
import { Confirm, Field } from '../ui/dialogs';
import { Listing, Pager } from '../ui/listing';
import { Button, Cell, Empty, Page, Time } from '../ui/parts';

export function AudiencesPage() {
  const { cursor } = useSearch({ from: '/audiences' });
  const navigate = useNavigate({ from: '/audiences' });
  const queries = useQueryClient();
  const { act } = useMay();
  const { data, error } = useQuery({
    queryKey: ['audiences', cursor],
    queryFn: () => told(api.GET('/v1/audiences', { params: { query: cursor ? { cursor } : {} } })),
    placeholderData: keepPreviousData,
  });
  const [making, setMaking] = useState(false);
  const [name, setName] = useState('');
  const create = async () => {
    const { id } = await told(api.POST('/v1/audiences', { body: { name: name.trim() } }));
    setName('');
    await queries.invalidateQueries({ queryKey: ['audiences'] });
    await navigate({ to: '/audiences/$id', params: { id } });
  };
  return (
    <Page
      title="Audiences"
      side={
        act && (
          <Button kind="main" onClick={() => setMaking(true)}>
            New audience
          </Button>
        )
      }
    >
      <Listing
        list={{ data, error }}
        label="Audiences"
        heads={['Name', 'Made']}
        empty={<Empty title="There is no audience yet">People who get the same mail, such as a newsletter.</Empty>}
        row={(one) => (
          <tr key={one.id}>
            <Cell head="" wide>
              <Link to="/audiences/$id" params={{ id: one.id }} data-row>
                <b>{one.name}</b>
              </Link>
            </Cell>
            <Cell head="Made" number>
              <Time at={one.createdAt} />
            </Cell>
          </tr>
        )}
      />
      <Pager next={data?.nextCursor} />
      <Confirm open={making} onClose={() => setMaking(false)} title="New audience" action="Create" onConfirm={create}>
        <Field label="Name" hint="People see it where they leave.">
          {(id) => (
            <input
              id={id}
              required
              maxLength={200}
              value={name}
              placeholder="Drivers"
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      </Confirm>
    </Page>
  );
}
