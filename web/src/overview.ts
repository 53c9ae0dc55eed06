import { useQuery } from '@tanstack/react-query';
import { api, told } from './api/client';

/**
 * How the mail fares as a whole. @param every milliseconds between two looks of who shows it; others take what is a
 * minute old
 */
export function useOverview(every?: number | false) {
  return useQuery({
    queryKey: ['overview'],
    queryFn: () => told(api.GET('/v1/operations/overview')),
    ...(every === undefined ? { staleTime: 60_000 } : { refetchInterval: every }),
  });
}
