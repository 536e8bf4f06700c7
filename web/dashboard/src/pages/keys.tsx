/** The merchant's keys, and the pages that may show its checkout. */

import type { Schemas } from "@kassa/api";
import { useQuery } from "@tanstack/react-query";
import { useAction } from "../api/action";
import { answer, api } from "../api/client";
import { apiKeys, profile, session } from "../api/queries";
import { Button } from "../ui/button";
import { Copyable, Secret } from "../ui/copy";
import { Form, TextArea, TextField } from "../ui/field";
import { Card, Columns, Details, Page, Stack } from "../ui/layout";
import { Confirm } from "../ui/modal";
import { Loaded, Problem } from "../ui/states";
import { Time } from "../ui/text";
import { say } from "../ui/toasts";

/** The page of keys and settings. */
export function Keys() {
  const found = useQuery(profile);
  return (
    <Page title="API keys" about="What your server proves itself with. Keep the secret on the server.">
      <Columns>
        <Stack>
          <KeyPair />
          <Card
            title="Allowed origins"
            about="The sites that may show the checkout page in a frame, as the SDK does. In test mode any site may."
          >
            <Loaded query={found}>{(merchant) => <Origins merchant={merchant} />}</Loaded>
          </Card>
        </Stack>
        <Card title="Account">
          <Loaded query={found}>{(merchant) => <Account merchant={merchant} />}</Loaded>
        </Card>
      </Columns>
    </Page>
  );
}

function KeyPair() {
  const { data: found } = useQuery(session);
  const keys = useQuery(apiKeys);
  return (
    <Card title="Credentials" actions={<Rotate />}>
      <Loaded query={keys}>
        {({ api_key, api_secret }) => (
          <Details
            items={[
              ["X-Api-Key", <Copyable key="key" text={api_key} what="API key" testId="api-key" />],
              [
                "X-Api-Secret",
                <Secret
                  key={api_secret}
                  text={api_secret}
                  what="API secret"
                  testId="api-secret"
                  shown={found?.test_credentials ?? false}
                />,
              ],
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Rotate() {
  return (
    <Confirm
      label="Rotate"
      confirm="Rotate the keys"
      kind="danger"
      title="Rotate the API keys?"
      about="There will be a new key and a new secret. Requests with the old ones are refused at once."
      testId="rotate-keys-button"
      run={() => answer(api.POST("/api/v1/merchant/api-keys/rotate", { body: {} }))}
      done={() => say("There is a new key; give it to your server")}
    />
  );
}

type MerchantProps = { merchant: Schemas["MerchantProfile"] };

function Origins({ merchant }: MerchantProps) {
  const save = useAction(
    (allowed_origins: string[]) => answer(api.PATCH("/api/v1/merchant", { body: { allowed_origins, name: null } })),
    () => say("The allowed origins are saved"),
  );
  return (
    <Form
      label="Allowed origins"
      onSubmit={({ origins = "" }) => save.mutate(origins.split(/\s+/).filter((origin) => origin !== ""))}
    >
      <TextArea
        name="origins"
        label="Origins"
        hint="One per line, such as https://shop.example.com"
        defaultValue={merchant.allowed_origins.join("\n")}
        testId="allowed-origins-input"
      />
      <Problem error={save.error} />
      <div>
        <Button type="submit" busy={save.isPending} data-test-id="save-origins-button">
          Save
        </Button>
      </div>
    </Form>
  );
}

function Account({ merchant }: MerchantProps) {
  const rename = useAction(
    (name: string) => answer(api.PATCH("/api/v1/merchant", { body: { name, allowed_origins: null } })),
    () => say("The name is saved"),
  );
  return (
    <Stack>
      <Details
        items={[
          ["E-mail", merchant.email],
          ["Merchant ID", merchant.id],
          ["Since", <Time key="since" at={merchant.created_at} />],
        ]}
      />
      <Form label="Name" onSubmit={({ name = "" }) => rename.mutate(name)}>
        <TextField name="name" label="Name" required maxLength={255} defaultValue={merchant.name} />
        <Problem error={rename.error} />
        <div>
          <Button type="submit" busy={rename.isPending}>
            Save
          </Button>
        </div>
      </Form>
    </Stack>
  );
}
