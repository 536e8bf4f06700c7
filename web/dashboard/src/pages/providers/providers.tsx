/** Who takes the merchant's payments, and its own accounts at providers. */

import type { Schemas } from "@kassa/api";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useAction } from "../../api/action";
import { answer, api } from "../../api/client";
import { providers } from "../../api/queries";
import { providerName } from "../../format/provider";
import { Button } from "../../ui/button";
import { Form, SelectField } from "../../ui/field";
import { Card, Columns, Details, Page, Stack } from "../../ui/layout";
import { Loaded, Notice, Problem } from "../../ui/states";
import { say } from "../../ui/toasts";
import { Account } from "./account";
import { hindrance, taking } from "./accounts";
import styles from "./providers.module.css";

type Choice = NonNullable<Schemas["NewProfile"]["provider"]> | null;
type Props = { found: Schemas["MerchantProviders"] };

/** The page of providers. */
export function Providers() {
  const found = useQuery(providers);
  return (
    <Page title="Providers" about="Who takes your payments, and your own accounts there." testId="providers">
      <Columns>
        <Loaded query={found}>
          {(known) => (
            <Stack>
              <Taking found={known} />
              {known.data.map((accounts) => (
                <Account key={accounts.provider} accounts={accounts} />
              ))}
            </Stack>
          )}
        </Loaded>
        <Card title="With an account of your own">
          <ol className={styles.steps}>
            <li>At the provider, add a webhook that goes to the notification URL shown here.</li>
            <li>Add your account here: its keys, and what that webhook is checked with.</li>
            <li>Choose the provider.</li>
          </ol>
        </Card>
      </Columns>
    </Page>
  );
}

function Taking({ found }: Props) {
  const [choice, setChoice] = useState(found.chosen ?? "");
  const save = useAction(
    (provider: string) =>
      answer(
        api.PATCH("/api/v1/merchant", {
          body: {
            provider: (provider || null) as Choice,
            name: null,
            allowed_origins: null,
          },
        }),
      ),
    ({ provider }) => say(`Payments go to ${provider ? providerName(provider) : "the gateway's provider"}`),
  );
  const trouble = hindrance(found);
  return (
    <Card title="Who takes the payments">
      <Stack>
        {trouble && (
          <div data-test-id="provider-trouble">
            <Notice tone="wait">{trouble}</Notice>
          </div>
        )}
        <Details
          items={[
            [
              "Now",
              <span key="now" data-test-id="provider-taking">
                {providerName(taking(found))}, {found.chosen ? "your own choice" : "the gateway's choice"}
              </span>,
            ],
          ]}
        />
        <Form testId="provider-form" label="Who takes the payments" onSubmit={() => save.mutate(choice)}>
          <SelectField
            name="provider"
            label="Provider"
            hint="For new payments; what is open stays where it is."
            options={[
              ["", `The gateway's choice: ${providerName(found.gateway)}`],
              ...["simulator", ...found.data.map(({ provider }) => provider)].map((provider): [string, string] => [
                provider,
                providerName(provider),
              ]),
            ]}
            value={choice}
            onChange={setChoice}
            testId="provider-select"
          />
          <Problem error={save.error} />
          <div>
            <Button type="submit" kind="primary" busy={save.isPending} data-test-id="save-provider-button">
              Save
            </Button>
          </div>
        </Form>
      </Stack>
    </Card>
  );
}
