/** The gateway's REST API, called from pages that it serves itself; every path, field and answer is typed. */

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema";

/** The models of the API by name, such as `Schemas["PublicOrder"]`. */
export type Schemas = components["schemas"];

/** Calls such as `api.GET("/api/v1/orders/{order_id}", …)`; resolves to `{data}` or `{error}`, rejects when unreachable. */
export type Api = Client<paths>;

/** A client of the gateway at `baseUrl`, by default the origin of the page itself. */
export function connect(baseUrl = "", fetch?: (request: Request) => Promise<Response>): Api {
  return createClient<paths>(fetch ? { baseUrl, fetch } : { baseUrl });
}
