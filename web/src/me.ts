import { useQuery } from '@tanstack/react-query';
import { type Me, me } from './api/client';

export const useMyAccount = () => useQuery({ queryKey: ['me'], queryFn: me, staleTime: Infinity });
export const useMe = (): Me | undefined => useMyAccount().data;

/** What whoever looks may do besides looking; the API refuses the rest, and the page does not show it. */
export function useMay(): { act: boolean; administer: boolean } {
  const role = useMe()?.role;
  return { act: role === 'operator' || role === 'admin', administer: role === 'admin' };
}
