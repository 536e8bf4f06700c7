/** The way in. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { answer, api, logIn } from "../api/client";
import { config, session } from "../api/queries";
import { Button } from "../ui/button";
import { Form, TextField } from "../ui/field";
import { Problem } from "../ui/states";
import styles from "./login.module.css";

const route = getRouteApi("/login");

/** The log-in page. */
export function LogIn() {
  const enter = useEnter();
  return (
    <main className={styles.page}>
      <title>Log in · Kassa</title>
      <div className={styles.panel}>
        <img src="/favicon.svg" alt="" width="40" height="40" />
        <h1>Log in to Kassa</h1>
        <p>See your payments, refunds and webhooks.</p>
        <Form
          testId="login-form"
          label="Log in"
          onSubmit={(values) => enter.mutate({ email: values.email ?? "", password: values.password ?? "" })}
        >
          <TextField
            name="email"
            label="E-mail address"
            type="email"
            autoComplete="username"
            required
            testId="email-input"
          />
          <TextField
            name="password"
            label="Password"
            type="password"
            autoComplete="current-password"
            required
            testId="password-input"
          />
          <Problem error={enter.error} />
          <Button type="submit" kind="primary" busy={enter.isPending} data-test-id="login-button">
            Log in
          </Button>
        </Form>
        <TestMerchant />
      </div>
    </main>
  );
}

/** Logs in, then goes where one wanted to go; anywhere but to the dashboard it does not. */
function useEnter() {
  const client = useQueryClient();
  const router = useRouter();
  const { next } = route.useSearch();
  return useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) => logIn(email, password),
    onSuccess: async (found) => {
      client.clear();
      client.setQueryData(session.queryKey, found);
      await router.navigate({ href: next && /^\/dashboard(?![^/?])/.test(next) ? next : "/dashboard" });
    },
  });
}

/** Outside production, how to get in without having been told. */
function TestMerchant() {
  const { data: places } = useQuery(config);
  const { data: merchant } = useQuery({
    queryKey: ["test-merchant"],
    queryFn: () => answer(api.GET("/api/v1/test/merchant")),
    enabled: places?.production === false,
  });
  if (!merchant) return null;
  return (
    <p className={styles.hint}>
      Just looking? The test merchant is <code>{merchant.email}</code>, with any password.
    </p>
  );
}
