/** The one way to the REST API: the session's cookie goes along by itself, its CSRF token with every change. */

import { connect, type Schemas } from "@kassa/api";

/** An answer that is no success, in the API's own words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    description: string,
    readonly requestId: string | null = null,
  ) {
    super(description);
  }
}

let csrfToken = "";

export const api = connect();
api.use({
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrfToken);
    return request;
  },
});

type Answered<Data> = { data?: Data; error?: Schemas["ErrorAnswer"]; response: Response };

/** What the API answered with; throws a `Refusal` for anything but success. */
export async function answer<Data>(call: Promise<Answered<Data>>): Promise<Data> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    throw new Refusal(0, cause instanceof TypeError ? "The gateway cannot be reached." : String(cause));
  });
  if (data !== undefined) return data;
  const description = error?.error?.description ?? `The gateway answered with status ${response.status}.`;
  throw new Refusal(response.status, description, response.headers.get("X-Request-Id"));
}

/** Log in. */
export async function logIn(email: string, password: string): Promise<Schemas["Session"]> {
  return remembered(await answer(api.POST("/api/v1/session", { body: { email, password } })));
}

/** The session that the browser has; null when there is none. */
export async function currentSession(): Promise<Schemas["Session"] | null> {
  try {
    return remembered(await answer(api.GET("/api/v1/session")));
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return null;
    throw error;
  }
}

function remembered(session: Schemas["Session"]): Schemas["Session"] {
  csrfToken = session.csrf_token;
  return session;
}
