/** The form for where webhooks go, with the secret that signs them and a test delivery. */

import type { Schemas } from "@kassa/api";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useAction } from "../../api/action";
import { answer, api } from "../../api/client";
import { session, webhookConfig } from "../../api/queries";
import { utc } from "../../format/time";
import { Button } from "../../ui/button";
import { Secret } from "../../ui/copy";
import { Form, SelectField, TextField } from "../../ui/field";
import { Card } from "../../ui/layout";
import { Confirm } from "../../ui/modal";
import { Loaded, Notice, Problem } from "../../ui/states";
import { Muted } from "../../ui/text";
import { say } from "../../ui/toasts";
import { EVENTS } from "./events";
import styles from "./webhooks.module.css";

type Config = Schemas["WebhookConfig"];

/** The card at the top of the page. */
export function Configuration() {
  const found = useQuery(webhookConfig);
  return (
    <Card title="Configuration" testId="webhook-config">
      <Loaded query={found}>{(config) => <ConfigForm key={config.url} config={config} />}</Loaded>
    </Card>
  );
}

function ConfigForm({ config }: { config: Config }) {
  const save = useAction(
    (url: string | null) => answer(api.PUT("/api/v1/webhooks/config", { body: { url } })),
    ({ url }) => say(url ? "Webhooks go to the new URL" : "Webhooks are switched off"),
  );
  return (
    <Form
      testId="webhook-config-form"
      label="Where webhooks go"
      onSubmit={({ url = "" }) => save.mutate(url.trim() || null)}
    >
      <div className={styles.line}>
        <TextField
          name="url"
          label="URL"
          type="url"
          inputMode="url"
          defaultValue={config.url ?? ""}
          placeholder="https://shop.example.com/webhook"
          hint="Your server answers each POST with a 2xx within 5 seconds. Empty switches webhooks off."
          testId="webhook-url-input"
        />
        <Button type="submit" kind="primary" busy={save.isPending} data-test-id="save-webhook-button">
          Save
        </Button>
      </div>
      <Problem error={save.error} />
      <SecretLine config={config} />
      <Test url={config.url} />
    </Form>
  );
}

function SecretLine({ config }: { config: Config }) {
  const { data: found } = useQuery(session);
  return (
    <div className={styles.part}>
      <h3>Secret</h3>
      <div className={styles.row}>
        {config.secret ? (
          <Secret
            key={config.secret}
            text={config.secret}
            what="webhook secret"
            testId="webhook-secret"
            shown={found?.test_credentials ?? false}
          />
        ) : (
          <span data-test-id="webhook-secret">
            <Muted>None yet</Muted>
          </span>
        )}
        <Rotate />
      </div>
      {config.previous_secret_expires_at && (
        <Notice tone="wait">
          The previous secret signs too, in X-Webhook-Signature-Previous, until {utc(config.previous_secret_expires_at)}{" "}
          UTC.
        </Notice>
      )}
    </div>
  );
}

const OVERLAPS: [string, string][] = [
  ["0", "End it at once"],
  ["3600", "1 hour"],
  ["86400", "1 day"],
  ["604800", "7 days"],
];

function Rotate() {
  const [overlap, setOverlap] = useState("86400");
  return (
    <Confirm
      label="Regenerate"
      confirm="Regenerate the secret"
      kind="danger"
      title="Regenerate the webhook secret?"
      about="X-Webhook-Signature is made with the new secret at once. Until the old one ends, its signature comes along in X-Webhook-Signature-Previous."
      testId="regenerate-secret-button"
      run={() => answer(api.POST("/api/v1/webhooks/config/rotate-secret", { body: { overlap_s: Number(overlap) } }))}
      done={() => say("Webhooks are signed with a new secret")}
    >
      <SelectField
        name="overlap"
        label="Keep the old secret for"
        options={OVERLAPS}
        value={overlap}
        onChange={setOverlap}
      />
    </Confirm>
  );
}

function Test({ url }: { url: string | null }) {
  const [event, setEvent] = useState<string>("payment.success");
  const send = useAction(
    () =>
      answer(api.POST("/api/v1/webhooks/test", { body: { event: EVENTS.find((one) => one === event) ?? EVENTS[0] } })),
    () => say("A test event is on its way"),
  );
  return (
    <div className={styles.part}>
      <div className={styles.test}>
        <SelectField
          name="event"
          label="Send a test event"
          options={EVENTS.map((one) => [one, one])}
          value={event}
          onChange={setEvent}
        />
        <Button
          disabled={!url}
          busy={send.isPending}
          onClick={() => send.mutate(undefined)}
          data-test-id="test-webhook-button"
        >
          Send
        </Button>
      </div>
      <Problem error={send.error} />
    </div>
  );
}
