/** How to take a payment, in three steps that work when pasted. */

import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { apiKeys, config, orders, session, webhookConfig } from "../../api/queries";
import { Button } from "../../ui/button";
import { Choice } from "../../ui/choice";
import { Code } from "../../ui/code";
import { Card, Page } from "../../ui/layout";
import { Failed, Notice, Waiting } from "../../ui/states";
import { coloured, type Language } from "./colours";
import styles from "./docs.module.css";
import { createOrder, type Facts, nodeReceiver, payButton, pythonReceiver, RECEIVER_PORT } from "./snippets";

/** The page of documentation. */
export function Docs() {
  const [filled, setFilled] = useState(false);
  const [who, places, keys, hooks, unpaid] = useQueries({
    queries: [session, config, apiKeys, webhookConfig, orders({ status: "created", limit: 1 })],
  });
  const known = who.data?.test_credentials || filled;
  const failed = [places, keys, hooks].find((query) => query.error && !query.data);
  const facts: Facts | undefined = places.data &&
    keys.data &&
    hooks.data && {
      apiUrl: places.data.api_url,
      checkoutUrl: places.data.checkout_url,
      apiKey: keys.data.api_key,
      apiSecret: known ? keys.data.api_secret : null,
      webhookSecret: known ? hooks.data.secret : null,
      orderId: unpaid.data?.data[0]?.id ?? null,
    };
  return (
    <Page
      title="Docs"
      about="Your first payment in three steps. Your key and addresses are filled in."
      actions={
        places.data && (
          <a href={`${places.data.api_url}/docs`} target="_blank" rel="noreferrer">
            API reference
          </a>
        )
      }
      testId="api-docs"
    >
      {!known && (
        <Notice tone="calm">
          The secrets are left out; the snippets take them from the environment.{" "}
          <Button small onClick={() => setFilled(true)}>
            Fill them in
          </Button>
        </Notice>
      )}
      {failed?.error && <Failed error={failed.error} retry={() => void failed.refetch()} />}
      {!facts && !failed && <Waiting />}
      {facts && <Steps facts={facts} />}
    </Page>
  );
}

function Steps({ facts }: { facts: Facts }) {
  return (
    <>
      <Card title="1. Create an order" testId="section-create-order">
        <Prose>
          An order says how much is to be paid, in the smallest unit: <code>50000</code> is ₹500.00. Your server creates
          it; the answer holds its <code>id</code>.
        </Prose>
        <Snippet language="bash" what="command" text={createOrder(facts)} testId="code-snippet-create-order" />
      </Card>
      <Card title="2. Let the payer pay" testId="section-sdk-integration">
        <Prose>
          Save this as <code>index.html</code>, run <code>python3 -m http.server 8080</code> beside it, and open{" "}
          <code>http://localhost:8080</code>.{" "}
          {facts.orderId
            ? "It pays your newest unpaid order."
            : "Run step 1 first; the new order's id then appears in here by itself."}{" "}
          To pay, the VPA <code>success@kassa</code> always works in test mode, <code>failure@kassa</code> never does.
        </Prose>
        <Snippet language="html" what="page" text={payButton(facts)} testId="code-snippet-sdk" />
      </Card>
      <Receivers facts={facts} />
    </>
  );
}

const LANGUAGES: ["python" | "javascript", string][] = [
  ["python", "Python"],
  ["javascript", "Node.js"],
];

function Receivers({ facts }: { facts: Facts }) {
  const [language, setLanguage] = useState<"python" | "javascript">("python");
  return (
    <Card
      title="3. Hear of it, and check that it is true"
      actions={<Choice label="Language" options={LANGUAGES} value={language} onChange={setLanguage} />}
      testId="section-webhook-verification"
    >
      <Prose>
        A browser can claim anything, so ship on the webhook. Each one is signed with your webhook secret, over the
        exact bytes of its body. Run this receiver, then set <code>http://localhost:{RECEIVER_PORT}</code> as your{" "}
        <Link to="/dashboard/webhooks">webhook URL</Link> and send a test event. The same webhook may come twice:
        remember its <code>webhook-id</code> header.
      </Prose>
      <Snippet
        language={language}
        what="receiver"
        text={language === "python" ? pythonReceiver(facts) : nodeReceiver(facts)}
        testId="code-snippet-webhook"
      />
    </Card>
  );
}

function Prose({ children }: { children: ReactNode }) {
  return <p className={styles.prose}>{children}</p>;
}

type SnippetProps = { language: Language; text: string; what: string; testId: string };

function Snippet({ language, text, what, testId }: SnippetProps) {
  return (
    <Code text={text} what={what} testId={testId}>
      {coloured(language, text)}
    </Code>
  );
}
