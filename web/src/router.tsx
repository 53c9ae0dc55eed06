import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { MessagesPage } from './pages/messages';
import { filterIn } from './pages/message-filter';
import { OverviewPage } from './pages/overview';
import { Shell } from './shell';
import { Empty, Page } from './ui/parts';

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Page title="There is no such page">
      <Empty title="Compare the address, or go on from the navigation." />
    </Page>
  ),
});
const at = <const Path extends string>(path: Path) => ({ getParentRoute: () => root, path });
/** Words of the address, none of them another type than text. */
const words =
  (...names: string[]) =>
  (search: Record<string, unknown>): Record<string, string | undefined> =>
    Object.fromEntries(
      names.flatMap((name) => (typeof search[name] === 'string' && search[name] ? [[name, search[name]]] : [])),
    );

const routes = [
  createRoute({ ...at('/'), component: OverviewPage }),
  createRoute({ ...at('/messages'), component: MessagesPage, validateSearch: filterIn }),
  createRoute({
    ...at('/messages/$id'),
    component: lazyRouteComponent(() => import('./pages/message'), 'MessagePage'),
  }),
  createRoute({
    ...at('/broadcasts'),
    component: lazyRouteComponent(() => import('./pages/broadcasts'), 'BroadcastsPage'),
    validateSearch: words('cursor'),
  }),
  createRoute({
    ...at('/broadcasts/$id'),
    component: lazyRouteComponent(() => import('./pages/broadcast'), 'BroadcastPage'),
  }),
  createRoute({
    ...at('/audiences'),
    component: lazyRouteComponent(() => import('./pages/audiences'), 'AudiencesPage'),
    validateSearch: words('cursor'),
  }),
  createRoute({
    ...at('/audiences/$id'),
    component: lazyRouteComponent(() => import('./pages/audience'), 'AudiencePage'),
    validateSearch: words('q', 'status', 'cursor'),
  }),
  createRoute({
    ...at('/suppressions'),
    component: lazyRouteComponent(() => import('./pages/suppressions'), 'SuppressionsPage'),
    validateSearch: words('address', 'reason', 'cursor'),
  }),
  createRoute({
    ...at('/templates'),
    component: lazyRouteComponent(() => import('./pages/templates'), 'TemplatesPage'),
  }),
  createRoute({
    ...at('/templates/$name'),
    component: lazyRouteComponent(() => import('./pages/templates'), 'TemplatePage'),
    validateSearch: words('locale', 'width', 'scheme', 'view'),
  }),
  createRoute({
    ...at('/webhooks'),
    component: lazyRouteComponent(() => import('./pages/webhooks'), 'WebhooksPage'),
    validateSearch: words('cursor'),
  }),
  createRoute({
    ...at('/webhooks/$id'),
    component: lazyRouteComponent(() => import('./pages/webhook'), 'WebhookPage'),
    validateSearch: words('status', 'cursor'),
  }),
  createRoute({
    ...at('/schedules'),
    component: lazyRouteComponent(() => import('./pages/schedules'), 'SchedulesPage'),
  }),
  createRoute({ ...at('/trial'), component: lazyRouteComponent(() => import('./pages/trial'), 'TrialPage') }),
  createRoute({
    ...at('/keys'),
    component: lazyRouteComponent(() => import('./pages/keys'), 'KeysPage'),
    validateSearch: words('cursor'),
  }),
  createRoute({
    ...at('/accounts'),
    component: lazyRouteComponent(() => import('./pages/accounts'), 'AccountsPage'),
    validateSearch: words('email', 'role', 'cursor'),
  }),
  createRoute({
    ...at('/accounts/$id'),
    component: lazyRouteComponent(() => import('./pages/accounts'), 'AccountPage'),
  }),
  createRoute({
    ...at('/audit'),
    component: lazyRouteComponent(() => import('./pages/audit'), 'AuditPage'),
    validateSearch: words('action', 'actorId', 'targetId', 'result', 'cursor'),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: '/operations',
  defaultPreload: 'intent',
  scrollRestoration: false,
  // Plain words, as anybody would write them into an address.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const given = Object.entries(search).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '',
    );
    return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  },
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
