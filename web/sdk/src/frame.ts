/** The checkout page in a frame over the shop's page: how it looks, and how it keeps the focus. */

/* Styles are set through the DOM, which a Content-Security-Policy without 'unsafe-inline' allows. `all: initial` keeps
   the shop's own rules out. Below 500 px of width the frame fills the screen: each clamp() is 0 there. */
const OVERLAY = `all: initial; position: fixed; top: 0; left: 0; width: 100%; height: 100%; z-index: 2147483647;
  box-sizing: border-box; display: flex; align-items: center; justify-content: center; background: rgba(13, 15, 22, 0.62);
  padding: clamp(0px, (100vw - 500px) * 999, 24px);
  padding: max(env(safe-area-inset-top), clamp(0px, (100vw - 500px) * 999, 24px)) env(safe-area-inset-right)
    max(env(safe-area-inset-bottom), clamp(0px, (100vw - 500px) * 999, 24px)) env(safe-area-inset-left);
  overscroll-behavior: contain;`;
const CONTENT = `all: initial; position: relative; width: 100%; max-width: max(440px, (500px - 100vw) * 999); height: 100%;
  overflow: hidden; border-radius: clamp(0px, (100vw - 500px) * 999, 18px); box-shadow: 0 24px 80px rgba(0, 0, 0, 0.35);`;
const FRAME = "all: initial; display: block; position: relative; width: 100%; height: 100%; border: 0;";
const CLOSE = `all: initial; position: absolute; top: 14px; right: 14px; width: 40px; height: 40px; border-radius: 50%;
  display: flex; align-items: center; justify-content: center; cursor: pointer; font: 26px/1 system-ui, sans-serif;`;
const WAITING = `all: initial; position: absolute; top: 45%; width: 100%; text-align: center;
  font: 16px system-ui, sans-serif;`;
const LIGHT = { ground: "#fff", ink: "#14172b", soft: "#eef1fd" };
const DARK = { ground: "#171a25", ink: "#eef0f9", soft: "#2b3042" };
const USUAL_HEIGHT = 640;

export interface Frame {
  iframe: HTMLIFrameElement;
  /** The page in the frame has come. */
  arrived(): void;
  /** Makes the frame as high as its page, where the screen allows it. */
  fit(height: number): void;
  /** Takes everything away and gives the focus back. */
  remove(): void;
}

/** Undoes something; everything that is done to the shop's page comes with one. */
type Undo = () => void;

/** Shows `url` over the page; `onClose` is called when the payer wants to be rid of it. */
export function showFrame(url: string, onClose: () => void): Frame {
  const { modal, overlay, content, waiting, iframe, button } = assemble(url);
  button.addEventListener("click", onClose);
  const before = document.activeElement;
  const undo = [makeInert(), stopScrolling(), keepFocus(modal, overlay, content, button), keepInView(overlay)];
  undo.push(listen(document, "keydown", (event) => (event as KeyboardEvent).key === "Escape" && onClose()));
  document.body.append(modal);
  content.focus({ preventScroll: true });

  const fit = (height: number) => {
    content.style.maxHeight = `max(${height}px, (500px - 100vw) * 999)`;
  };
  fit(USUAL_HEIGHT);
  return {
    iframe,
    fit,
    arrived: () => waiting.remove(),
    remove() {
      modal.remove();
      for (const step of undo) step();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    },
  };
}

function assemble(url: string) {
  const { ground, ink, soft } = matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT;
  const modal = element("div", "", { id: "payment-gateway-modal", "data-test-id": "payment-modal" });
  const overlay = element("div", OVERLAY, { class: "modal-overlay" });
  const dialog = { role: "dialog", "aria-modal": "true", "aria-label": "Payment", tabindex: "-1" };
  const content = element("div", `${CONTENT} background: ${ground};`, { class: "modal-content", ...dialog });
  const waiting = element("p", `${WAITING} color: ${ink};`, { role: "status" });
  waiting.textContent = "Opening the checkout…";
  const iframe = element("iframe", FRAME, { "data-test-id": "payment-iframe", title: "Payment", src: url });
  const button = element("button", `${CLOSE} color: ${ink}; background: ${soft};`, {
    class: "close-button",
    "data-test-id": "close-modal-button",
    type: "button",
    "aria-label": "Close",
  });
  button.textContent = "×";
  // The style sheet of the shop cannot say how the focus looks here, and neither can a selector.
  button.addEventListener("focus", () => (button.style.outline = `3px solid ${ink}`));
  button.addEventListener("blur", () => (button.style.outline = ""));
  content.append(waiting, iframe, button);
  overlay.append(content);
  modal.append(overlay);
  return { modal, overlay, content, waiting, iframe, button };
}

/** Keyboard: from the last thing in the modal to the first and back, and to nothing behind it. */
function keepFocus(modal: Element, overlay: Element, content: HTMLElement, button: HTMLElement): Undo {
  const [first, last] = [element("span", "", { tabindex: "0" }), element("span", "", { tabindex: "0" })];
  first.addEventListener("focus", () => button.focus());
  last.addEventListener("focus", () => content.focus());
  overlay.prepend(first);
  overlay.append(last);
  return listen(document, "focusin", ({ target }) => modal.contains(target as Node) || content.focus());
}

/** A phone's keyboard covers a part of the page; what is left of it is the modal's. */
function keepInView(overlay: HTMLElement): Undo {
  const viewport = window.visualViewport;
  if (!viewport) return () => undefined;
  const keep = () => {
    // While the payer looks closer, nothing may move.
    if (viewport.scale !== 1) return;
    overlay.style.height = `${viewport.height}px`;
    overlay.style.top = `${viewport.offsetTop}px`;
  };
  const undo = [listen(viewport, "resize", keep), listen(viewport, "scroll", keep)];
  return () => {
    for (const step of undo) step();
  };
}

function listen(target: EventTarget, type: string, listener: (event: Event) => void): Undo {
  target.addEventListener(type, listener);
  return () => target.removeEventListener(type, listener);
}

function element<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, style: string, attributes: Record<string, string>) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.style.cssText = style;
  return made;
}

/** Takes everything that is on the page out of reach; returns how to undo it. */
function makeInert(): Undo {
  const reachable = Array.from(document.body.children).filter((child) => !child.hasAttribute("inert"));
  for (const child of reachable) child.setAttribute("inert", "");
  return () => {
    for (const child of reachable) child.removeAttribute("inert");
  };
}

/** Keeps the page where it is, and as wide as it is without its scroll bar; returns how to undo it. */
function stopScrolling(): Undo {
  const { style, clientWidth } = document.documentElement;
  const { overflow, paddingRight } = style;
  const bar = window.innerWidth - clientWidth;
  style.overflow = "hidden";
  if (bar > 0) style.paddingRight = `${bar}px`;
  return () => {
    style.overflow = overflow;
    style.paddingRight = paddingRight;
  };
}
