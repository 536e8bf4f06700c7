/** A merchant's own account at one provider: whether it is kept, keeping and removing it. Its keys never come back. */

import type { Schemas } from "@kassa/api";
import { type Ref, type RefObject, useEffect, useRef, useState } from "react";
import { useAction } from "../../api/action";
import { answer, api } from "../../api/client";
import { providerName } from "../../format/provider";
import { Badge } from "../../ui/badge";
import { Button } from "../../ui/button";
import { Copyable } from "../../ui/copy";
import { Form, TextField } from "../../ui/field";
import { Card, Details } from "../../ui/layout";
import { Confirm, Modal, ModalFoot } from "../../ui/modal";
import { Problem } from "../../ui/states";
import { say } from "../../ui/toasts";
import { accountOf, accountUsed, FIELDS } from "./accounts";

type Props = { accounts: Schemas["ProviderAccounts"] };

const WHOSE = { own: "your own", gateway: "the gateway's", none: "none" };

/** The card of one provider. */
export function Account({ accounts }: Props) {
  const { provider, own_account, notification_url } = accounts;
  const keep = useFocusAfter(own_account);
  const used = accountUsed(accounts);
  return (
    <Card
      title={providerName(provider)}
      testId={`provider-${provider}`}
      actions={
        <>
          <Keep accounts={accounts} button={keep} />
          {own_account && <Remove accounts={accounts} />}
        </>
      }
    >
      <Details
        items={[
          [
            "Account",
            <span key="account" data-test-id="provider-account">
              <Badge status={WHOSE[used]} tone={used === "own" ? "good" : "calm"} />
            </span>,
          ],
          [
            "Notification URL",
            <Copyable
              key="url"
              text={notification_url}
              what={`notification URL for ${providerName(provider)}`}
              testId="notification-url"
            />,
          ],
        ]}
      />
    </Card>
  );
}

/** The button that takes the focus when the account is removed, for the one that had it goes along. */
function useFocusAfter(kept: boolean): RefObject<HTMLButtonElement | null> {
  const button = useRef<HTMLButtonElement>(null);
  const before = useRef(kept);
  useEffect(() => {
    if (before.current && !kept && document.activeElement === document.body) button.current?.focus();
    before.current = kept;
  }, [kept]);
  return button;
}

function Keep({ accounts, button }: Props & { button: Ref<HTMLButtonElement> }) {
  const [open, setOpen] = useState(false);
  const name = providerName(accounts.provider);
  return (
    <>
      <Button ref={button} onClick={() => setOpen(true)} data-test-id="keep-account-button">
        {accounts.own_account ? "Replace the keys" : "Add your account"}
      </Button>
      <Modal
        title={`Your account at ${name}`}
        about={
          accounts.own_account
            ? "New keys of the same account: payments stay with the account that they began with."
            : "Kept encrypted, and never shown again."
        }
        open={open}
        onClose={() => setOpen(false)}
      >
        <AccountForm provider={accounts.provider} close={() => setOpen(false)} />
      </Modal>
    </>
  );
}

function AccountForm({ provider, close }: { provider: string; close: () => void }) {
  const keep = useAction(
    (body: Schemas["NewAccount"]) =>
      answer(api.PUT("/api/v1/merchant/providers/{provider}", { params: { path: { provider } }, body })),
    () => {
      close();
      say(`Your account at ${providerName(provider)} is saved`);
    },
  );
  return (
    <Form
      testId="account-form"
      label={`Your account at ${providerName(provider)}`}
      onSubmit={(values) => keep.mutate(accountOf(values))}
    >
      {FIELDS[provider]?.map(({ name, label, placeholder }) => (
        <TextField
          key={name}
          name={name}
          label={label}
          placeholder={placeholder}
          type="password"
          autoComplete="off"
          spellCheck={false}
          maxLength={500}
          check={(text) => (text.trim() ? null : "As the provider shows it")}
          testId={`account-${name}-input`}
        />
      ))}
      <Problem error={keep.error} />
      <ModalFoot close={close}>
        <Button type="submit" kind="primary" busy={keep.isPending} data-test-id="save-account-button">
          Save
        </Button>
      </ModalFoot>
    </Form>
  );
}

function Remove({ accounts }: Props) {
  const { provider, gateway_account } = accounts;
  const name = providerName(provider);
  return (
    <Confirm
      label="Remove"
      confirm="Remove the account"
      kind="danger"
      title={`Remove your account at ${name}?`}
      about={`Its keys are forgotten. ${
        gateway_account ? "New payments there go through the gateway's account." : "No new payments can be taken there."
      } What is open there, and refunds of what was paid there, wait until it is added again.`}
      testId="remove-account-button"
      run={() => answer(api.DELETE("/api/v1/merchant/providers/{provider}", { params: { path: { provider } } }))}
      done={() => say(`Your account at ${name} is removed`)}
    />
  );
}
