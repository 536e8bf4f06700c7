/** Starts the page, alone or inside a shop's page. */

import { createRoot } from "react-dom/client";
import { App } from "./App";
import { findEmbedder } from "./embedder";
import { placeOf } from "./place";
import "./style.css";

const embedded = new URLSearchParams(location.search).get("embedded") === "true";
const embedder = findEmbedder(window);

if (embedded) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") embedder.tell("close_modal");
  });
}

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(<App place={placeOf(location)} embedded={embedded} embedder={embedder} />);
}
embedder.tell("kassa_ready");
if (root && embedded) {
  // The frame around this page is as high as what is in it.
  new ResizeObserver(() => embedder.tell("kassa_height", { height: root.scrollHeight })).observe(root);
}
