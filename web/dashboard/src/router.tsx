/** Which page is where, who may see it, and what becomes of a session that ends. */

import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { Refusal } from "./api/client";
import { session } from "./api/queries";
import { Crashed, NotFound } from "./shell/trouble";

/** The search parameters that a page knows; all are plain text, and any may be missing. */
function known<Key extends string>(...keys: Key[]) {
  return (search: Record<string, unknown>): { [K in Key]?: string | undefined } =>
    Object.fromEntries(keys.filter((key) => typeof search[key] === "string").map((key) => [key, search[key]])) as {
      [K in Key]?: string;
    };
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: askWhoIsLoggedIn }),
  mutationCache: new MutationCache({ onError: askWhoIsLoggedIn }),
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      // What was refused stays refused; what did not arrive is worth another try.
      retry: (failures, error) =>
        failures < 1 && !(error instanceof Refusal && error.status >= 400 && error.status < 500),
    },
  },
});

/** After a 401 the session is looked up anew: gone means back to the log-in, still there means a fresh CSRF token. */
function askWhoIsLoggedIn(error: Error): void {
  if (!(error instanceof Refusal) || error.status !== 401) return;
  if (router.state.location.pathname === "/login") return;
  void queryClient.fetchQuery({ ...session, staleTime: 1_000 }).then((found) => {
    if (!found) void router.invalidate();
  });
}

const root = createRootRoute({ component: Outlet, errorComponent: Crashed, notFoundComponent: NotFound });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: known("next"),
  component: lazyRouteComponent(() => import("./pages/login"), "LogIn"),
});

const start = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/dashboard" });
  },
});

const dashboard = createRoute({
  getParentRoute: () => root,
  path: "/dashboard",
  component: lazyRouteComponent(() => import("./shell/shell"), "Shell"),
  notFoundComponent: NotFound,
  beforeLoad: async ({ location, matches }) => {
    // The pages' code comes while the session is looked up.
    for (const match of matches) void router.loadRouteChunk(router.routesById[match.routeId]);
    const merchant = await queryClient.ensureQueryData(session);
    if (!merchant) throw redirect({ to: "/login", search: { next: location.href } });
  },
});

const home = createRoute({
  getParentRoute: () => dashboard,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/home/home"), "Home"),
});

const transactions = createRoute({
  getParentRoute: () => dashboard,
  path: "/transactions",
  validateSearch: known("search", "status", "method", "captured", "from", "to", "currency", "min", "max", "after"),
  component: lazyRouteComponent(() => import("./pages/transactions/transactions"), "Transactions"),
});

const transaction = createRoute({
  getParentRoute: () => dashboard,
  path: "/transactions/$id",
  component: lazyRouteComponent(() => import("./pages/payment/payment"), "PaymentPage"),
});

const orders = createRoute({
  getParentRoute: () => dashboard,
  path: "/orders",
  validateSearch: known("receipt", "status", "after"),
  component: lazyRouteComponent(() => import("./pages/orders/orders"), "Orders"),
});

const order = createRoute({
  getParentRoute: () => dashboard,
  path: "/orders/$id",
  component: lazyRouteComponent(() => import("./pages/orders/order"), "OrderPage"),
});

const paymentLinks = createRoute({
  getParentRoute: () => dashboard,
  path: "/payment-links",
  validateSearch: known("after"),
  component: lazyRouteComponent(() => import("./pages/links/links"), "PaymentLinks"),
});

const refunds = createRoute({
  getParentRoute: () => dashboard,
  path: "/refunds",
  validateSearch: known("status", "after"),
  component: lazyRouteComponent(() => import("./pages/refunds"), "Refunds"),
});

const webhooks = createRoute({
  getParentRoute: () => dashboard,
  path: "/webhooks",
  validateSearch: known("status", "event", "after"),
  component: lazyRouteComponent(() => import("./pages/webhooks/webhooks"), "Webhooks"),
});

const webhook = createRoute({
  getParentRoute: () => dashboard,
  path: "/webhooks/$id",
  component: lazyRouteComponent(() => import("./pages/webhooks/delivery"), "DeliveryPage"),
});

const keys = createRoute({
  getParentRoute: () => dashboard,
  path: "/api-keys",
  component: lazyRouteComponent(() => import("./pages/keys"), "Keys"),
});

const providers = createRoute({
  getParentRoute: () => dashboard,
  path: "/providers",
  component: lazyRouteComponent(() => import("./pages/providers/providers"), "Providers"),
});

const docs = createRoute({
  getParentRoute: () => dashboard,
  path: "/docs",
  component: lazyRouteComponent(() => import("./pages/docs/docs"), "Docs"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    start,
    dashboard.addChildren([
      home,
      transactions,
      transaction,
      orders,
      order,
      paymentLinks,
      refunds,
      webhooks,
      webhook,
      keys,
      providers,
      docs,
    ]),
  ]),
  defaultPreload: "intent",
  scrollRestoration: true,
  // Plain `?status=failed`, which people can read and type.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
    return given.length > 0 ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}` : "";
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
