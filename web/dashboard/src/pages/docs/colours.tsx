/** Program text in colours, as React elements rather than HTML text. */

import bash from "highlight.js/lib/languages/bash";
import javascript from "highlight.js/lib/languages/javascript";
import python from "highlight.js/lib/languages/python";
import xml from "highlight.js/lib/languages/xml";
import { createLowlight } from "lowlight";
import { Fragment, type ReactNode } from "react";

const colours = createLowlight({ bash, html: xml, javascript, python });
type Nodes = ReturnType<typeof colours.highlight>["children"];

export type Language = "bash" | "html" | "javascript" | "python";

/** `text` with its words marked by the classes of highlight.js. */
export function coloured(language: Language, text: string): ReactNode {
  return marked(colours.highlight(language, text).children);
}

function marked(nodes: Nodes): ReactNode {
  return nodes.map((node, place) => {
    // biome-ignore lint/suspicious/noArrayIndexKey: the nodes of one text never move
    if (node.type === "text") return <Fragment key={place}>{node.value}</Fragment>;
    if (node.type !== "element") return null;
    const names = node.properties.className;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: the nodes of one text never move
      <span key={place} className={Array.isArray(names) ? names.join(" ") : undefined}>
        {marked(node.children as Nodes)}
      </span>
    );
  });
}
