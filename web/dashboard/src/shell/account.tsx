/** What belongs to whoever is logged in: colours, the API's reference, the way out. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ChevronsUpDown } from "lucide-react";
import { useId, useState } from "react";
import { answer, api } from "../api/client";
import { config, session } from "../api/queries";
import styles from "./account.module.css";

const THEMES = { system: "As the system", light: "Light", dark: "Dark" };

/** The merchant's name, and what it opens. */
export function Account() {
  const id = useId();
  const { data: found } = useQuery(session);
  const { data: places } = useQuery(config);
  const leave = useLeave();
  if (!found) return null;
  return (
    <div className={styles.account}>
      <button type="button" className={styles.trigger} popoverTarget={id} data-test-id="account-button">
        <span className={styles.who}>
          <strong>{found.merchant.name}</strong>
          <span>{found.merchant.email}</span>
        </span>
        <ChevronsUpDown aria-hidden />
      </button>
      <div id={id} popover="auto" className={styles.popup}>
        <Theme />
        <hr className={styles.line} />
        {places && (
          <a className={styles.item} href={`${places.api_url}/docs`} target="_blank" rel="noreferrer">
            API reference
          </a>
        )}
        <hr className={styles.line} />
        <button type="button" className={styles.item} onClick={() => leave(api.DELETE("/api/v1/session"))}>
          Log out
        </button>
        <button type="button" className={styles.item} onClick={() => leave(api.DELETE("/api/v1/sessions"))}>
          Log out everywhere
        </button>
      </div>
    </div>
  );
}

function Theme() {
  const name = useId();
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "system");
  const choose = (next: string) => {
    localStorage.setItem("kassa-theme", next);
    document.documentElement.dataset.theme = next;
    setTheme(next);
  };
  return (
    <fieldset className={styles.themes}>
      <legend>Colours</legend>
      {Object.entries(THEMES).map(([value, label]) => (
        <label key={value} className={styles.item}>
          {label}
          <input type="radio" name={name} value={value} checked={value === theme} onChange={() => choose(value)} />
        </label>
      ))}
    </fieldset>
  );
}

/** Log out, and forget everything that was read. */
function useLeave(): (call: Parameters<typeof answer>[0]) => void {
  const client = useQueryClient();
  const navigate = useNavigate();
  return (call) =>
    void answer(call).finally(async () => {
      client.setQueryData(session.queryKey, null);
      await navigate({ to: "/login", search: {} });
      client.clear();
    });
}
