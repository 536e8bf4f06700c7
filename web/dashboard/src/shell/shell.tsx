/** What surrounds every page of the dashboard: the way to the others, and who is logged in. */

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import {
  BookOpen,
  CreditCard,
  House,
  KeyRound,
  Landmark,
  Link2,
  Menu as MenuIcon,
  Package,
  Undo2,
  Webhook,
  X,
} from "lucide-react";
import { useState } from "react";
import { config } from "../api/queries";
import { Dialog } from "../ui/dialog";
import { Toasts } from "../ui/toasts";
import { Account } from "./account";
import styles from "./shell.module.css";

const PAGES = [
  { to: "/dashboard", label: "Home", icon: House },
  { to: "/dashboard/transactions", label: "Transactions", icon: CreditCard },
  { to: "/dashboard/orders", label: "Orders", icon: Package },
  { to: "/dashboard/payment-links", label: "Payment links", icon: Link2 },
  { to: "/dashboard/refunds", label: "Refunds", icon: Undo2 },
  { to: "/dashboard/webhooks", label: "Webhooks", icon: Webhook },
  { to: "/dashboard/api-keys", label: "API keys", icon: KeyRound },
  { to: "/dashboard/providers", label: "Providers", icon: Landmark },
  { to: "/dashboard/docs", label: "Docs", icon: BookOpen },
] as const;

/** The frame around the pages. */
export function Shell() {
  return (
    <div className={styles.shell}>
      <a href="#main" className={styles.skip}>
        Skip to content
      </a>
      <header className={styles.top}>
        <Logo />
        <Drawer />
      </header>
      <header className={styles.side}>
        <div className={styles.sticky}>
          <Logo />
          <Pages />
          <Account />
        </div>
      </header>
      <main id="main" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
      <Toasts />
    </div>
  );
}

function Logo() {
  const { data } = useQuery(config);
  return (
    <div className={styles.logo}>
      <img src="/favicon.svg" alt="" width="26" height="26" />
      <span>Kassa</span>
      {data && !data.production && <span className={styles.mode}>Test mode</span>}
    </div>
  );
}

function Pages({ onGo }: { onGo?: () => void }) {
  return (
    <nav className={styles.pages} aria-label="Pages of the dashboard">
      <ul>
        {PAGES.map(({ to, label, icon: Icon }) => (
          <li key={to}>
            <Link to={to} activeOptions={{ exact: to === "/dashboard", includeSearch: false }} onClick={onGo}>
              <Icon aria-hidden />
              {label}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** On a phone the pages are behind a button. */
function Drawer() {
  const [open, setOpen] = useState(false);
  const close = () => setOpen(false);
  return (
    <>
      <button type="button" className={styles.toggle} aria-label="Menu" onClick={() => setOpen(true)}>
        <MenuIcon size={20} aria-hidden />
      </button>
      {open && (
        <Dialog className={styles.drawer} label="Menu" onClose={close}>
          <div className={styles.drawn}>
            <button type="button" className={styles.toggle} aria-label="Close the menu" onClick={close}>
              <X size={20} aria-hidden />
            </button>
            <Pages onGo={close} />
            <Account />
          </div>
        </Dialog>
      )}
    </>
  );
}
